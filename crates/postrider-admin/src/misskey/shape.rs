//! A hook as Misskey's API shows it: its keys, in its order, each always there. What isn't Misskey's isn't shown.

use std::mem::discriminant;

use postrider_core::hook::latest::Latest;
use postrider_core::hook::record::{Detail, HookRecord};
use serde_json::{Map, Value, json};

/// Stands in lists for a secret.
pub(super) const HIDDEN: &str = "***";

/// Misskey's word for: no answer came.
const NO_ANSWER: u16 = 1;

/// The hook. Of one whose record can't be read no more is known than its ids: it is shown switched off.
pub(super) fn webhook(
    user: &str,
    id: &str,
    record: Option<&HookRecord>,
    latest: Option<Latest>,
    detail: Detail,
) -> Value {
    let shown = record.map(|record| record.shown(user, id, latest, detail)).unwrap_or_default();
    let secret = match record {
        Some(record) if detail == Detail::Listed && !record.secret().is_empty() => json!(HIDDEN),
        _ => known(&shown, "secret", json!("")),
    };
    json!({
        "id": id,
        "userId": user,
        "name": known(&shown, "name", json!("")),
        "on": known(&shown, "on", json!([])),
        "url": known(&shown, "url", json!("")),
        "secret": secret,
        "active": known(&shown, "active", json!(false)),
        "latestSentAt": latest.map(|latest| latest.sent_at.to_rfc3339()),
        "latestStatus": latest.map(|latest| if latest.status == 0 { NO_ANSWER } else { latest.status }),
    })
}

/// What is shown, where it is of the kind that clients expect. Anyone may write a record.
fn known(shown: &Map<String, Value>, key: &str, otherwise: Value) -> Value {
    let is_alike = |value: &&Value| discriminant(*value) == discriminant(&otherwise);
    shown.get(key).filter(is_alike).cloned().unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use postrider_core::time::Timestamp;

    use super::*;

    const RECORD: &str = r#"{"name":"mine","on":["note"],"url":"https://hooks.example/in?key=canary","secret":"canary",
        "active":true,"headers":{"X-Key":"canary"},"profile":"raw"}"#;

    fn shown(record: &str, detail: Detail) -> Value {
        let record = HookRecord::parse(record.as_bytes());
        let latest = Latest { sent_at: Timestamp::from_millis(1_764_324_000_123), status: 0 };
        webhook("9u", "9abc", record.as_ref(), Some(latest), detail)
    }

    #[test]
    fn a_hook_has_misskeys_keys_in_misskeys_order() {
        let expected = r#"{"id":"9abc","userId":"9u","name":"mine","on":["note"],"url":"https://hooks.example/in?key=canary","secret":"canary","active":true,"latestSentAt":"2025-11-28T10:00:00.123Z","latestStatus":1}"#;
        assert_eq!(shown(RECORD, Detail::Revealed).to_string(), expected);
    }

    #[test]
    fn a_list_tells_that_there_is_a_secret_and_nothing_of_it() {
        let listed = shown(RECORD, Detail::Listed);
        assert!(!listed.to_string().contains("canary"), "{listed}");
        assert_eq!((&listed["secret"], &listed["url"]), (&json!(HIDDEN), &json!("https://hooks.example")));
        assert_eq!(shown(r#"{"secret":""}"#, Detail::Listed)["secret"], "");
    }

    #[test]
    fn what_a_record_lacks_or_spoils_is_there_all_the_same() {
        for record in
            ["{}", "[]", "garbage", r#"{"name":7,"on":"note","url":null,"secret":[],"active":"yes"}"#]
        {
            let hook = shown(record, Detail::Revealed);
            let values = ["name", "on", "url", "secret", "active"].map(|key| hook[key].clone());
            assert_eq!(values, [json!(""), json!([]), json!(""), json!(""), json!(false)], "{record}");
        }
    }
}
