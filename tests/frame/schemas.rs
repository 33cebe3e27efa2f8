//! The schemas of `docs/schemas` beside the sources: what they list is what the code knows. Whether they accept the same is for
//! `tests/outside` to see.

use std::collections::BTreeSet;

use postrider_core::job::is_field_of_events;
use serde_json::Value;

use crate::read;

fn schema(name: &str) -> Value {
    let text = read(&format!("docs/schemas/{name}.schema.json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name} is no JSON: {error}"))
}

/// The names that a schema lists.
fn listed(name: &str) -> BTreeSet<String> {
    schema(name)["properties"].as_object().unwrap().keys().cloned().collect()
}

fn words(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// What stands in the source between these two, without either.
fn between<'a>(source: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = source.split_once(start).unwrap_or_else(|| panic!("the source has no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("the source has no {end} after {start}")).0
}

/// Every text in single quotes, as Lua has them.
fn quoted(source: &str) -> impl Iterator<Item = String> {
    source.split('\'').skip(1).step_by(2).map(str::to_owned)
}

/// Fields of jobs by the code that reads them: arms like `b"to" => …`.
fn fields_of_jobs() -> BTreeSet<String> {
    let source = read("crates/postrider-core/src/job.rs");
    let arms = between(&source, "match name {", "_ => {").lines().map(str::trim_start);
    let mut fields: BTreeSet<String> = arms
        .filter_map(|line| line.strip_prefix("b\"")?.split_once('"'))
        .filter(|(_, rest)| rest.starts_with(" =>") || rest.starts_with(" if "))
        .map(|(name, _)| name.to_owned())
        .collect();
    fields.insert("_job".to_owned());
    fields
}

#[test]
fn the_schema_of_jobs_lists_the_fields_that_are_read() {
    assert_eq!(listed("job"), fields_of_jobs());
}

#[test]
fn the_schema_of_events_lists_the_fields_that_are_inherited() {
    let mut fields = fields_of_jobs();
    fields.retain(|name| is_field_of_events(name.as_bytes()) || name == "_job");
    assert_eq!(listed("event"), fields);
}

#[test]
fn the_tables_of_fields_and_the_schemas_name_the_same() {
    for (page, name) in [("docs/jobs.md", "job"), ("docs/events.md", "event")] {
        let text = read(page);
        for field in listed(name).iter().filter(|field| *field != "_job") {
            assert!(text.contains(&format!("`{field}`")), "{page} doesn't tell of {field}");
        }
        assert!(text.contains(&format!("schemas/{name}.schema.json")), "{page} leads to its schema");
    }
}

#[test]
fn dead_letters_attempts_and_notices_have_what_the_scripts_write() {
    let settle = read("crates/postrider-store/src/scripts/settle.lua");
    let bury = between(&settle, "local function bury", "local letter");
    let of_letter = quoted(bury).filter(|word| word.starts_with('_')).collect();
    assert_eq!(listed("dead-letter"), of_letter);

    let template = between(&settle, "templates[tostring(i)] = {", "}");
    let parts = template.split(',').map(str::trim).step_by(2).filter(|part| part.starts_with('\''));
    let of_attempt: BTreeSet<String> = parts.map(|part| part.trim_matches('\'').to_owned()).collect();
    assert_eq!(listed("attempt"), of_attempt);

    let notices = read("crates/postrider-store/src/scripts/add_notices.lua");
    let add = between(&notices, "'*', ", ")\nend");
    let of_notice = quoted(add).filter(|word| word.chars().all(char::is_alphabetic)).collect();
    assert_eq!(listed("notice"), of_notice);
}

#[test]
fn reasons_and_kinds_are_those_of_the_code() {
    let verdict = read("crates/postrider-core/src/verdict.rs");
    let labels = verdict.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let reasons = labels.filter_map(|(_, rest)| rest.split('"').next()).map(str::to_owned).collect();
    assert_eq!(words(&schema("dead-letter")["properties"]["_reason"]["enum"]), reasons);

    let notices = read("crates/postrider-store/src/notices.rs");
    let labels = notices.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let kinds = labels.filter_map(|(_, rest)| rest.split('"').next()).map(str::to_owned).collect();
    assert_eq!(words(&schema("notice")["properties"]["kind"]["enum"]), kinds);
}
