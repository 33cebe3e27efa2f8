//! The sample events: what a Misskey server would tell of its users. Owns their shapes and their order; never pushes.

use serde_json::{Value, json};

/// Whose events they are and what happens, in turn: much for the first user, who has two hooks, a quarter for the slow
/// receiver, some that nobody asks for.
const TURNS: [(&str, &str); 20] = [
    ("9xai", "note"),
    ("9xshu", "note"),
    ("9xai", "reply"),
    ("9xai", "mention"),
    ("9xai", "note"),
    ("9xshu", "mention"),
    ("9xlan", "follow"),
    ("9xai", "renote"),
    ("9xai", "followed"),
    ("9xshu", "note"),
    ("9xai", "note"),
    ("9xai", "unfollow"),
    ("9xlan", "note"),
    ("9xshu", "note"),
    ("9xai", "reply"),
    ("9xai", "follow"),
    ("9xlan", "unfollow"),
    ("9xshu", "mention"),
    ("9xai", "note"),
    ("9xai", "mention"),
];

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

/// One event of one user, ready for XADD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Whose event it is.
    pub(crate) owner: &'static str,
    /// Misskey's event type.
    pub(crate) kind: &'static str,
    /// Its content, JSON.
    pub(crate) content: String,
}

impl Event {
    /// The event of that number; any number has one, always the same.
    pub(crate) fn numbered(number: usize) -> Self {
        let (owner, kind) = TURNS[number % TURNS.len()];
        let content = content(owner, kind, number).to_string();
        Self { owner, kind, content }
    }

    /// The fields of its entry.
    pub(crate) fn fields<'a>(&'a self, id: &'a str) -> [(&'static str, &'a str); 4] {
        [("userId", self.owner), ("type", self.kind), ("content", &self.content), ("id", id)]
    }
}

fn content(owner: &str, kind: &str, number: usize) -> Value {
    match kind {
        "follow" | "followed" | "unfollow" => json!({ "user": user(number) }),
        _ => json!({ "note": note(owner, kind, number) }),
    }
}

fn note(owner: &str, kind: &str, number: usize) -> Value {
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
        "mention" => note["mentions"] = json!([owner]),
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
    use super::super::cast::CAST;
    use super::*;

    #[test]
    fn every_hook_is_for_some_event_and_some_event_is_for_no_hook() {
        let events: Vec<Event> = (0..TURNS.len()).map(Event::numbered).collect();
        for role in &CAST {
            assert!(events.iter().any(|event| role.asks_for(event)), "{}", role.name);
        }
        assert!(events.iter().any(|event| !CAST.iter().any(|role| role.asks_for(event))));
        let hooks = |event: &Event| CAST.iter().filter(|role| role.asks_for(event)).count();
        assert!(events.iter().any(|event| hooks(event) > 1));
    }

    #[test]
    fn replies_and_renotes_name_an_earlier_note_and_only_renotes_have_no_text() {
        let note = |kind| content("9xai", kind, 7)["note"].clone();
        assert_eq!(note("reply")["replyId"], "9y000006");
        assert_eq!(note("renote")["renoteId"], "9y000006");
        assert!(note("renote")["text"].is_null() && note("mention")["text"].is_string());
        assert!(content("9xai", "follow", 7)["user"]["username"].is_string());
    }
}
