//! The configuration reference is what the program says of itself: every setting, and nothing else.

use std::collections::BTreeSet;

use crate::{postrider, read, root};

const DOCUMENT: &str = "docs/configuration.md";

/// The table of settings in a text: from its head to the first line that isn't a row.
fn table(text: &str) -> String {
    let rows = text.lines().skip_while(|line| !line.starts_with("| setting |"));
    rows.take_while(|line| line.starts_with("| ")).map(|row| format!("{row}\n")).collect()
}

/// With `POSTRIDER_WRITE_DOCUMENT` set, writes it instead.
#[test]
fn the_reference_is_what_the_program_prints() {
    let printed = postrider(&["config", "--reference"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(
        printed.stdout.lines().count() > 30 && printed.stdout == table(&printed.stdout),
        "{}",
        printed.stdout
    );
    let document = read(DOCUMENT);
    if std::env::var_os("POSTRIDER_WRITE_DOCUMENT").is_some() {
        let written = document.replace(&table(&document), &printed.stdout);
        std::fs::write(root().join(DOCUMENT), written).unwrap();
    }
    assert!(
        table(&read(DOCUMENT)) == printed.stdout,
        "{DOCUMENT} is out of date: POSTRIDER_WRITE_DOCUMENT=1 cargo test -p postrider-tests --test frame configuration"
    );
}

/// Rows of the table in the document: name and default of each setting, without code marks.
fn rows() -> Vec<(String, String)> {
    let table = table(&read(DOCUMENT)).replace('`', "");
    let cells =
        table.lines().skip(2).map(|row| row.trim_matches(['|', ' ']).split(" | ").collect::<Vec<_>>());
    cells.map(|cells| (cells[0].to_owned(), cells[1].to_owned())).collect()
}

#[test]
fn the_reference_has_the_settings_that_are_in_force_and_no_other() {
    let shown = postrider(&["config", "--json"]).stdout;
    let key = |line: &str| -> String {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["key"].as_str().unwrap().to_owned()
    };
    let in_force: BTreeSet<String> = shown.lines().map(key).collect();
    let told: BTreeSet<String> = rows().into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, in_force);
}

/// Default and variable of each setting, as the program's help gives them.
fn settings() -> Vec<(String, String)> {
    let help = postrider(&["worker", "--help"]).stdout;
    let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let notes = flat.split("[default: ").skip(1);
    let pairs = notes.filter_map(|rest| rest.split_once("] [env: POSTRIDER_"));
    pairs
        .map(|(preset, rest)| (preset.to_owned(), rest.split(']').next().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn the_reference_and_the_help_of_the_worker_agree_on_every_default() {
    let (settings, rows) = (settings(), rows());
    assert!(settings.len() > 30, "the help can't be read any more");
    for (preset, variable) in &settings {
        let name = |row: &&(String, String)| row.0.to_uppercase().replace('.', "_") == *variable;
        let row = rows.iter().find(name).unwrap_or_else(|| panic!("no row for POSTRIDER_{variable}"));
        assert_eq!(row.1, *preset, "the default of {}", row.0);
    }
    assert_eq!(rows.len(), settings.len(), "a row of {DOCUMENT} is of no setting");
}
