//! The table of cases in the README: its numbers are those of the files, and its commands find tests.

use std::path::Path;

use serde_json::Value;

use crate::{read, root};

/// One row: a file of cases, how many it is said to have, and the words of the command.
struct Row {
    file: String,
    cases: u64,
    command: Vec<String>,
}

fn rows() -> Vec<Row> {
    let text = read("README.md");
    let (_, section) = text.split_once("## Trust").expect("the README has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.contains("(tests/cases/")).map(row).collect()
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split(" | ").map(|column| column.trim_matches(['|', ' '])).collect();
    let [what, cases, command] = columns[..] else { panic!("three columns: {line}") };
    let file = what.split(['(', ')']).nth(1).expect("a link to the file").to_owned();
    let command = command.trim_matches('`').split(' ').map(str::to_owned).collect();
    Row { file, cases: cases.parse().expect("a number of cases"), command }
}

#[test]
fn every_number_of_cases_is_that_of_its_file() {
    for row in rows() {
        let file: Value = serde_json::from_str(&read(&row.file)).unwrap();
        let found = file["cases"].as_array().map(Vec::len);
        assert_eq!(found, Some(row.cases as usize), "{}", row.file);
    }
}

#[test]
fn every_file_of_cases_has_its_row() {
    let rows = rows();
    for entry in std::fs::read_dir(root().join("tests/cases")).unwrap() {
        let name = format!("tests/cases/{}", entry.unwrap().file_name().to_string_lossy());
        assert!(rows.iter().any(|row| row.file == name), "{name} has no row under Trust in the README");
    }
}

/// A filter of nextest that matches nothing would pass for a run of all cases.
#[test]
fn every_filter_of_a_command_is_part_of_a_name_of_tests() {
    for row in rows() {
        for filter in filters(&row.command) {
            assert!(is_named_so(&filter), "no test is named like {filter:?} of {:?}", row.command);
        }
    }
}

fn filters(command: &[String]) -> Vec<String> {
    let mut words = command.iter().skip_while(|word| *word != "run").skip(1);
    let mut filters = Vec::new();
    while let Some(word) = words.next() {
        if word.starts_with("--") {
            words.next();
        } else {
            filters.push(word.clone());
        }
    }
    filters
}

/// Whether a file or module of tests, and with it the path of its tests, has this in its name.
fn is_named_so(filter: &str) -> bool {
    let folders = ["tests", "crates"].map(|folder| root().join(folder));
    folders.iter().any(|folder| has_file_named(folder, filter))
}

fn has_file_named(folder: &Path, part: &str) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let is_code = path.is_dir() || name.ends_with(".rs");
        (is_code && name.contains(part)) || (path.is_dir() && has_file_named(&path, part))
    })
}
