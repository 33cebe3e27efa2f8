//! A sample of each of Misskey's events, to try a hook with: well-formed, with the ids and texts that Misskey's own test
//! service uses. Never sent for a real event.

mod note;
mod user;

use std::fmt;

use serde_json::{Value, json};

use crate::time::Timestamp;
use note::Note;
use user::{CAT, FOLLOWED, FOLLOWER};

/// An event of Misskey's (contract section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MisskeyEvent {
    /// The owner follows someone.
    Follow,
    /// Someone follows the owner.
    Followed,
    /// The owner follows someone no more.
    Unfollow,
    /// The owner posts a note.
    Note,
    /// Someone replies to a note of the owner's.
    Reply,
    /// Someone renotes a note of the owner's.
    Renote,
    /// Someone mentions the owner.
    Mention,
    /// Someone reacts to a note of the owner's: hooks may ask for it, but Misskey doesn't send it.
    Reaction,
}

impl MisskeyEvent {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Follow,
        Self::Followed,
        Self::Unfollow,
        Self::Note,
        Self::Reply,
        Self::Renote,
        Self::Mention,
        Self::Reaction,
    ];

    /// Reads its exact name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// Its name, as `type` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Followed => "followed",
            Self::Unfollow => "unfollow",
            Self::Note => "note",
            Self::Reply => "reply",
            Self::Renote => "renote",
            Self::Mention => "mention",
            Self::Reaction => "reaction",
        }
    }

    /// The sample's content: `{"note":…}` or `{"user":…}`, as the event has it. `now` is when notes were written and
    /// users were seen.
    ///
    /// Misskey has no content for `reaction`. So that receivers that prepare for it can be tried, its sample holds what
    /// Misskey tells of a reaction elsewhere: the note, who reacted, and with what.
    pub fn sample(self, now: Timestamp) -> Value {
        match self {
            Self::Follow => json!({ "user": CAT.detailed(now) }),
            Self::Followed => json!({ "user": FOLLOWER.lite() }),
            Self::Unfollow => json!({ "user": FOLLOWED.detailed(now) }),
            Self::Note => json!({ "note": Note::plain().to_json(now) }),
            Self::Reply => json!({ "note": Note::reply().to_json(now) }),
            Self::Renote => json!({ "note": Note::renote().to_json(now) }),
            Self::Mention => json!({ "note": Note::mention().to_json(now) }),
            Self::Reaction => json!({
                "note": Note::plain().to_json(now),
                "user": FOLLOWER.lite(),
                "reaction": "\u{1f44d}",
            }),
        }
    }
}

impl fmt::Display for MisskeyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
