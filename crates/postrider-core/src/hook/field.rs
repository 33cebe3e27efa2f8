//! What may be set in a record: the keys, and the rule of each. Rules between keys are [`super::edit`]'s.

use std::fmt;

use serde_json::{Map, Value};

use crate::address::AddressPolicy;
use crate::endpoint::Endpoint;
use crate::fault::{Fault, printable};
use crate::headers::ExtraHeaders;
use crate::hook::event_types::{EventTypes, MAX_TYPES, is_event_type};
use crate::profile::{Profile, Profiles};
use crate::secret::Secret;

/// Longest name in characters (Misskey's own limit).
pub const MAX_NAME_CHARS: usize = 100;

/// Longest URL in characters (Misskey's own limit).
pub const MAX_URL_CHARS: usize = 1024;

/// Longest reason for being inactive, in characters: one line for the owner.
pub const MAX_REASON_CHARS: usize = 200;

/// Most requests at a time that a hook may ask for; as many as a worker may have slots.
pub const MAX_IN_FLIGHT: u64 = 10_000;

const ON: &str = "must be a list of at most 64 event types, each 1 to 128 visible ASCII characters, or *";
pub(super) const SECRET: &str = "must be visible ASCII, with spaces inside only, at most 1024 characters";
pub(super) const HEADERS: &str = "must be an object of header names and texts";
pub(super) const SWITCH: &str = "must be true or false";
pub(super) const PROFILE: &str = "must be misskey, standard, cloudevents or raw";

/// What the rules of some fields depend on.
#[derive(Clone, Copy, Debug)]
pub struct HookRules<'a> {
    /// Where requests may go.
    pub addresses: &'a AddressPolicy,
    /// Which headers each profile sets itself.
    pub profiles: &'a Profiles,
    /// The profile of hooks that name none (`delivery.profile`).
    pub default_profile: Profile,
}

/// A key of the record that its owner may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookField {
    /// `name`.
    Name,
    /// `on`.
    On,
    /// `url`.
    Url,
    /// `secret`.
    Secret,
    /// `active`.
    Active,
    /// `profile`.
    Profile,
    /// `headers`.
    Headers,
    /// `maxInFlight`.
    MaxInFlight,
    /// `ratePerSecond`.
    RatePerSecond,
    /// `timeoutMs`.
    TimeoutMs,
    /// `maxAttempts`.
    MaxAttempts,
    /// `disabledReason`.
    DisabledReason,
}

impl HookField {
    /// All, in the order in which a new record has them.
    pub const ALL: [Self; 12] = [
        Self::Name,
        Self::On,
        Self::Url,
        Self::Secret,
        Self::Active,
        Self::Profile,
        Self::Headers,
        Self::MaxInFlight,
        Self::RatePerSecond,
        Self::TimeoutMs,
        Self::MaxAttempts,
        Self::DisabledReason,
    ];

    /// The field of this key.
    pub fn find(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.key() == key)
    }

    /// Its key in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::On => "on",
            Self::Url => "url",
            Self::Secret => "secret",
            Self::Active => "active",
            Self::Profile => "profile",
            Self::Headers => "headers",
            Self::MaxInFlight => "maxInFlight",
            Self::RatePerSecond => "ratePerSecond",
            Self::TimeoutMs => "timeoutMs",
            Self::MaxAttempts => "maxAttempts",
            Self::DisabledReason => "disabledReason",
        }
    }

    /// Whether a record may lack it, so that `null` takes it away.
    pub fn is_optional(self) -> bool {
        !matches!(self, Self::Name | Self::On | Self::Url | Self::Secret | Self::Active)
    }

    /// The value as it is stored.
    ///
    /// # Errors
    /// What is wrong, naming the field; never holds the value.
    pub(super) fn check(self, value: &Value, rules: &HookRules<'_>) -> Result<Value, Fault> {
        match self {
            Self::Name => self.text(value, MAX_NAME_CHARS),
            Self::On => self.event_types(value),
            Self::Url => self.url(value, rules.addresses),
            Self::Secret => self.secret(value),
            Self::Active => match value {
                Value::Bool(_) => Ok(value.clone()),
                _ => Err(self.fault(SWITCH)),
            },
            Self::Profile => self.profile(value),
            Self::Headers => self.headers(value),
            Self::MaxInFlight => self.whole(value, 1, MAX_IN_FLIGHT),
            Self::RatePerSecond => match value.as_f64() {
                Some(rate) if rate > 0.0 && rate.is_finite() => Ok(value.clone()),
                _ => Err(self.fault("must be a number above 0")),
            },
            Self::TimeoutMs => self.whole(value, 100, 120_000),
            Self::MaxAttempts => self.whole(value, 1, 100),
            Self::DisabledReason => self.text(value, MAX_REASON_CHARS),
        }
    }

    /// A fault of this field.
    pub(super) fn fault(self, rule: impl fmt::Display) -> Fault {
        Fault::of_field(self.key().as_bytes(), rule)
    }

    fn text(self, value: &Value, max_chars: usize) -> Result<Value, Fault> {
        match value.as_str().map(|text| text.chars().count()) {
            Some(length) if (1..=max_chars).contains(&length) => Ok(value.clone()),
            _ => Err(self.fault(format_args!("must be a text of 1 to {max_chars} characters"))),
        }
    }

    fn whole(self, value: &Value, least: u64, most: u64) -> Result<Value, Fault> {
        match value.as_u64() {
            Some(number) if (least..=most).contains(&number) => Ok(value.clone()),
            _ => Err(self.fault(format_args!("must be a whole number from {least} to {most}"))),
        }
    }

    fn event_types(self, value: &Value) -> Result<Value, Fault> {
        let given = value.as_array().and_then(|types| types.iter().map(Value::as_str).collect());
        let given: Vec<&str> = given.ok_or_else(|| self.fault(ON))?;
        let distinct: EventTypes = given.into_iter().collect();
        if distinct.iter().count() > MAX_TYPES || !distinct.iter().all(is_event_type) {
            return Err(self.fault(ON));
        }
        Ok(distinct.iter().map(Value::from).collect())
    }

    fn url(self, value: &Value, addresses: &AddressPolicy) -> Result<Value, Fault> {
        self.text(value, MAX_URL_CHARS)?;
        let text = value.as_str().unwrap_or_default();
        let endpoint = Endpoint::parse(text.as_bytes()).map_err(|rule| self.fault(rule))?;
        addresses
            .check_endpoint(&endpoint)
            .map_err(|part| self.fault(format_args!("may not be connected to: {part} is not allowed")))?;
        Ok(value.clone())
    }

    /// Misskey clears a secret by `null`.
    fn secret(self, value: &Value) -> Result<Value, Fault> {
        let text = if value.is_null() { Some("") } else { value.as_str() };
        let secret = text.and_then(|text| Secret::parse(text.as_bytes()));
        secret.map(|secret| secret.reveal().into()).ok_or_else(|| self.fault(SECRET))
    }

    fn profile(self, value: &Value) -> Result<Value, Fault> {
        let profile = value.as_str().and_then(|name| Profile::parse(name.as_bytes()));
        let profile = profile.map(|profile| profile.as_str().into());
        profile.ok_or_else(|| self.fault(PROFILE))
    }

    fn headers(self, value: &Value) -> Result<Value, Fault> {
        parse_headers(value.as_object().ok_or_else(|| self.fault(HEADERS))?)?;
        Ok(value.clone())
    }
}

/// The headers of a record.
pub(super) fn parse_headers(given: &Map<String, Value>) -> Result<ExtraHeaders, Fault> {
    let mut headers = ExtraHeaders::new();
    for (name, value) in given {
        let value = value.as_str().ok_or_else(|| header_fault(name, "must be a text"))?;
        let added = headers.add(name.as_bytes(), value.as_bytes());
        added.map_err(|rule| header_fault(name, rule))?;
    }
    Ok(headers)
}

/// A fault of one header, by its name.
pub(super) fn header_fault(name: &str, rule: impl fmt::Display) -> Fault {
    Fault::of_field(format!("headers.{}", printable(name.as_bytes())).as_bytes(), rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn checked(field: HookField, value: &Value) -> Result<Value, String> {
        let (addresses, profiles) =
            (AddressPolicy::default(), Profiles::new(&Default::default()).expect("the default is accepted"));
        let rules =
            HookRules { addresses: &addresses, profiles: &profiles, default_profile: Profile::Misskey };
        field.check(value, &rules).map_err(|fault| fault.sentence().to_owned())
    }

    #[track_caller]
    fn check_good(field: HookField, values: &[Value]) {
        for value in values {
            assert_eq!(checked(field, value), Ok(value.clone()));
        }
    }

    #[track_caller]
    fn check_bad(field: HookField, values: &[Value]) {
        for value in values {
            let sentence = checked(field, value).unwrap_err();
            assert!(sentence.starts_with(&format!("field '{}", field.key())), "{value}: {sentence}");
        }
    }

    #[test]
    fn every_field_is_found_by_its_key() {
        for field in HookField::ALL {
            assert_eq!(HookField::find(field.key()), Some(field));
        }
        assert_eq!(HookField::find("id"), None);
    }

    #[test]
    fn names_count_in_characters() {
        check_good(HookField::Name, &[json!("a"), json!("フ".repeat(100))]);
        check_bad(HookField::Name, &[json!(""), json!("フ".repeat(101)), json!(1), json!(null)]);
    }

    #[test]
    fn event_types_are_listed_once_and_may_be_none() {
        check_good(HookField::On, &[json!([]), json!(["*"]), json!(["note", "invoice.paid"])]);
        assert_eq!(checked(HookField::On, &json!(["b", "a", "b"])), Ok(json!(["b", "a"])));
        let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
        let bad = [json!("note"), json!([1]), json!([""]), json!(["a b"]), json!(null), json!(many)];
        check_bad(HookField::On, &bad);
        check_good(HookField::On, &[json!(many[1..])]);
    }

    #[test]
    fn urls_are_plain_short_and_allowed() {
        check_good(HookField::Url, &[json!("https://hooks.example/in?a=b")]);
        let long = format!("https://hooks.example/{}", "a".repeat(1003));
        check_bad(HookField::Url, &[json!(long), json!(""), json!("ftp://hooks.example/"), json!(null)]);
        let blocked = checked(HookField::Url, &json!("http://127.0.0.1/canary")).unwrap_err();
        assert_eq!(blocked, "field 'url' may not be connected to: the address is not allowed");
    }

    #[test]
    fn a_secret_is_text_or_none() {
        check_good(HookField::Secret, &[json!(""), json!("a b"), json!("x".repeat(1024))]);
        assert_eq!(checked(HookField::Secret, &json!(null)), Ok(json!("")));
        check_bad(HookField::Secret, &[json!(" a"), json!("秘"), json!("x".repeat(1025)), json!(7)]);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        check_good(HookField::MaxInFlight, &[json!(1), json!(10_000)]);
        check_bad(HookField::MaxInFlight, &[json!(0), json!(10_001), json!(1.5), json!("1"), json!(-1)]);
        check_good(HookField::RatePerSecond, &[json!(0.1), json!(1000)]);
        check_bad(HookField::RatePerSecond, &[json!(0), json!(-0.5), json!("1")]);
        check_good(HookField::TimeoutMs, &[json!(100), json!(120_000)]);
        check_bad(HookField::TimeoutMs, &[json!(99), json!(120_001)]);
        check_good(HookField::MaxAttempts, &[json!(1), json!(100)]);
        check_bad(HookField::MaxAttempts, &[json!(0), json!(101)]);
    }

    #[test]
    fn headers_are_named_in_their_faults_and_never_shown() {
        check_good(HookField::Headers, &[json!({}), json!({"X-A": "1", "X-B": "2"})]);
        for (headers, start) in [
            (json!({"X-A": "canary\n"}), "field 'headers.X-A' must be visible ASCII"),
            (json!({"X A": "canary"}), "field 'headers.X A' is not a header name"),
            (json!({"Host": "canary"}), "field 'headers.Host' is set by the sender"),
            (json!({"x-a": "1", "X-A": "canary"}), "field 'headers.X-A' is given twice"),
            (json!({"X-A": 7}), "field 'headers.X-A' must be a text"),
            (json!(["X-A: canary"]), "field 'headers' must be an object"),
        ] {
            let sentence = checked(HookField::Headers, &headers).unwrap_err();
            assert!(sentence.starts_with(start) && !sentence.contains("canary"), "{sentence}");
        }
    }

    #[test]
    fn the_rest_is_what_it_says() {
        check_good(HookField::Active, &[json!(true), json!(false)]);
        check_bad(HookField::Active, &[json!("true"), json!(null), json!(1)]);
        check_good(HookField::Profile, &[json!("standard")]);
        check_bad(HookField::Profile, &[json!("Standard"), json!(""), json!(1)]);
        check_good(HookField::DisabledReason, &[json!("moved house")]);
        check_bad(HookField::DisabledReason, &[json!(""), json!("a".repeat(201))]);
    }

    proptest! {
        #[test]
        fn no_text_panics_or_stands_in_a_fault(text in "canary\\PC{0,40}") {
            for field in HookField::ALL {
                for value in [json!(text), json!([text]), json!({ "X-A": text })] {
                    if let Err(sentence) = checked(field, &value) {
                        prop_assert!(!sentence.contains("canary"), "{}", sentence);
                    }
                }
            }
        }
    }
}
