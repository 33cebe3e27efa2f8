//! Headers that producers and owners add, and how two sets become one.

use std::collections::BTreeMap;

use postrider_core::headers::{ExtraHeaders, MAX_VALUE_BYTES, header_text};
use proptest::prelude::*;

use crate::damage::{Damage, damage, damaged};

const NAMES: &[&str] =
    &["X-Api-Key", "authorization", "X-Tenant-Id", "x-a", "Content-Type", "User-Agent", "webhook-id"];
const VALUES: &[&str] =
    &["Bearer abc.def-ghi", "t=1,v1=0a1b2c", "application/json; charset=utf-8", "a\tb", "x"];
const NAME_PIECES: &[&str] =
    &[":", " ", "\r\n", "\n", "\0", "_", "(", "é", "X", "-", "Host", "content-length", "transfer-encoding"];
const VALUE_PIECES: &[&str] =
    &["\r\n", "\n", "\r", "\0", "\t", " ", "\x7f", "é", "\r\nHost: x", "\u{85}", "\u{2028}", ";", ","];

fn any_text(
    sound: &'static [&'static str],
    pieces: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec(damage(pieces), 0..3);
    (prop::sample::select(sound), changes)
        .prop_map(|(text, changes): (&str, Vec<Damage>)| damaged(text.as_bytes(), &changes))
}

fn any_header() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (any_text(NAMES, NAME_PIECES), any_text(VALUES, VALUE_PIECES))
}

/// A set, and what a map says it holds: of two of one name the first.
fn set(pairs: &[(Vec<u8>, Vec<u8>)]) -> (ExtraHeaders, BTreeMap<String, Vec<u8>>) {
    let (mut headers, mut map) = (ExtraHeaders::new(), BTreeMap::new());
    for (name, value) in pairs {
        if headers.add(name, value).is_ok() {
            map.insert(String::from_utf8(name.to_ascii_lowercase()).unwrap(), value.trim_ascii().to_vec());
        }
    }
    (headers, map)
}

fn as_map(headers: &ExtraHeaders) -> BTreeMap<String, Vec<u8>> {
    headers.iter().map(|header| (header.name.as_str().to_owned(), header.value.as_bytes().to_vec())).collect()
}

/// What may stand in a header's value, written down a second time.
fn is_sound_value(value: &[u8]) -> bool {
    let fine = |byte: &u8| *byte == 9 || (32..127).contains(byte);
    value.len() <= MAX_VALUE_BYTES
        && value.iter().all(fine)
        && value.iter().any(|byte| !matches!(byte, 9 | 32))
}

proptest! {
    #[test]
    fn a_value_is_text_of_one_line_for_any_header((_, value) in any_header()) {
        prop_assert_eq!(header_text(&value).is_some(), is_sound_value(&value), "{}", value.escape_ascii());
    }

    #[test]
    fn no_two_of_a_set_have_one_name_for_any_headers(pairs in prop::collection::vec(any_header(), 0..12)) {
        let (headers, map) = set(&pairs);
        prop_assert_eq!(headers.len(), map.len());
        prop_assert_eq!(as_map(&headers), map);
        for header in headers.iter() {
            prop_assert!(header.value.is_sensitive());
            let refused = ["host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade", "trailer"];
            prop_assert!(!refused.contains(&header.name.as_str()));
        }
    }

    #[test]
    fn the_job_wins_over_its_hook_for_any_headers(
        job in prop::collection::vec(any_header(), 0..8),
        hook in prop::collection::vec(any_header(), 0..8),
    ) {
        let ((job, of_job), (hook, of_hook)) = (set(&job), set(&hook));
        let is_taken = |name: &str| name == "content-type" || name == "webhook-id";
        let merged = job.over(&hook, |name| is_taken(name.as_str()));
        let mut expected = of_hook;
        expected.retain(|name, _| !is_taken(name));
        expected.extend(of_job);
        prop_assert_eq!(merged.len(), expected.len());
        prop_assert_eq!(as_map(&merged), expected);
    }

    #[test]
    fn a_refusal_and_debug_never_hold_the_value_for_any_header((name, value) in any_header()) {
        let secret = [b"canary-".as_slice(), &value].concat();
        let mut headers = ExtraHeaders::new();
        let told = match headers.add(&name, &secret) {
            Ok(()) => format!("{headers:?}"),
            Err(rule) => rule.to_owned(),
        };
        prop_assert!(!told.contains("canary"), "{}", told);
    }
}
