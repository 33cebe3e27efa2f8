//! The configuration file: TOML, read into the same texts that flags and variables hold. Knows which keys
//! exist, not what their values mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::{Table, Value};

use super::key::Key;
use super::keys::KEYS;
use super::problem::{Problem, Problems};

/// Largest file that is read, in bytes: one with every key and long lists has a few thousand.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a file says: keys with their texts, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) values: Vec<(&'static Key, String)>,
    pub(crate) problems: Problems,
    origin: String,
}

/// Reads the file; that it can't be read is a problem like any other.
pub(crate) fn read(path: &Path) -> Contents {
    let mut contents = Contents { origin: path.display().to_string(), ..Contents::default() };
    match text_of_file(path) {
        Ok(text) => contents.parse(&text),
        Err(error) => contents.problem("config", None, format!("can't read the file: {error}")),
    }
    contents
}

fn text_of_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}

impl Contents {
    fn parse(&mut self, text: &str) {
        match toml::from_str::<Table>(text) {
            Ok(table) => self.walk(&table, ""),
            Err(error) => {
                // Only message and place: the parser's full text quotes the line, which may hold a secret.
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                self.problem(
                    "config",
                    None,
                    format!("line {line} is not TOML: {}", one_line(error.message())),
                );
            }
        }
    }

    /// Takes the table's keys. Goes into known sections only, so no deeper than the longest key's name.
    fn walk(&mut self, table: &Table, section: &str) {
        for (name, value) in table {
            let path = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
            match (value, Key::find(&path)) {
                (value, Some(key)) => self.take(key, value),
                (Value::Table(inner), None) if is_section(&path) => self.walk(inner, &path),
                (_, None) => self.unknown(&path),
            }
        }
    }

    fn take(&mut self, key: &'static Key, value: &Value) {
        match text_of(key, value) {
            Some(text) => self.values.push((key, text)),
            None => self.problem(key.name, None, format!("expected {}", key.accepts())),
        }
    }

    fn unknown(&mut self, path: &str) {
        let rule = "there is no such key; `postrider config` lists all".to_owned();
        self.problem(&path.escape_debug().to_string(), None, rule);
    }

    fn problem(&mut self, key: &str, value: Option<String>, rule: String) {
        self.problems.0.push(Problem { key: key.to_owned(), origin: self.origin.clone(), value, rule });
    }
}

/// Whether keys live below that name.
fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.section() == path || key.section().starts_with(&format!("{path}.")))
}

/// The value as a flag would give it; `None` where its type can't be meant.
fn text_of(key: &Key, value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if key.kind.is_list() => {
            let items: Option<Vec<String>> = items.iter().map(text_of_item).collect();
            items.map(|items| items.join(","))
        }
        value => text_of_plain(value),
    }
}

/// One item of a list. One that holds a comma would become two.
fn text_of_item(value: &Value) -> Option<String> {
    text_of_plain(value).filter(|text| !text.contains(',') && !text.trim().is_empty())
}

fn text_of_plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(switch) => Some(switch.to_string()),
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => None,
    }
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Contents {
        let mut contents = Contents { origin: "postrider.toml".into(), ..Contents::default() };
        contents.parse(text);
        contents
    }

    fn check_values(text: &str, expected: &[(&str, &str)]) {
        let contents = parsed(text);
        let found: Vec<(&str, &str)> =
            contents.values.iter().map(|(key, text)| (key.name, &**text)).collect();
        assert_eq!((found, contents.problems), (expected.to_vec(), Problems::default()), "{text}");
    }

    fn check_problem(text: &str, expected: &str) {
        let problems = parsed(text).problems.to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }

    #[test]
    fn sections_are_tables_and_values_may_have_their_own_types() {
        check_values(
            "[worker]\nconcurrency = 64\ngrace = \"5s\"",
            &[("worker.concurrency", "64"), ("worker.grace", "5s")],
        );
        check_values(
            "retry.jitter = 0.5\nssrf.nat64 = true",
            &[("retry.jitter", "0.5"), ("ssrf.nat64", "true")],
        );
        check_values("[profile.misskey]\nuser_agent = \"x\"", &[("profile.misskey.user_agent", "x")]);
        check_values("", &[]);
    }

    #[test]
    fn lists_are_arrays_or_one_text() {
        check_values("retry.schedule = [\"5s\", \"5m\"]", &[("retry.schedule", "5s,5m")]);
        check_values("retry.schedule = \"5s,5m\"", &[("retry.schedule", "5s,5m")]);
        check_values("ssrf.allow = []", &[("ssrf.allow", "")]);
    }

    #[test]
    fn what_is_not_a_key_is_named() {
        check_problem(
            "[worker]\nconcurency = 64",
            "worker.concurency (from postrider.toml): there is no such key",
        );
        check_problem("[wurker]\na = 1", "wurker (from postrider.toml): there is no such key");
        check_problem("worker = 5", "worker (from postrider.toml): there is no such key");
        check_problem("\"a\\nb\" = 5", "a\\nb (from");
    }

    #[test]
    fn a_type_that_cannot_be_meant_is_a_problem_of_its_key() {
        for text in
            ["worker.concurrency = [64]", "worker.concurrency = 2026-11-24", "worker.concurrency = {a = 1}"]
        {
            check_problem(text, "worker.concurrency (from postrider.toml): expected a whole number");
        }
        check_problem(
            "retry.schedule = [\"5s,5m\"]",
            "retry.schedule (from postrider.toml): expected a list",
        );
    }

    #[test]
    fn text_that_is_not_toml_is_told_by_line_without_quoting_it() {
        let problems = parsed("[http]\ntoken = canary\n").problems.to_string();
        assert!(problems.contains("config (from postrider.toml): line 2 is not TOML"), "{problems}");
        assert!(!problems.contains("canary"), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }

    #[test]
    fn a_missing_file_is_a_problem() {
        let problems = read(Path::new("/nonexistent/postrider.toml")).problems.to_string();
        assert!(
            problems.starts_with("postrider: config (from /nonexistent/postrider.toml): can't read"),
            "{problems}"
        );
    }
}
