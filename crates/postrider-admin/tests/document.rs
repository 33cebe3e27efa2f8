//! The OpenAPI document that is checked in, for those who read it without a running worker.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// With `POSTRIDER_WRITE_DOCUMENT` set, writes it instead.
#[test]
fn the_document_that_is_checked_in_is_made_of_the_routes_as_they_are() {
    let current = serde_json::to_string_pretty(&postrider_admin::document()).unwrap() + "\n";
    if std::env::var_os("POSTRIDER_WRITE_DOCUMENT").is_some() {
        std::fs::write(PATH, &current).unwrap();
    }
    let checked_in = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        checked_in == current,
        "docs/openapi.json is out of date: POSTRIDER_WRITE_DOCUMENT=1 cargo test -p postrider-admin --test document"
    );
}
