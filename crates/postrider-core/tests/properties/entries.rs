//! Entries of producers: sound ones are read as they were written, in any order; damaged ones are refused by name.

use postrider_core::endpoint::EndpointCache;
use postrider_core::entry_id::EntryId;
use postrider_core::job::{EntryKind, Field, InvalidJob, Job, ParseContext, entry_size};
use proptest::prelude::*;

use crate::damage::{Damage, damage};

const ENTRY: EntryId = EntryId { millis: 1_764_324_000_123, sequence: 4 };
const CANARY: &str = "canary-4711";

/// What matters to a reader of values.
const PIECES: &[&str] = &[
    "\0",
    "\r\n",
    " ",
    "-1",
    "+1",
    "1e3",
    "00",
    "99999999999999999999",
    "é",
    "{",
    "}",
    "\"",
    "\\u0000",
    ".",
    "@",
    ":",
];

fn read(kind: EntryKind, fields: Vec<Field>) -> Result<Job, InvalidJob> {
    let endpoints = EndpointCache::default();
    let mut context = ParseContext { kind, max_job_bytes: 1 << 20, event_id_suffix: "".into(), endpoints };
    Job::parse(ENTRY, fields, &mut context)
}

fn of_pattern(name: &'static str, pattern: &'static str) -> BoxedStrategy<Field> {
    let value = proptest::string::string_regex(pattern).unwrap();
    value.prop_map(move |value| (name.into(), value.into_bytes())).boxed()
}

fn of_numbers(name: &'static str, least: u64, most: u64) -> BoxedStrategy<Field> {
    (least..=most).prop_map(move |number| (name.into(), number.to_string().into_bytes())).boxed()
}

/// Fields that every job may have, each with a sound value.
fn optional_fields() -> Vec<BoxedStrategy<Field>> {
    vec![
        of_pattern("type", "[!-~]{1,20}"),
        of_pattern("hookId", "[!-~]{1,20}"),
        of_pattern("userId", "[!-~]{1,128}"),
        of_pattern("secret", "canary-4711[!-~]{0,20}"),
        of_pattern("eventId", "[!-\\-/-~]{1,20}"),
        of_numbers("createdAt", 0, 253_402_300_799_999),
        of_pattern("id", "[A-Za-z0-9_:-]{1,128}"),
        of_pattern("profile", "misskey|standard|cloudevents|raw"),
        of_pattern("contentType", "text/plain; charset=[a-z0-9-]{1,9}"),
        of_numbers("maxAttempts", 1, 100),
        of_numbers("timeoutMs", 100, 120_000),
        of_numbers("notBefore", 0, 253_402_300_799_999),
        of_numbers("expiresAt", 0, 253_402_300_799_999),
        of_pattern("traceparent", "00-[0-9a-f]{32}-[0-9a-f]{16}-01|nonsense"),
        of_pattern("header:X-Key", "canary-4711[!-~]{0,20}"),
        of_pattern("header:x-other", "[!-~][ -~]{0,20}"),
        of_pattern("tenant", "\\PC{0,20}"),
        of_pattern("_reason", "\\PC{0,20}"),
        of_pattern("_job", "1 first=[0-9]{1,6}-[0-9] attempts=[0-9]"),
    ]
}

/// A sound job: destination and content, and any of the others.
fn any_sound() -> impl Strategy<Value = Vec<Field>> {
    let to = of_pattern("to", "https?://[a-z]{1,9}\\.example(:8080)?(/[a-z?=%2]{0,9})?");
    let content = of_pattern("content", "\\{\"a\":[0-9]{1,5}\\}|\"\\PC{0,30}\"");
    let others = prop::sample::subsequence(optional_fields(), 0..=optional_fields().len());
    (to, content, others.prop_flat_map(|others| others))
        .prop_map(|(to, content, others)| [vec![to, content], others].concat())
}

fn value<'a>(fields: &'a [Field], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|(own, _)| own == name.as_bytes()).map(|(_, value)| value.as_slice())
}

fn text(text: &Option<Box<str>>) -> Option<&[u8]> {
    text.as_deref().map(str::as_bytes)
}

/// All of a job that a producer set, in one order.
fn shown(job: &Job) -> String {
    let mut headers: Vec<_> =
        job.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    headers.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    let secret = job.secret.as_ref().map(|secret| secret.reveal().to_owned());
    let values: Vec<_> = headers.iter().map(|(_, value)| value.as_bytes()).collect();
    format!("{:?} {secret:?} {values:?} {headers:?}", Job { headers: Default::default(), ..job.clone() })
}

proptest! {
    #[test]
    fn every_value_arrives_as_it_was_given_for_any_sound_entry(fields in any_sound()) {
        let job = read(EntryKind::Job, fields.clone()).unwrap();
        prop_assert_eq!(value(&fields, "content"), Some(&*job.content));
        prop_assert_eq!(value(&fields, "type"), text(&job.event_type));
        prop_assert_eq!(value(&fields, "hookId"), text(&job.hook_id));
        prop_assert_eq!(value(&fields, "userId"), text(&job.user_id));
        prop_assert_eq!(value(&fields, "secret"), job.secret.as_ref().map(|secret| secret.reveal().as_bytes()));
        if let Some(id) = value(&fields, "eventId") {
            prop_assert_eq!(id, job.event_id.as_bytes());
        }
        if let Some(timeout) = value(&fields, "timeoutMs") {
            let read = job.timeout.unwrap().as_millis().to_string();
            prop_assert_eq!(timeout, read.as_bytes());
        }
        let headers = fields.iter().filter(|(name, _)| name.starts_with(b"header:"));
        prop_assert_eq!(job.headers.len(), headers.count());
        prop_assert_eq!(job.size, entry_size(&fields));
    }

    #[test]
    fn the_order_of_fields_means_nothing_for_any_sound_entry(
        (fields, shuffled) in any_sound().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
    ) {
        let (one, other) = (read(EntryKind::Job, fields).unwrap(), read(EntryKind::Job, shuffled).unwrap());
        prop_assert_eq!(shown(&one), shown(&other));
    }

    #[test]
    fn a_field_given_twice_is_named_for_any_sound_entry(fields in any_sound(), at in any::<prop::sample::Index>(), place in any::<prop::sample::Index>()) {
        let mut fields = fields;
        let twice = at.get(&fields).clone();
        fields.insert(place.index(fields.len() + 1), twice.clone());
        let dropped = twice.0.starts_with(b"_") && twice.0 != b"_job";
        match read(EntryKind::Job, fields) {
            Ok(_) => prop_assert!(dropped),
            Err(invalid) => {
                let name = String::from_utf8_lossy(&twice.0).into_owned();
                prop_assert!(invalid.fault.sentence().starts_with(&format!("field '{name}' is given twice")), "{}", invalid.fault);
            }
        }
    }

    #[test]
    fn a_fault_names_its_field_and_hides_its_value_for_any_damage(
        fields in any_sound(),
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec(damage(PIECES), 1..3),
        kind in prop::sample::select(vec![EntryKind::Job, EntryKind::Event]),
        of_name in prop::bool::weighted(0.2),
    ) {
        let mut fields = fields;
        let (name, value) = at.get(&fields).clone();
        let index = at.index(fields.len());
        let damaged = if of_name { &mut fields[index].0 } else { &mut fields[index].1 };
        changes.iter().for_each(|change: &Damage| change.apply(damaged));
        if let Err(invalid) = read(kind, fields) {
            let sentence = invalid.fault.sentence();
            prop_assert!(sentence.starts_with("field '"), "{}", sentence);
            prop_assert!(!sentence.chars().any(char::is_control), "{}", sentence);
            if !of_name {
                prop_assert!(!sentence.contains(CANARY), "{}", sentence);
            }
            let is_name = |known: &&[u8]| sentence.starts_with(&format!("field '{}'", String::from_utf8_lossy(known)));
            if kind == EntryKind::Job && !of_name {
                prop_assert!(is_name(&&*name), "{} was damaged, and {} is told; was {:?}", String::from_utf8_lossy(&name), sentence, value);
            }
        }
    }

    #[test]
    fn an_event_is_read_or_refused_by_name_for_any_sound_job(fields in any_sound()) {
        let has = |name: &str| value(&fields, name).is_some();
        match read(EntryKind::Event, fields.clone()) {
            Ok(event) => {
                prop_assert!(has("userId") && has("type") && event.to.is_none() && event.secret.is_none());
                prop_assert_eq!(Some(&*event.content), value(&fields, "content"));
            }
            Err(invalid) => prop_assert!(invalid.fault.sentence().starts_with("field '"), "{}", invalid.fault),
        }
    }
}
