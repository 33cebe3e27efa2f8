//! Reads of a record what sending needs. A fault names its key and never holds its value, which may be a secret.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Hook;
use super::field::{HEADERS, HookField, PROFILE, SECRET, SWITCH, parse_headers};
use super::record::EARLIER;
use super::secrets::EarlierSecret;
use crate::fault::Fault;
use crate::headers::ExtraHeaders;
use crate::profile::Profile;
use crate::secret::Secret;

/// The JSON of a record; unknown keys are left alone.
struct Given(Map<String, Value>);

pub(super) fn read(json: &[u8]) -> Result<Hook, Fault> {
    let given = serde_json::from_slice(json).map(Given);
    let given = given.map_err(|_| Fault::of_entry("it is no JSON object"))?;
    let number = "must be a number";
    let whole = |value: &Value| u32::try_from(value.as_u64()?).ok();
    let max_in_flight = given.read(HookField::MaxInFlight, number, whole)?;
    let rate_per_second = given.read(HookField::RatePerSecond, number, Value::as_f64)?;
    let timeout_ms = given.read(HookField::TimeoutMs, number, Value::as_u64)?;
    let max_attempts = given.read(HookField::MaxAttempts, number, whole)?;
    let text = |value: &Value| value.as_str().map(Into::into);
    Ok(Hook {
        url: needed(HookField::Url, given.read(HookField::Url, "must be a text", text)?)?,
        active: needed(HookField::Active, given.read(HookField::Active, SWITCH, Value::as_bool)?)?,
        on: given.read(HookField::On, "must be a list of texts", event_types)?.unwrap_or_default(),
        secret: given.read(HookField::Secret, SECRET, secret)?.unwrap_or_default(),
        earlier_secrets: given.earlier_secrets()?,
        profile: given.read(HookField::Profile, PROFILE, profile)?,
        headers: given.headers()?,
        max_in_flight: max_in_flight.filter(|limit| *limit > 0),
        rate_per_second: rate_per_second.filter(|rate| rate.is_finite() && *rate > 0.0),
        timeout: timeout_ms.filter(|ms| (100..=120_000).contains(ms)).map(Duration::from_millis),
        max_attempts: max_attempts.filter(|attempts| (1..=100).contains(attempts)),
    })
}

impl Given {
    /// The value of a key, where there is one.
    fn read<T>(
        &self,
        field: HookField,
        rule: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.0.get(field.key()) {
            None => Ok(None),
            Some(Value::Null) if field.is_optional() => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| field.fault(rule)),
        }
    }

    fn headers(&self) -> Result<ExtraHeaders, Fault> {
        let given = self.read(HookField::Headers, HEADERS, |value| value.as_object().cloned())?;
        given.map_or_else(|| Ok(ExtraHeaders::new()), |given| parse_headers(&given))
    }

    fn earlier_secrets(&self) -> Result<Vec<EarlierSecret>, Fault> {
        match self.0.get(EARLIER) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.iter().filter_map(EarlierSecret::parse).collect()),
            Some(_) => Err(Fault::of_field(EARLIER.as_bytes(), "must be a list")),
        }
    }
}

fn needed<T>(field: HookField, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| field.fault("is missing"))
}

fn event_types(value: &Value) -> Option<super::event_types::EventTypes> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn secret(value: &Value) -> Option<Secret> {
    Secret::parse(value.as_str()?.as_bytes())
}

fn profile(value: &Value) -> Option<Profile> {
    Profile::parse(value.as_str()?.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(key: &str, value: &Value) -> Result<Hook, String> {
        let mut record = json!({"url": "https://x.example/", "active": true});
        record[key] = value.clone();
        read(record.to_string().as_bytes()).map_err(|fault| fault.sentence().to_owned())
    }

    #[test]
    fn a_record_that_can_not_be_used_says_by_which_key_and_tells_no_value() {
        for (key, value, start) in [
            ("url", json!(["canary"]), "field 'url' must be a text"),
            ("url", json!(null), "field 'url' must be a text"),
            ("active", json!("canary"), "field 'active' must be true or false"),
            ("on", json!(["note", {"canary": 1}]), "field 'on' must be a list of texts"),
            ("secret", json!("canary\n"), "field 'secret' must be visible ASCII"),
            ("secret", json!({"canary": 1}), "field 'secret' must be visible ASCII"),
            ("secrets", json!("canary"), "field 'secrets' must be a list"),
            ("profile", json!("canary"), "field 'profile' must be misskey, standard"),
            ("headers", json!("canary"), "field 'headers' must be an object"),
            ("headers", json!({"X-A": "canary\n"}), "field 'headers.X-A' must be visible ASCII"),
            ("headers", json!({"Host": "canary"}), "field 'headers.Host' is set by the sender"),
            ("maxInFlight", json!("canary"), "field 'maxInFlight' must be a number"),
            ("ratePerSecond", json!("canary"), "field 'ratePerSecond' must be a number"),
            ("timeoutMs", json!(-1), "field 'timeoutMs' must be a number"),
            ("maxAttempts", json!(1.5), "field 'maxAttempts' must be a number"),
        ] {
            let sentence = with(key, &value).unwrap_err();
            assert!(sentence.starts_with(start) && !sentence.contains("canary"), "{sentence}");
        }
    }

    #[test]
    fn what_is_missing_is_named_too() {
        let sentence = |json: &[u8]| read(json).unwrap_err().sentence().to_owned();
        assert_eq!(sentence(br#"{"active":true}"#), "field 'url' is missing");
        assert_eq!(sentence(br#"{"url":"https://x.example/"}"#), "field 'active' is missing");
        for garbage in [&b"{garbage"[..], b"[]", b"7", b"\xff", b""] {
            assert_eq!(sentence(garbage), "it is no JSON object");
        }
    }

    #[test]
    fn limits_out_of_their_bounds_are_as_if_they_were_not_given() {
        for (key, value) in [("maxInFlight", 0), ("ratePerSecond", 0), ("timeoutMs", 1), ("maxAttempts", 101)]
        {
            let hook = with(key, &json!(value)).unwrap();
            assert_eq!((hook.max_in_flight, hook.rate_per_second), (None, None));
            assert_eq!((hook.timeout, hook.max_attempts), (None, None));
            assert!(with(key, &json!(null)).is_ok());
        }
    }
}
