//! What the documents show of Misskey: the examples of events are what the code makes, the settings are settings, and what
//! an event's jobs inherit is told of.

use postrider_core::sample::MisskeyEvent;
use postrider_core::time::Timestamp;
use postrider_tests::event_examples::events;
use serde_json::Value;

use crate::{postrider, read};

/// When the examples of `docs/events.md` were made.
const EXAMPLES_MADE: Timestamp = Timestamp::from_millis(1_764_324_000_123);

#[test]
fn the_examples_of_events_are_the_samples_of_test_sends() {
    let examples = events();
    let shown: Vec<&str> = examples.iter().map(|example| example.event_type.as_str()).collect();
    assert_eq!(shown, MisskeyEvent::ALL.map(MisskeyEvent::as_str));
    for (example, event) in examples.iter().zip(MisskeyEvent::ALL) {
        let content: Value = serde_json::from_str(&example.content).unwrap();
        assert_eq!(content, event.sample(EXAMPLES_MADE), "{event}");
    }
}

#[test]
fn the_settings_that_do_as_misskey_does_are_accepted_and_in_force() {
    let text = read("docs/misskey.md");
    let (_, rest) = text.split_once("```toml\n").expect("docs/misskey.md shows settings");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rest.split("```").next().unwrap()).unwrap();
    let answer = postrider(&["config", "--json", "--config", file.path().to_str().unwrap()]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    for (key, value) in [
        ("retry.max_attempts", "4"),
        ("retry.base", "60s"),
        ("retry.cap", "8h"),
        ("retry.jitter", "0.2"),
        ("retry.max_retry_after", "0s"),
        ("delivery.timeout", "5s"),
        ("server.url", "https://misskey.example"),
        ("profile.misskey.user_agent", "Misskey-Hooks"),
    ] {
        let rows = answer.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let row = rows.into_iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}"));
        assert_eq!(row["value"], value, "{key}");
    }
}

#[test]
fn every_field_that_jobs_inherit_is_told_of() {
    let document = read("docs/events.md");
    let script = read("crates/postrider-store/src/scripts/fan_out.lua");
    let (_, list) = script.split_once("local inherited = {").expect("the script names what is inherited");
    let names = list.split('}').next().unwrap().split(',').filter_map(|pair| pair.split('=').next());
    let (_, told) = document.split_once("Its jobs inherit").expect("the document says what is inherited");
    let sentence = told.split("\n\n").next().unwrap();
    for name in names {
        assert!(sentence.contains(&format!("`{}`", name.trim())), "docs/events.md doesn't tell of {name}");
    }
}
