//! The metrics that exist, and those that a text names.

use std::collections::BTreeSet;

use crate::read;

/// What redis_exporter tells and we use: of its own list, which isn't here to compare with.
const OF_REDIS_EXPORTER: [&str; 11] = [
    "redis_commands_processed_total",
    "redis_connected_clients",
    "redis_cpu_sys_seconds_total",
    "redis_cpu_user_seconds_total",
    "redis_evicted_keys_total",
    "redis_memory_max_bytes",
    "redis_memory_used_bytes",
    "redis_net_input_bytes_total",
    "redis_net_output_bytes_total",
    "redis_script_values",
    "redis_up",
];

/// All that a query may name: the metrics that `docs/operations.md` lists, of histograms their parts, and of Redis' exporter
/// the ones that we use. Another test holds that the list is the code's, and `tests/outside` that a worker shows them.
pub(crate) fn existing() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = OF_REDIS_EXPORTER.map(str::to_owned).into();
    let operations = read("docs/operations.md");
    for row in operations.lines().filter(|line| line.starts_with("| `postrider_")) {
        let name = row.split('`').nth(1).unwrap_or_default();
        if row.contains("| histogram: ") {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            names.insert(name.to_owned());
        }
    }
    assert!(names.len() > 20, "docs/operations.md can't be read any more: {names:?}");
    names
}

/// Words that look like a metric of ours, or of Redis.
pub(crate) fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
    words
        .filter(|word| word.starts_with("postrider_") || word.starts_with("redis_"))
        .map(str::to_owned)
        .collect()
}

/// Fails where a query names a metric that doesn't exist.
#[track_caller]
pub(crate) fn check_query(place: &str, query: &str) {
    let unknown: Vec<String> = named(query).difference(&existing()).cloned().collect();
    assert!(unknown.is_empty(), "{place} names {unknown:?}, which nothing tells: {query}");
}
