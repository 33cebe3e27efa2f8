//! The page of log lines against the code that writes them: every message, its level and its fields, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::{read, root};

/// A message's level and fields.
type Line = (String, BTreeSet<String>);

const LEVELS: [&str; 3] = ["error", "warn", "info"];

/// The crates that a worker consists of.
const CRATES: [&str; 5] =
    ["postrider", "postrider-admin", "postrider-sender", "postrider-store", "postrider-worker"];

#[test]
fn every_line_of_the_log_is_on_the_page_with_its_fields_and_no_other() {
    let (written, told) = (of_the_code(), of_the_page());
    assert!(written.len() > 40, "the macros can't be found any more: {written:?}");
    for (message, line) in &written {
        assert_eq!(told.get(message), Some(line), "docs/logs.md on {message:?}");
    }
    for message in told.keys() {
        assert!(written.contains_key(message), "docs/logs.md tells of {message:?}, which nobody writes");
    }
}

/// What the page says: a section for each level, a row for each message.
fn of_the_page() -> BTreeMap<String, Line> {
    let page = read("docs/logs.md");
    let mut lines = BTreeMap::new();
    for section in page.split("\n## `").skip(1) {
        let (level, rows) = section.split_once('`').expect("a section is of a level");
        for row in rows.lines().filter(|row| row.starts_with("| `")) {
            let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
            let message = cells.next().unwrap_or_default().trim_matches('`').to_owned();
            let fields = cells.next().unwrap_or_default().split(", ");
            let fields = fields.filter_map(|field| field.strip_prefix('`')?.strip_suffix('`'));
            let fields = fields.map(str::to_owned).collect();
            let earlier = lines.insert(message.clone(), (level.to_owned(), fields));
            assert!(earlier.is_none(), "docs/logs.md tells twice of {message:?}");
        }
    }
    lines
}

/// What the code writes. Messages that begin with a placeholder are whole sentences made elsewhere.
fn of_the_code() -> BTreeMap<String, Line> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for source in CRATES.iter().flat_map(|name| sources(&root().join("crates").join(name).join("src"))) {
        let text = fs::read_to_string(source).expect("a source is text");
        for level in LEVELS {
            let opening = format!("tracing::{level}!(");
            let calls = text.split(&opening).skip(1);
            for (message, fields) in calls.map(arguments).filter(|(message, _)| !message.starts_with('{')) {
                let known =
                    lines.entry(message.clone()).or_insert_with(|| (level.to_owned(), BTreeSet::new()));
                assert_eq!(known.0, level, "{message:?} has two levels");
                known.1.extend(fields);
            }
        }
    }
    lines
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a crate has sources").map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The message of a macro's call, and the names of its fields.
fn arguments(call: &str) -> (String, Vec<String>) {
    let (messages, fields): (Vec<_>, Vec<_>) =
        split_arguments(call).into_iter().partition(|argument| argument.starts_with('"'));
    let message = messages.first().map_or_else(String::new, |text| text.trim_matches('"').to_owned());
    let name = |field: String| {
        let name = field.split(" = ").next().unwrap_or_default();
        name.trim_start_matches(['%', '?']).to_owned()
    };
    (message, fields.into_iter().map(name).collect())
}

/// Splits at the commas of the outermost level, up to the bracket that ends the call.
fn split_arguments(call: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut arguments = vec![String::new()];
    for c in call.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        arguments.last_mut().expect("there is one from the start").push(c);
    }
    let trimmed = arguments.iter().map(|argument| argument.trim().to_owned());
    trimmed.filter(|argument| !argument.is_empty()).collect()
}

#[test]
fn a_call_is_taken_apart_as_the_compiler_does() {
    let call = r#"a = f(x, "y,)"), %b, ?c, d = [1, 2], "it \"works\", really"); more(1)"#;
    let (message, fields) = arguments(call);
    assert_eq!((message.as_str(), &*fields.join(" ")), (r#"it \"works\", really"#, "a b c d"));
}
