//! A registered hook (contract section 5).
//!
//! - [`Hook`]: what sending and fan-out read of a record (`reading`); lenient, since the record may be older or someone else's.
//! - [`record`]: the whole record as its owner sees and edits it; [`edit`]: what may be set, checked all at once.
//! - [`field`]: the rule of each key; [`id`]: the ids; [`filter`]: which hooks a list is about.
//! - [`latest`]: what came of the latest attempt.
//! - [`secrets`]: secrets that are replaced, and new ones; [`event_types`]: which events a hook asks for.
//!
//! Never stores or sends anything: that is the store's and the sender's.

pub mod edit;
pub mod event_types;
pub mod field;
pub mod filter;
pub mod id;
pub mod latest;
mod reading;
pub mod record;
pub mod secrets;

use std::time::Duration;

use crate::fault::Fault;
use crate::headers::ExtraHeaders;
use crate::profile::Profile;
use crate::secret::Secret;
use crate::time::Timestamp;
use event_types::EventTypes;
use secrets::EarlierSecret;

/// A registered hook, read from its JSON in `postrider:hooks:{userId}`.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where its jobs go, as registered: checked when it is used, since the rules may have changed since.
    pub url: Box<str>,
    /// Whether sending is switched on.
    pub active: bool,
    /// The events that it asks for.
    pub on: EventTypes,
    /// The current secret; may be empty.
    pub secret: Secret,
    /// Secrets that it replaced, newest first, those whose time is over included.
    pub earlier_secrets: Vec<EarlierSecret>,
    /// How its requests look, where it says.
    pub profile: Option<Profile>,
    /// Headers for all its requests.
    pub headers: ExtraHeaders,
    /// Requests at a time, of each worker.
    pub max_in_flight: Option<u32>,
    /// Requests a second, of each worker; above 0 and finite.
    pub rate_per_second: Option<f64>,
    /// Limit of one whole attempt.
    pub timeout: Option<Duration>,
    /// Attempts in all.
    pub max_attempts: Option<u32>,
}

impl Hook {
    /// Reads a record. One that can't be used counts like a hook that isn't registered.
    ///
    /// # Errors
    /// Which key is wrong, without its value.
    pub fn parse(json: &[u8]) -> Result<Self, Fault> {
        reading::read(json)
    }

    /// The secrets that sign at `now`: the current one, then those that it replaced and whose time isn't over, newest
    /// first. Never empty, but the first may be the empty secret.
    pub fn signing_secrets(&self, now: Timestamp) -> Vec<Secret> {
        let earlier = self.earlier_secrets.iter().filter(|earlier| earlier.signs_at(now));
        std::iter::once(&self.secret).chain(earlier.map(|earlier| &earlier.secret)).cloned().collect()
    }

    /// The record with its hook set inactive, and why; `None` where it is no JSON object.
    pub fn switched_off(json: &[u8], reason: &str) -> Option<Vec<u8>> {
        let mut record: serde_json::Value = serde_json::from_slice(json).ok()?;
        let fields = record.as_object_mut()?;
        fields.insert("active".into(), false.into());
        fields.insert("disabledReason".into(), reason.into());
        serde_json::to_vec(&record).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSKEYS_OWN: &[u8] =
        br#"{"id":"9abc","userId":"9u","name":"n","on":["note"],"url":"https://x.example/",
        "secret":"s","active":true,"latestSentAt":null,"latestStatus":null}"#;

    #[test]
    fn misskeys_own_record_is_enough() {
        let hook = Hook::parse(MISSKEYS_OWN).unwrap();
        assert_eq!((&*hook.url, hook.active, hook.secret.reveal()), ("https://x.example/", true, "s"));
        assert!(hook.on.includes("note") && !hook.on.includes("reply"));
    }

    #[test]
    fn a_record_without_url_or_switch_is_no_hook() {
        for bad in [&b"{garbage"[..], br#"{"id":"x"}"#, br#"{"url":"https://x.example/"}"#, b"[]", b"\xff"] {
            assert!(Hook::parse(bad).is_err());
        }
    }

    #[test]
    fn a_hook_that_asks_for_nothing_is_still_one() {
        let hook = Hook::parse(br#"{"url":"https://x.example/","active":true,"ratePerSecond":0}"#).unwrap();
        assert!(hook.on.is_empty() && hook.rate_per_second.is_none());
    }

    #[test]
    fn an_earlier_secret_signs_until_its_time_is_over() {
        let hook = Hook::parse(
            br#"{"url":"u","active":true,"secret":"new","secrets":[{"secret":"old","until":"2026-11-24T00:00:01Z"},
                {"secret":"older","until":"2026-11-24T00:00:00Z"},{"secret":"odd","until":"soon"},7]}"#,
        )
        .unwrap();
        let at = |time: &str| {
            let secrets = hook.signing_secrets(Timestamp::parse_rfc3339(time).unwrap());
            secrets.iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(at("2026-11-23T23:59:59.999Z"), ["new", "old", "older"]);
        assert_eq!(at("2026-11-24T00:00:00Z"), ["new", "old"]);
        assert_eq!(at("2026-11-24T00:00:01Z"), ["new"]);
    }

    #[test]
    fn switching_off_keeps_everything_else_as_it_was() {
        let off = Hook::switched_off(br#"{"on":[],"n":12345678901234567,"active":true,"url":"u"}"#, "gone")
            .unwrap();
        assert_eq!(
            String::from_utf8(off).unwrap(),
            r#"{"on":[],"n":12345678901234567,"active":false,"url":"u","disabledReason":"gone"}"#
        );
    }
}
