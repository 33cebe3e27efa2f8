//! From JSON to a job or an event, for the command line and the API: one object whose keys are the contract's fields.
//! Judges the line, not what is in it.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::job::{EntryKind, Field};
use crate::profile::Profile;

/// The fields that one line gives. `defaults` are the fields that hold where the line doesn't give them.
///
/// `content` is taken byte for byte as it is written, whatever it is; only in a job of profile `raw`, a string means its
/// text.
/// The other fields are strings, or numbers as they are written; `null` leaves a field out.
///
/// # Errors
/// What is wrong with the line, without its values.
pub fn fields_of(kind: EntryKind, line: &[u8], defaults: &[Field]) -> Result<Vec<Field>, Fault> {
    let Members(members) = parse(line)?;
    let is_raw = kind == EntryKind::Job && is_raw(&members, defaults);
    let mut fields = Vec::with_capacity(members.len() + defaults.len());
    for (name, value) in members {
        let bytes = match name.as_str() {
            "content" if is_raw => raw_content(value)?,
            "content" => Some(value.get().into()),
            _ => plain(&name, value)?,
        };
        fields.extend(bytes.map(|bytes| (name.into_bytes(), bytes)));
    }
    let is_given = |wanted: &[u8]| fields.iter().any(|(name, _)| name == wanted);
    let lacking: Vec<_> = defaults.iter().filter(|(name, _)| !is_given(name)).cloned().collect();
    fields.extend(lacking);
    Ok(fields)
}

/// Keys and values of an object, repeated ones too: the job's rules name them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

fn parse(line: &[u8]) -> Result<Members<'_>, Fault> {
    let not_json = |place: String| Fault::of_entry(format!("the line isn't one JSON object: {place}"));
    let text = std::str::from_utf8(line)
        .map_err(|error| not_json(format!("not UTF-8 at byte {}", error.valid_up_to() + 1)))?;
    // What is no object at all would be repeated by the parser's message.
    if !text.trim_start().starts_with('{') {
        return Err(not_json("it doesn't begin with '{'".into()));
    }
    serde_json::from_str(text).map_err(|error| not_json(format!("see column {}", error.column())))
}

fn is_raw(members: &[(String, &RawValue)], defaults: &[Field]) -> bool {
    let own = members.iter().rev().find(|(name, value)| name == "profile" && value.get() != "null");
    match own {
        Some((_, value)) => {
            text(value).is_some_and(|name| Profile::parse(name.as_bytes()) == Some(Profile::Raw))
        }
        None => defaults.iter().any(|(name, value)| name == b"profile" && value == b"raw"),
    }
}

fn raw_content(value: &RawValue) -> Result<Option<Vec<u8>>, Fault> {
    if !value.get().starts_with('"') {
        return Ok(Some(value.get().into()));
    }
    let text =
        text(value).ok_or_else(|| Fault::of_field(b"content", "has an escape that is no character"))?;
    Ok(Some(text.into_bytes()))
}

/// A field other than `content`.
fn plain(name: &str, value: &RawValue) -> Result<Option<Vec<u8>>, Fault> {
    let written = value.get();
    let fault = || Fault::of_field(name.as_bytes(), "must be a string or a number");
    match written.as_bytes().first() {
        Some(b'"') => Ok(Some(text(value).ok_or_else(fault)?.into_bytes())),
        Some(b'-' | b'0'..=b'9') => Ok(Some(written.into())),
        Some(b'n') => Ok(None),
        _ => Err(fault()),
    }
}

/// The text of a string; `None` for other values, and for strings with half a surrogate pair, which no text has.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        (name.into(), value.into())
    }

    #[track_caller]
    fn check(line: &str, defaults: &[Field], expected: &[(&str, &str)]) {
        let expected: Vec<Field> = expected.iter().map(|(name, value)| field(name, value)).collect();
        let found = fields_of(EntryKind::Job, line.as_bytes(), defaults).unwrap();
        assert_eq!(found, expected, "{line}");
    }

    #[track_caller]
    fn check_fault(line: &[u8], sentence: &str) {
        assert_eq!(fields_of(EntryKind::Job, line, &[]).unwrap_err().sentence(), sentence);
    }

    #[test]
    fn content_is_taken_byte_for_byte() {
        for content in [
            r#"{ "b":1,  "a":1e400, "a":"\u00e9\ud800" }"#,
            "null",
            "\"text\"",
            " [1 ]\t",
            "12345678901234567890",
        ] {
            let line = format!("{{\"type\":\"note\",\"content\":{content}}}");
            check(&line, &[], &[("type", "note"), ("content", content.trim())]);
        }
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        check(&format!("{{\"content\":{deep}}}"), &[], &[("content", &deep)]);
    }

    #[test]
    fn a_string_is_the_text_of_a_raw_job() {
        let expected = [("profile", "raw"), ("content", "a\"é\n")];
        check(r#"{"profile":"raw","content":"a\"\u00e9\n"}"#, &[], &expected);
        check(r#"{"content":"a"}"#, &[field("profile", "raw")], &[("content", "a"), ("profile", "raw")]);
        check(
            r#"{"content":"a","profile":"standard"}"#,
            &[field("profile", "raw")],
            &[("content", "\"a\""), ("profile", "standard")],
        );
        check(
            r#"{"profile":"raw","content":{"a": 1}}"#,
            &[],
            &[("profile", "raw"), ("content", "{\"a\": 1}")],
        );
    }

    #[test]
    fn an_event_is_never_raw() {
        let line = br#"{"profile":"raw","content":"a"}"#;
        let found = fields_of(EntryKind::Event, line, &[]).unwrap();
        assert_eq!(found, [field("profile", "raw"), field("content", "\"a\"")]);
    }

    #[test]
    fn numbers_are_taken_as_they_are_written_and_null_leaves_out() {
        check(
            r#"{"notBefore":1764324000123,"timeoutMs":"5000","maxAttempts":1e1,"userId":null}"#,
            &[],
            &[("notBefore", "1764324000123"), ("timeoutMs", "5000"), ("maxAttempts", "1e1")],
        );
    }

    #[test]
    fn flags_hold_where_the_line_says_nothing() {
        let defaults = [field("to", "flag"), field("type", "flag")];
        check(
            r#"{"type":"line","content":1}"#,
            &defaults,
            &[("type", "line"), ("content", "1"), ("to", "flag")],
        );
    }

    #[test]
    fn repeated_keys_are_left_to_the_jobs_rules() {
        check(r#"{"id":"a","id":"b"}"#, &[], &[("id", "a"), ("id", "b")]);
    }

    #[test]
    fn a_line_that_is_no_object_is_told_without_repeating_it() {
        check_fault(b"\"canary\"", "the line isn't one JSON object: it doesn't begin with '{'");
        check_fault(b"{\"a\":canary}", "the line isn't one JSON object: see column 6");
        check_fault(b"{} {}", "the line isn't one JSON object: see column 4");
        check_fault(b"{\"a\":\"\xff\"}", "the line isn't one JSON object: not UTF-8 at byte 7");
    }

    #[test]
    fn fields_are_strings_or_numbers() {
        for value in ["true", "[]", "{}", r#""\ud800""#] {
            let line = format!("{{\"secret\":{value}}}");
            check_fault(line.as_bytes(), "field 'secret' must be a string or a number");
        }
    }
}
