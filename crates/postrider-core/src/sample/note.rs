//! Notes as Misskey shows them.

use serde_json::{Map, Value, json};

use super::user::{CAT, FOLLOWER, User};
use crate::time::Timestamp;

/// One of the notes that exist only in samples.
#[derive(Clone, Debug)]
pub(super) struct Note {
    id: &'static str,
    author: User,
    text: Option<&'static str>,
    mentions: Vec<&'static str>,
    /// `reply` or `renote`, and the note that it is about.
    about: Option<(&'static str, Box<Note>)>,
}

impl Note {
    pub(super) fn plain() -> Self {
        let text = Some("This is a dummy note for testing purposes.");
        Self { id: "dummy-note-1", author: CAT, text, mentions: Vec::new(), about: None }
    }

    pub(super) fn reply() -> Self {
        let text = Some("This is a dummy note for testing purposes.");
        Self { id: "dummy-reply-1", text, about: Some(("reply", Box::new(Self::plain()))), ..Self::plain() }
    }

    /// Without a text of its own: with one, it would be a quote.
    pub(super) fn renote() -> Self {
        let about = Some(("renote", Box::new(Self::plain())));
        Self { id: "dummy-renote-1", author: FOLLOWER, text: None, mentions: Vec::new(), about }
    }

    pub(super) fn mention() -> Self {
        let text = Some("@dummy2 This is a mention to you.");
        Self { id: "dummy-mention-1", text, mentions: vec![FOLLOWER.id], ..Self::plain() }
    }

    pub(super) fn to_json(&self, now: Timestamp) -> Value {
        let mut note = json!({
            "id": self.id,
            "createdAt": now.to_rfc3339(),
            "deletedAt": null,
            "text": self.text,
            "cw": null,
            "userId": self.author.id,
            "user": self.author.lite(),
            "replyId": null,
            "renoteId": null,
            "isHidden": false,
            "visibility": "public",
            "mentions": self.mentions,
            "visibleUserIds": [],
            "fileIds": [],
            "files": [],
            "tags": [],
            "poll": null,
            "emojis": {},
            "channelId": null,
            "channel": null,
            "localOnly": true,
            "reactionAcceptance": "likeOnly",
            "reactionEmojis": {},
            "reactions": {},
            "reactionCount": 0,
            "renoteCount": 10,
            "repliesCount": 5,
        });
        if let (Some((relation, other)), Some(fields)) = (&self.about, note.as_object_mut()) {
            other.embed(relation, fields, now);
        }
        note
    }

    /// Puts its id and itself into a note that is about it.
    fn embed(&self, relation: &str, fields: &mut Map<String, Value>, now: Timestamp) {
        fields.insert(format!("{relation}Id"), self.id.into());
        fields.insert(relation.to_owned(), self.to_json(now));
    }
}
