//! Documents that can be trusted: links lead somewhere, files that are named exist, what is promised of them holds.

use std::path::{Path, PathBuf};

use crate::documents::{anchors, documents, links, paths, target};
use crate::{read, root};

/// The six files of the reading order are an hour's work, not a day's.
const MAX_READING_LINES: usize = 1000;

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for document in documents() {
        for link in links(&read(&document)) {
            let Some((path, anchor)) = target(&document, &link) else { continue };
            assert!(path.exists(), "{document}: {link} leads nowhere");
            let Some(anchor) = anchor else { continue };
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(anchors(&text).contains(&anchor), "{document}: {link} names no heading");
        }
    }
}

#[test]
fn every_file_that_a_document_names_exists() {
    for document in documents() {
        for path in paths(&read(&document)) {
            assert!(root().join(&path).exists(), "{document} names {path}, which is not there");
        }
    }
}

/// The files in the table under the heading `Reading order`.
fn reading_order() -> Vec<String> {
    let text = read("ARCHITECTURE.md");
    let (_, section) = text.split_once("## Reading order").expect("ARCHITECTURE.md has a reading order");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect()
}

#[test]
fn the_reading_order_is_six_files_of_under_a_thousand_lines() {
    let files = reading_order();
    assert_eq!(files.len(), 6, "{files:?}");
    let lines: usize = files.iter().map(|file| read(file).lines().count()).sum();
    assert!(lines < MAX_READING_LINES, "{lines} lines in {files:?}");
}

#[test]
fn every_crate_has_its_place_in_the_layout() {
    let architecture = read("ARCHITECTURE.md");
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(architecture.contains(&name), "ARCHITECTURE.md doesn't tell of {name}");
    }
}

#[test]
fn every_script_of_redis_is_told_of() {
    let architecture = read("ARCHITECTURE.md");
    for entry in std::fs::read_dir(root().join("crates/postrider-store/src/scripts")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(architecture.contains(&name), "ARCHITECTURE.md doesn't tell of {name}");
    }
}

#[test]
fn every_metric_is_told_of() {
    let operations = read("docs/operations.md");
    let source = ["crates/postrider-worker/src/event.rs", "crates/postrider/src/telemetry/traces.rs"]
        .map(read)
        .concat();
    let names = source.split("!(\"postrider_").skip(1).filter_map(|rest| rest.split('"').next());
    let names: Vec<String> = names.map(|name| format!("postrider_{name}")).collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(operations.contains(&format!("| `{name}`")), "docs/operations.md doesn't tell of {name}");
    }
}

#[test]
fn every_reason_of_a_dead_letter_is_explained() {
    let delivery = read("docs/delivery.md");
    let verdict = read("crates/postrider-core/src/verdict.rs");
    let words = verdict.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let reasons: Vec<&str> = words.filter_map(|(_, rest)| rest.split('"').next()).collect();
    assert_eq!(reasons.len(), 9, "{reasons:?}");
    for reason in reasons {
        assert!(delivery.contains(&format!("| `{reason}` |")), "docs/delivery.md doesn't explain {reason}");
    }
}

/// Code marks that hold the name of a test: a sentence of lower-case words.
fn tests_named(text: &str) -> Vec<&str> {
    const MIN_WORDS: usize = 4;
    let sentence = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain && word.split('_').count() >= MIN_WORDS && !word.starts_with("postrider_")
    };
    text.split('`').skip(1).step_by(2).filter(sentence).collect()
}

/// All Rust files below these folders, as one text.
fn sources(folders: &[&str]) -> String {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &std::fs::read_to_string(&path).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_invariant_is_held_by_tests_that_exist() {
    let architecture = read("ARCHITECTURE.md");
    let invariants = architecture.split("## Invariants").nth(1).expect("there are invariants");
    let sources = sources(&["crates", "tests"]);
    for name in tests_named(invariants) {
        assert!(sources.contains(&format!("fn {name}(")), "ARCHITECTURE.md names {name}, which no test is");
    }
    let rows = invariants.lines().filter(|line| line.starts_with("| ")).skip(2);
    for row in rows {
        assert!(!tests_named(row).is_empty(), "no test holds this: {row}");
    }
}

#[test]
fn decisions_are_numbered_and_listed() {
    let architecture = read("ARCHITECTURE.md");
    let decisions: Vec<String> =
        documents().into_iter().filter(|document| document.starts_with("docs/decisions/")).collect();
    for (index, document) in decisions.iter().enumerate() {
        let number = format!("docs/decisions/{:04}-", index + 1);
        assert!(document.starts_with(&number), "{document} is number {}", index + 1);
        assert!(architecture.contains(document), "ARCHITECTURE.md doesn't list {document}");
        let text = read(document);
        for part in ["## Context", "## Decision", "## Consequence"] {
            assert!(text.contains(part), "{document} has no {part}");
        }
    }
}

#[test]
fn the_targets_of_the_makefile_that_the_documents_name_exist() {
    let makefile = read("Makefile");
    for document in documents() {
        let text = read(&document);
        let named = text.split("make ").skip(1).filter_map(|rest| {
            let marked = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
            rest[marked.len()..].starts_with('`').then_some(marked)
        });
        for target in named {
            assert!(makefile.contains(&format!("\n{target}:")), "{document} names make {target}");
        }
    }
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let scripts = std::fs::read_dir(root().join("scripts")).unwrap().map(|entry| entry.unwrap().path());
    for script in scripts.chain([root().join(Path::new(".ci/run"))]) {
        let mode = std::fs::metadata(&script).unwrap().permissions().mode();
        assert!(mode & 0o100 != 0, "{} is not executable", script.display());
    }
}
