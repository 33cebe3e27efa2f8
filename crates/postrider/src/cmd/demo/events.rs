//! The sample events: what a Misskey server would tell its hooks. Owns their shapes and their order; never sends.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::cast::{CAST, Role};

/// Whom the events are for, in turn: places in [`CAST`]. Most go to the sound receiver, a quarter to the slow one.
const TURNS: [usize; 20] = [0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 2, 0, 3, 4];

/// Misskey's event types, notes most often.
const KINDS: [&str; 11] =
    ["note", "reply", "note", "renote", "mention", "note", "follow", "note", "reply", "followed", "unfollow"];

/// Who writes and follows.
const PEOPLE: [(&str, &str); 4] =
    [("ai", "Ai-chan"), ("syuilo", "Shu"), ("murakami", "Murakami-san"), ("lantern", "Lantern Keeper")];

const TEXTS: [&str; 5] = [
    "The library stays open till nine tonight 🦉",
    "Anyone else hear the rain?",
    "今日のおやつは柿です",
    "New build is up, please try to break it.",
    "@ai good morning!",
];

/// One event for one receiver, ready for XADD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The receiver's place in [`CAST`].
    pub(crate) receiver: usize,
    /// Misskey's event type.
    pub(crate) kind: &'static str,
    /// Its content, JSON.
    pub(crate) content: String,
}

impl Event {
    /// The event of that number; any number has one, always the same.
    pub(crate) fn numbered(number: usize) -> Self {
        let kind = KINDS[number % KINDS.len()];
        let content = content(kind, number).to_string();
        Self { receiver: TURNS[number % TURNS.len()], kind, content }
    }

    /// Whom it is for.
    pub(crate) fn role(&self) -> &'static Role {
        &CAST[self.receiver]
    }

    /// The fields of its job.
    pub(crate) fn fields<'a>(&'a self, url: &'a str, secret: &'a str) -> [(&'static str, &'a str); 6] {
        [
            ("to", url),
            ("type", self.kind),
            ("content", &self.content),
            ("hookId", self.role().name),
            ("userId", "9xdemo1"),
            ("secret", secret),
        ]
    }
}

/// Where a receiver takes events.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}/hook")
}

fn content(kind: &str, number: usize) -> Value {
    match kind {
        "follow" | "followed" | "unfollow" => json!({ "user": user(number) }),
        _ => json!({ "note": note(kind, number) }),
    }
}

fn note(kind: &str, number: usize) -> Value {
    let text = (kind != "renote").then(|| TEXTS[number % TEXTS.len()]);
    let mut note = json!({
        "id": format!("9y{number:06}"),
        "userId": user(number)["id"],
        "user": user(number),
        "text": text,
        "cw": null,
        "visibility": "public",
        "fileIds": [],
    });
    match kind {
        "reply" => note["replyId"] = json!(earlier(number)),
        "renote" => note["renoteId"] = json!(earlier(number)),
        "mention" => note["mentions"] = json!(["9xdemo1"]),
        _ => {}
    }
    note
}

fn earlier(number: usize) -> String {
    format!("9y{:06}", number.saturating_sub(1))
}

fn user(number: usize) -> Value {
    let (username, name) = PEOPLE[number % PEOPLE.len()];
    json!({ "id": format!("9x{username}"), "username": username, "name": name, "host": null })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_receiver_gets_every_kind_of_event() {
        let met: BTreeSet<_> = (0..TURNS.len() * KINDS.len())
            .map(Event::numbered)
            .map(|event| (event.role().name, event.kind))
            .collect();
        let kinds: BTreeSet<_> = KINDS.into();
        assert_eq!(met.len(), CAST.len() * kinds.len());
    }

    #[test]
    fn replies_and_renotes_name_an_earlier_note_and_only_renotes_have_no_text() {
        let note = |kind| content(kind, 7)["note"].clone();
        assert_eq!(note("reply")["replyId"], "9y000006");
        assert_eq!(note("renote")["renoteId"], "9y000006");
        assert!(note("renote")["text"].is_null() && note("mention")["text"].is_string());
        assert!(content("follow", 7)["user"]["username"].is_string());
    }
}
