//! The examples of `docs/events.md`: one of each event of Misskey's, and one whole request body.

use std::path::Path;

/// One event of the document.
#[derive(Clone, Debug)]
pub struct EventExample {
    /// Its type, the section's heading.
    pub event_type: String,
    /// Its content, as the section shows it.
    pub content: String,
}

/// The events of the document in its order: each section whose heading is a type in code marks shows one, in a block of
/// JSON.
///
/// # Panics
/// When a section shows none.
pub fn events() -> Vec<EventExample> {
    let document = document();
    let sections = document.split("\n### `").skip(1);
    sections
        .map(|section| {
            let (event_type, rest) = section.split_once('`').expect("a heading's code mark is closed");
            let content = first_block(rest).unwrap_or_else(|| panic!("{event_type} has no example"));
            EventExample { event_type: event_type.to_owned(), content: content.to_owned() }
        })
        .collect()
}

/// The body of a request as the document shows it: the first block of JSON.
///
/// # Panics
/// When there is none.
pub fn request_body() -> String {
    first_block(&document()).expect("the document shows a request").to_owned()
}

fn first_block(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("```json\n")?;
    Some(rest.split_once("```")?.0.trim_end())
}

fn document() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace");
    std::fs::read_to_string(root.join("docs/events.md")).expect("the document is there")
}
