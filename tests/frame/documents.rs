//! Markdown as far as the tests need it: links, anchors, and names of files in code marks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::root;

/// Folders that hold no documents of ours: what is built, and pieces that become part of a page elsewhere.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", "src"];

/// All documents, relative to the root.
pub(crate) fn documents() -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("the folder is there") {
            let entry = entry.expect("the folder can be read");
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            let name = name.to_string_lossy();
            let is_folder = entry.file_type().expect("it has a type").is_dir();
            if is_folder && !name.starts_with('.') && !PASSED_OVER.contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// The text outside of fenced blocks, whose brackets are no links.
pub(crate) fn prose(text: &str) -> String {
    let mut fenced = false;
    let outside = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// The targets of all links.
pub(crate) fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let after_bracket = prose.split("](").skip(1);
    after_bracket.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// What the headings can be linked by.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// A heading's anchor as GitHub makes it: letters, digits, hyphens and underscores stay, spaces become hyphens.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Words in code marks that look like a path of this repository.
pub(crate) fn paths(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let marked = prose.split('`').skip(1).step_by(2);
    marked.filter(|word| is_path(word)).map(str::to_owned).collect()
}

fn is_path(word: &str) -> bool {
    const FOLDERS: [&str; 8] =
        ["crates/", "tests/", "docs/", "deploy/", "scripts/", "examples/", ".ci/", ".config/"];
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    plain && FOLDERS.iter().any(|folder| word.starts_with(folder))
}

/// Where a link of a document leads; `None` for the web.
pub(crate) fn target(document: &str, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    let own = root().join(document);
    let folder = own.parent().expect("a document lies in a folder");
    Some((if path.is_empty() { own } else { folder.join(path) }, anchor))
}
