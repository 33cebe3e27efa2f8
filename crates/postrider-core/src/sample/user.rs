//! Users as Misskey shows them: `UserLite`, and `UserDetailedNotMe`, which is the same and much more.

use serde_json::{Map, Value, json};

use crate::time::Timestamp;

/// One of the users that exist only in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) id: &'static str,
    username: &'static str,
    name: &'static str,
}

/// Who posts, and is followed.
pub(super) const CAT: User = User { id: "dummy-user-1", username: "dummy1", name: "DummyUser1" };
/// Who follows, renotes, and is mentioned.
pub(super) const FOLLOWER: User = User { id: "dummy-user-2", username: "dummy2", name: "DummyUser2" };
/// Who is followed no more.
pub(super) const FOLLOWED: User = User { id: "dummy-user-3", username: "dummy3", name: "DummyUser3" };

impl User {
    /// `UserLite`.
    pub(super) fn lite(self) -> Value {
        Value::Object(self.lite_fields())
    }

    fn lite_fields(self) -> Map<String, Value> {
        let Self { id, username, name } = self;
        let fields = json!({
            "id": id,
            "name": name,
            "username": username,
            "host": null,
            "avatarUrl": format!("https://misskey.example/identicon/{username}@misskey.example"),
            "avatarBlurhash": null,
            "avatarDecorations": [],
            "isBot": false,
            "isCat": true,
            "emojis": {},
            "onlineStatus": "active",
        });
        object(fields)
    }

    /// `UserDetailedNotMe`.
    pub(super) fn detailed(self, now: Timestamp) -> Value {
        let mut fields = self.lite_fields();
        fields.extend(self.profile(now));
        fields.extend(self.notes());
        fields.extend(relation());
        Value::Object(fields)
    }

    /// What the user says, and what the server knows.
    fn profile(self, now: Timestamp) -> Map<String, Value> {
        object(json!({
            "url": null,
            "uri": null,
            "movedTo": null,
            "alsoKnownAs": [],
            "createdAt": now.to_rfc3339(),
            "updatedAt": now.to_rfc3339(),
            "lastFetchedAt": now.to_rfc3339(),
            "bannerUrl": null,
            "bannerBlurhash": null,
            "isLocked": false,
            "isSilenced": false,
            "isSuspended": false,
            "description": null,
            "location": null,
            "birthday": null,
            "lang": null,
            "fields": [],
            "verifiedLinks": [],
        }))
    }

    /// Notes, followers, and who may see them.
    fn notes(self) -> Map<String, Value> {
        object(json!({
            "followersCount": 0,
            "followingCount": 0,
            "notesCount": 0,
            "pinnedNoteIds": [],
            "pinnedNotes": [],
            "pinnedPageId": null,
            "pinnedPage": null,
            "publicReactions": true,
            "followingVisibility": "public",
            "followersVisibility": "public",
            "chatScope": "mutual",
            "canChat": true,
            "roles": [],
            "memo": null,
        }))
    }
}

/// What is between the user and the hook's owner.
fn relation() -> Map<String, Value> {
    object(json!({
        "isFollowing": false,
        "isFollowed": false,
        "hasPendingFollowRequestFromYou": false,
        "hasPendingFollowRequestToYou": false,
        "isBlocking": false,
        "isBlocked": false,
        "isMuted": false,
        "isRenoteMuted": false,
        "notify": "none",
        "withReplies": true,
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
