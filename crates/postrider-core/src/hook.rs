//! The record of a registered hook (contract section 5), as far as sending needs it.

use std::time::Duration;

use serde::Deserialize;

use crate::headers::ExtraHeaders;
use crate::profile::Profile;
use crate::secret::Secret;

/// A registered hook, read from its JSON in `postrider:hooks:{userId}`.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where its jobs go, as registered: checked when it is used, since the rules may have changed since.
    pub url: Box<str>,
    /// Whether sending is switched on.
    pub active: bool,
    /// The current secret and those that still sign beside it, newest first; never empty, the first may be.
    pub secrets: Vec<Secret>,
    /// How its requests look, where it says.
    pub profile: Option<Profile>,
    /// Headers for all its requests.
    pub headers: ExtraHeaders,
    /// Requests at a time, of each worker.
    pub max_in_flight: Option<u32>,
    /// Limit of one whole attempt.
    pub timeout: Option<Duration>,
    /// Attempts in all.
    pub max_attempts: Option<u32>,
}

/// The JSON of a record; unknown keys are other issues' and are left alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    url: String,
    active: bool,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    headers: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    max_in_flight: Option<u32>,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    max_attempts: Option<u32>,
}

impl Hook {
    /// Reads a record; `None` when it can't be used, which counts like a hook that isn't registered.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(json).ok()?;
        let profile = match record.profile {
            None => None,
            Some(name) => Some(Profile::parse(name.as_bytes())?),
        };
        let mut headers = ExtraHeaders::new();
        for (name, value) in &record.headers {
            headers.add(name.as_bytes(), value.as_str()?.as_bytes()).ok()?;
        }
        Some(Self {
            url: record.url.into(),
            active: record.active,
            secrets: vec![Secret::parse(record.secret.as_bytes())?],
            profile,
            headers,
            max_in_flight: record.max_in_flight.filter(|limit| *limit > 0),
            timeout: record.timeout_ms.filter(|ms| (100..=120_000).contains(ms)).map(Duration::from_millis),
            max_attempts: record.max_attempts.filter(|attempts| (1..=100).contains(attempts)),
        })
    }

    /// The record with its hook set inactive because its receiver answered 410; `None` where it is no JSON object.
    pub fn switched_off(json: &[u8]) -> Option<Vec<u8>> {
        let mut record: serde_json::Value = serde_json::from_slice(json).ok()?;
        let fields = record.as_object_mut()?;
        fields.insert("active".into(), false.into());
        fields.insert("disabledReason".into(), "gone".into());
        serde_json::to_vec(&record).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misskeys_own_record_is_enough() {
        let hook = Hook::parse(
            br#"{"id":"9abc","userId":"9u","name":"n","on":["note"],"url":"https://x.example/","secret":"s",
                "active":true,"latestSentAt":null,"latestStatus":null}"#,
        )
        .unwrap();
        assert_eq!((&*hook.url, hook.active, hook.secrets[0].reveal()), ("https://x.example/", true, "s"));
    }

    #[test]
    fn a_record_without_url_or_switch_is_no_hook() {
        for bad in [&b"{garbage"[..], br#"{"id":"x"}"#, br#"{"url":"https://x.example/"}"#, b"[]", b"\xff"] {
            assert!(Hook::parse(bad).is_none());
        }
    }

    #[test]
    fn switching_off_keeps_everything_else_as_it_was() {
        let off = Hook::switched_off(br#"{"on":[],"n":12345678901234567,"active":true,"url":"u"}"#).unwrap();
        assert_eq!(
            String::from_utf8(off).unwrap(),
            r#"{"on":[],"n":12345678901234567,"active":false,"url":"u","disabledReason":"gone"}"#
        );
    }
}
