//! Whoever reads can get everywhere, and what is shown as data is data.

use std::collections::BTreeSet;

use postrider_tests::fenced::{Block, blocks};

use crate::documents::{documents, links, target};
use crate::{postrider, read, root};

/// The pages that a document links to, relative to the root.
fn linked_from(document: &str) -> BTreeSet<String> {
    let targets = links(&read(document)).into_iter().filter_map(|link| target(document, &link));
    let whole = targets.filter_map(|(path, _)| path.canonicalize().ok());
    let root = root().canonicalize().unwrap();
    whole.filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_string_lossy().into_owned())).collect()
}

#[test]
fn the_index_of_the_documentation_leads_to_every_page() {
    let linked = linked_from("docs/README.md");
    let is_page =
        |document: &&String| document.starts_with("docs/") && !document.starts_with("docs/decisions/");
    for page in documents().iter().filter(is_page).filter(|page| *page != "docs/README.md") {
        assert!(linked.contains(page), "docs/README.md doesn't lead to {page}");
    }
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    let (mut reached, mut next) = (BTreeSet::new(), vec!["README.md".to_owned()]);
    while let Some(document) = next.pop() {
        let is_document = document.ends_with(".md");
        if reached.insert(document.clone()) && is_document {
            next.extend(linked_from(&document));
        }
    }
    let lost: Vec<String> = documents().into_iter().filter(|document| !reached.contains(document)).collect();
    assert!(lost.is_empty(), "no way leads from README.md to {lost:?}");
}

/// Most bytes of a picture that was taken, not drawn.
const MAX_TAKEN_BYTES: usize = 150_000;

#[test]
fn every_picture_is_described_and_can_be_read_on_light_and_dark() {
    for document in documents() {
        for (text, rest) in read(&document).split("![").skip(1).filter_map(|rest| rest.split_once("](")) {
            let picture = rest.split(')').next().unwrap_or_default();
            assert!(text.len() > 10, "{document}: {picture} has no description");
            let Some((path, _)) = target(&document, picture) else { continue };
            // Photographs of a screen have their own background.
            if path.extension().is_some_and(|end| end == "png") {
                assert!(path.exists(), "{document}: {picture}");
                continue;
            }
            let drawn = match String::from_utf8(std::fs::read(&path).unwrap()) {
                Ok(drawn) => drawn,
                // One that was taken has its own ground, and has to be there soon.
                Err(taken) => {
                    let size = taken.as_bytes().len();
                    assert!(size <= MAX_TAKEN_BYTES, "{document}: {picture} has {size} bytes");
                    continue;
                }
            };
            // A card of its own behind everything, so that no page shows through.
            assert!(
                drawn.contains("prefers-color-scheme: dark") || drawn.contains("<rect"),
                "{document}: {picture}"
            );
        }
    }
}

/// The blocks of all documents in this language.
fn in_language(language: &str) -> Vec<(String, Block)> {
    let all = documents().into_iter().flat_map(|document| {
        let blocks = blocks(&read(&document));
        blocks.into_iter().map(move |block| (document.clone(), block))
    });
    all.filter(|(_, block)| block.language == language).collect()
}

#[test]
fn every_block_of_json_toml_and_yaml_can_be_read() {
    let mut count = 0;
    for (document, block) in in_language("json") {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
        assert!(read.is_ok(), "{document}, {}: {read:?}\n{}", block.section, block.text);
        count += 1;
    }
    for (document, block) in in_language("toml") {
        let read: Result<toml::Table, _> = toml::from_str(&block.text);
        assert!(read.is_ok(), "{document}, {}: {read:?}\n{}", block.section, block.text);
        count += 1;
    }
    for (document, block) in in_language("yaml") {
        let read: Result<serde_json::Value, _> = serde_saphyr::from_str(&block.text);
        assert!(read.is_ok(), "{document}, {}: {read:?}\n{}", block.section, block.text);
        count += 1;
    }
    assert!(count >= 10, "only {count} blocks were found");
}

#[test]
fn the_program_accepts_the_settings_that_the_documents_show() {
    let folder = tempfile::tempdir().unwrap();
    let is_settings = |document: &str| ["docs/configuration.md", "docs/misskey.md"].contains(&document);
    let shown = in_language("toml").into_iter().filter(|(document, _)| is_settings(document));
    let mut count = 0;
    for (document, block) in shown {
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, &block.text).unwrap();
        let answer = postrider(&["config", "--config", &file.to_string_lossy()]);
        assert_eq!(answer.code, Some(0), "{document}, {}: {}", block.section, answer.stderr);
        count += 1;
    }
    assert!(count >= 2, "only {count} blocks were found");
}

/// Codes of the doctor as its source lists them.
fn codes() -> Vec<String> {
    let source = read("crates/postrider-store/src/doctor/finding.rs");
    let (_, list) = source.split_once("codes! {").expect("the codes are listed");
    let rows = list.split("\n}").next().unwrap_or_default();
    rows.lines().filter_map(|row| row.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_finding_of_the_doctor_is_explained() {
    let explained = read("docs/doctor.md");
    let codes = codes();
    assert!(codes.len() > 20, "{codes:?}");
    for code in &codes {
        assert!(explained.contains(&format!("| `{code}` |")), "docs/doctor.md doesn't explain {code}");
    }
    let rows = explained.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for row in rows {
        assert!(
            codes.iter().any(|code| code == row),
            "docs/doctor.md explains {row}, which the doctor never says"
        );
    }
}
