//! `postrider config --reference`: the table of all settings as Markdown, for `docs/configuration.md`. Made from the same table
//! as flags and help, so that it can't tell of anything else.

use crate::settings::key::{Key, Preset};
use crate::settings::keys::KEYS;

/// Where in `docs` more is told of a setting. A test of the documents follows each.
const PAGES: &[(&str, &str)] = &[
    ("redis.url", "redis.md#where-redis-is"),
    ("redis.ca_file", "redis.md#tls"),
    ("queue.names", "operations.md#several-queues"),
    ("events.stream", "events.md"),
    ("worker.concurrency", "delivery.md#destinations"),
    ("worker.grace", "operations.md#stopping"),
    ("worker.dead_after", "internals.md#taking-over"),
    ("delivery.profile", "delivery.md#the-request"),
    ("destination.max_in_flight", "delivery.md#destinations"),
    ("destination.rate", "delivery.md#destinations"),
    ("retry.base", "delivery.md#the-next-attempt"),
    ("ssrf.allow", "delivery.md#where-requests-may-go"),
    ("proxy.url", "delivery.md#through-a-proxy"),
    ("tls.ca_file", "delivery.md#private-cas-and-client-certificates"),
    ("http.listen", "operations.md#probes"),
    ("http.token", "api.md#who-may-ask"),
    ("misskey.token_file", "misskey.md#clients-written-against-misskeys-api"),
    ("hooks.when_inactive", "hooks.md#switched-off"),
    ("hooks.max_per_user", "hooks.md"),
    ("dead.max_age", "dead-letters.md"),
    ("attempts.max_entries", "keys.md#attempts"),
    ("notices.max_entries", "keys.md#notices"),
    ("log.level", "operations.md#log"),
];

/// The whole table, with its head.
pub(super) fn reference() -> String {
    let head = "| setting | default | accepted | meaning |\n| --- | --- | --- | --- |\n";
    KEYS.iter().fold(head.to_owned(), |table, key| table + &row(key))
}

fn row(key: &Key) -> String {
    let page = PAGES.iter().find(|(name, _)| *name == key.name);
    let more = page.map(|(_, page)| format!(" ([more]({page}))")).unwrap_or_default();
    format!("| `{}` | {} | {} | {}{more} |\n", key.name, preset(key), accepted(key), marked(key.about))
}

fn preset(key: &Key) -> String {
    match key.preset {
        Preset::Text(text) | Preset::Clearable(text) => format!("`{text}`"),
        Preset::Nothing | Preset::Derived(_) => marked(key.preset_in_words()),
    }
}

/// What is accepted, without the examples that an error message needs.
fn accepted(key: &Key) -> String {
    let accepted = key.kind.accepts();
    let rule = accepted.split(", such as ").next().unwrap_or_default();
    let may_be_empty = matches!(key.preset, Preset::Clearable(_));
    marked(rule) + if may_be_empty { ", or empty for none" } else { "" }
}

/// The text with names of settings and addresses in code marks.
fn marked(text: &str) -> String {
    text.split(' ').map(marked_word).collect::<Vec<_>>().join(" ")
}

fn marked_word(word: &str) -> String {
    let end = word.trim_end_matches([',', ';', ':', '.', ')']).len();
    let (plain, rest) = word.split_at(end);
    let is_code = Key::find(plain).is_some() || plain.contains("://") || plain.contains(['{', '*']);
    if is_code { format!("`{plain}`{rest}") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_row_with_four_cells() {
        let reference = reference();
        let rows: Vec<&str> = reference.lines().skip(2).collect();
        assert_eq!(rows.len(), KEYS.len());
        for (row, key) in rows.iter().zip(KEYS) {
            assert!(row.starts_with(&format!("| `{}` | ", key.name)), "{row}");
            assert_eq!(row.matches(" | ").count(), 3, "{row}");
        }
    }

    #[test]
    fn pages_are_of_settings_that_exist() {
        for (name, _) in PAGES {
            assert!(Key::find(name).is_some(), "there is no setting {name}");
        }
    }

    #[test]
    fn settings_and_addresses_are_marked_as_code_and_their_punctuation_is_not() {
        assert_eq!(marked("wins over ssrf.allow; http:// too"), "wins over `ssrf.allow`; `http://` too");
    }
}
