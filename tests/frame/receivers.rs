//! The guide for receivers: no code in it that no test runs.

use postrider_tests::fenced::{Block, blocks};

use crate::read;

/// The blocks that say which language they are in; the others are commands to be typed.
fn code() -> Vec<Block> {
    let blocks = blocks(&read("docs/receivers.md"));
    blocks.into_iter().filter(|block| !block.language.is_empty()).collect()
}

#[test]
fn every_block_of_the_receivers_guide_is_named_by_a_test_that_runs_it() {
    let files = ["guide.rs", "guide/arrives.rs", "guide/receiver.rs", "guide/rust.rs"];
    let tests: String = files.iter().map(|file| read(&format!("tests/outside/{file}"))).collect();
    let code = code();
    for Block { section, heading, language, .. } in &code {
        let same = code.iter().filter(|block| block.heading == *heading).count();
        assert_eq!(same, 1, "{section} / {heading} has a heading of its own, by which tests find it");
        let named = tests.contains(&format!("\"{heading}\""));
        assert!(named, "no test of tests/outside runs the {language} under {section} / {heading}");
    }
}

#[test]
fn the_receivers_guide_has_code_for_six_languages_and_an_example_of_each_profile() {
    let code = code();
    for (section, languages) in [
        ("What arrives", &["http", "http", "http", "python", "http"][..]),
        ("Signatures", &["js", "js", "python", "python", "go", "ruby", "php", "rust"]),
        ("The secret header", &["js", "python", "go", "ruby", "php", "rust"]),
    ] {
        let here = code.iter().filter(|block| block.section == section);
        let found: Vec<&str> = here.map(|block| &*block.language).collect();
        assert_eq!(found, languages, "{section}");
    }
}
