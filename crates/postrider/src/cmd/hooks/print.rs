//! How hooks are shown: tables for people, JSON for programs. Shows what it is given, and so never hides a secret itself.

use serde_json::{Map, Value, json};

use crate::args::HookName;
use crate::cmd::tell::{print, straight, table};
use crate::exit::Failure;

/// Rows that are held back until the widths of their columns are known.
const MAX_ROWS: usize = 1000;

const COLUMNS: [(&str, &str); 7] = [
    ("USER", "userId"),
    ("HOOK", "id"),
    ("ACTIVE", "active"),
    ("ON", "on"),
    ("DESTINATION", "url"),
    ("LATEST", "latestStatus"),
    ("NAME", "name"),
];

/// One object: a line of JSON, or a line for each of its keys.
pub(super) fn one(shown: &Map<String, Value>, json: bool) -> Result<(), Failure> {
    if json {
        return print(&json_line(shown));
    }
    let rows: Vec<Vec<String>> = shown.iter().map(|(key, value)| vec![key.clone(), cell(value)]).collect();
    print(&straight(&rows))
}

/// A hook that isn't there any more.
pub(super) fn removed(name: &HookName, json: bool) -> Result<(), Failure> {
    let HookName { hook, user } = name;
    if json {
        return print(&format!("{}\n", json!({ "id": hook, "userId": user, "deleted": true })));
    }
    print(&format!("{}\n", hook.escape_debug()))
}

/// Hooks that are listed.
#[derive(Debug)]
pub(super) struct Rows {
    json: bool,
    held: Vec<Vec<String>>,
}

impl Rows {
    pub(super) fn new(json: bool) -> Self {
        let head = COLUMNS.map(|(head, _)| head.to_owned()).to_vec();
        Self { json, held: if json { Vec::new() } else { vec![head] } }
    }

    pub(super) fn add(&mut self, shown: &Map<String, Value>) -> Result<(), Failure> {
        if self.json {
            return print(&json_line(shown));
        }
        self.held.push(COLUMNS.map(|(_, key)| cell(shown.get(key).unwrap_or(&Value::Null))).to_vec());
        if self.held.len() < MAX_ROWS { Ok(()) } else { self.flush() }
    }

    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let rows = std::mem::take(&mut self.held);
        table(&rows)
    }
}

fn json_line(shown: &Map<String, Value>) -> String {
    serde_json::to_string(shown).expect("a JSON object can be written to memory") + "\n"
}

/// A value in one line without control characters: names come from strangers.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_whatever_a_stranger_wrote() {
        for (value, expected) in [
            (json!("it's \"mine\"\n\u{1b}[31m"), "it's \"mine\"\\n\\u{1b}[31m"),
            (json!(["note", "reply"]), "note,reply"),
            (json!([]), ""),
            (json!(null), "-"),
            (json!({"X-A": "***"}), "{\"X-A\":\"***\"}"),
            (json!(5), "5"),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }

    #[test]
    fn columns_are_straight_and_lines_have_no_blanks_at_their_end() {
        let rows = [["A", "B"], ["long", ""], ["x", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(straight(&rows), "A     B\nlong\nx     y\n");
        assert_eq!(straight(&[]), "");
    }
}
