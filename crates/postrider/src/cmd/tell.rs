//! What commands for operators print: tables for people, JSON for programs, and notes beside them. Whatever is printed is made
//! harmless here, since names and causes come from strangers.

use std::io::{self, Write};

use anyhow::Context;
use serde_json::{Map, Value};

use crate::columns::{Column, Fit};
use crate::exit::{Failure, unless_closed};
use crate::terminal::{columns_of, harmless, harmless_json};

/// Prints rows to stdout in straight columns, the first row as their heads. On a terminal they fit its width: what is left out
/// for that is told of.
pub(super) fn table(rows: &[Vec<String>]) -> Result<(), Failure> {
    print(&straight_in(rows, columns_of(&io::stdout())))
}

/// Prints an object a line to stdout.
pub(super) fn json_lines(objects: &[Map<String, Value>]) -> Result<(), Failure> {
    let line = |object| harmless_json(&serde_json::to_string(object).expect("it is JSON already")) + "\n";
    print(&objects.iter().map(line).collect::<String>())
}

/// Prints objects to stdout, a line for each of their keys, with an empty line between two of them.
pub(super) fn key_lines(objects: &[Map<String, Value>]) -> Result<(), Failure> {
    let row = |(key, value): (&String, &Value)| vec![key.clone(), cell(value)];
    let block = |object: &Map<String, Value>| straight(&object.iter().map(row).collect::<Vec<_>>());
    print(&objects.iter().map(block).collect::<Vec<_>>().join("\n"))
}

/// Prints a sentence to stdout: what was done.
pub(super) fn done(sentence: &str) -> Result<(), Failure> {
    print(&(harmless(sentence) + "\n"))
}

/// Prints a sentence to stderr: what one should know besides.
pub(super) fn note(sentence: &str) {
    // Where even stderr is gone, the exit code must do.
    let _ = writeln!(io::stderr().lock(), "postrider: {}", harmless(sentence));
}

/// A value in a cell of a table.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Columns under each other, two blanks apart, as wide as they need to be.
pub(super) fn straight(rows: &[Vec<String>]) -> String {
    straight_in(rows, None)
}

/// The same, in so much room.
pub(super) fn straight_in(rows: &[Vec<String>], room: Option<usize>) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
    let columns: Vec<Column> = rows.first().into_iter().flatten().map(|head| Column::called(head)).collect();
    let fit = Fit::new(&columns, &rows, room);
    let left_out = fit.left_out(&columns);
    if !left_out.is_empty() {
        note(&format!("no room for {}: a wider terminal shows more, --json all", left_out.join(", ")));
    }
    rows.iter().map(|row| fit.line(&columns, |index| row[index].clone()) + "\n").collect()
}

/// Prints a text; that nobody reads it any more is no fault.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(unless_closed(written).context("failed to print")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_straight_and_show_what_a_terminal_would_obey() {
        let rows = [["A", "B"], ["x\u{1b}[m", ""], ["é", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(straight(&rows), "A          B\nx\\u{1b}[m\né          y\n");
        assert_eq!(straight(&[]), "");
    }

    #[test]
    fn on_a_narrow_terminal_words_give_way_and_ids_stay() {
        let rows = [
            ["JOB", "DESTINATION", "ERROR"],
            ["1764324000123-0", "https://hooks.example", "it answered 503"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let narrow = straight_in(&rows, Some(50));
        assert_eq!(narrow.lines().nth(1), Some("1764324000123-0  https://hooks.e…  it answered 503"));
        let narrower = straight_in(&rows, Some(40));
        assert_eq!(narrower.lines().nth(1), Some("1764324000123-0  https://hooks.example"));
    }
}
