//! `postrider config`: the configuration in force, each key with where it came from, secrets hidden; or what could be set.

mod reference;

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

use crate::exit::unless_closed;
use crate::settings::Loaded;
use crate::settings::layers::Chosen;
use crate::settings::redact::shown;

/// Prints it to stdout, and warnings to stderr.
pub(crate) fn run(loaded: &Loaded, json: bool) -> anyhow::Result<()> {
    for warning in &loaded.warnings {
        let _ = writeln!(io::stderr().lock(), "postrider: {warning}");
    }
    let rows: Vec<Row> = loaded.chosen.iter().map(Row::of).collect();
    let text = if json { json_lines(&rows) } else { table(&rows) };
    unless_closed(io::stdout().lock().write_all(text.as_bytes())).context("failed to write the configuration")
}

/// Prints what can be set, as Markdown, whatever is set.
pub(crate) fn print_reference() -> anyhow::Result<()> {
    let text = reference::reference();
    unless_closed(io::stdout().lock().write_all(text.as_bytes())).context("failed to write the reference")
}

/// One key as it is shown. Fields in the order of the JSON.
#[derive(Debug, Serialize)]
struct Row {
    key: &'static str,
    /// As it may be shown, in the spelling of flags and variables; `null` where there is none.
    value: Option<String>,
    source: &'static str,
}

impl Row {
    fn of(chosen: &Chosen) -> Self {
        let value = Some(shown(chosen.key, &chosen.text)).filter(|value| !value.is_empty());
        Self { key: chosen.key.name, value, source: chosen.source.as_str() }
    }
}

fn json_lines(rows: &[Row]) -> String {
    let line = |row: &Row| serde_json::to_string(row).expect("a row is three texts") + "\n";
    rows.iter().map(line).collect()
}

fn table(rows: &[Row]) -> String {
    let value = |row: &Row| row.value.as_deref().unwrap_or("(none)").escape_debug().to_string();
    let lines: Vec<[String; 3]> = std::iter::once(["KEY", "VALUE", "SOURCE"].map(str::to_owned))
        .chain(rows.iter().map(|row| [row.key.to_owned(), value(row), row.source.to_owned()]))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1));
    lines.iter().map(|[key, value, source]| format!("{key:keys$}  {value:values$}  {source}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        vec![
            Row { key: "http.token", value: Some("***".into()), source: "env" },
            Row { key: "retry.schedule", value: None, source: "default" },
        ]
    }

    #[test]
    fn a_table_has_straight_columns() {
        let expected = "KEY             VALUE   SOURCE\n\
                        http.token      ***     env\n\
                        retry.schedule  (none)  default\n";
        assert_eq!(table(&rows()), expected);
    }

    #[test]
    fn json_is_one_object_a_line() {
        let expected = "{\"key\":\"http.token\",\"value\":\"***\",\"source\":\"env\"}\n\
                        {\"key\":\"retry.schedule\",\"value\":null,\"source\":\"default\"}\n";
        assert_eq!(json_lines(&rows()), expected);
    }
}
