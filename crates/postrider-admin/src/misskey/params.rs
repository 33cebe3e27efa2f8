//! What clients may send, by Misskey's names. Only what differs from a record's own rules is judged here; keys that aren't
//! known are ignored, as Misskey does.

use postrider_core::hook::edit::HookEdit;
use postrider_core::hook::field::HookField;
use postrider_core::hook::id::is_hook_id;
use postrider_core::sample::MisskeyEvent;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::api::hooks::work::Sample;

/// What a new hook takes. There is no `active`: it begins switched on.
const OF_NEW: [HookField; 4] = [HookField::Name, HookField::Url, HookField::Secret, HookField::On];

/// What a new hook has to bring.
const NEEDED: [HookField; 3] = [HookField::Name, HookField::Url, HookField::On];

/// What can be changed.
const OF_CHANGE: [HookField; 5] =
    [HookField::Name, HookField::Url, HookField::Secret, HookField::On, HookField::Active];

/// Which hook is meant.
pub(super) fn hook_id(given: &Map<String, Value>) -> Result<&str, ApiError> {
    let id = given.get("webhookId").ok_or_else(|| missing("webhookId"))?;
    let id = id.as_str().filter(|id| is_hook_id(id));
    id.ok_or_else(|| ApiError::invalid_param("webhookId", "must be the id of a webhook"))
}

/// The hook to register.
pub(super) fn new_hook(given: &Map<String, Value>) -> Result<HookEdit, ApiError> {
    if let Some(field) = NEEDED.iter().find(|field| !given.contains_key(field.key())) {
        return Err(missing(field.key()));
    }
    edit_of(OF_NEW.iter().filter_map(|field| Some((*field, given.get(field.key())?))))
}

/// The change to make. What is given just as the hook is shown now, whole or in a list, isn't a change: a client may send
/// back all that it got to change one switch, and lists hide the secret and most of the URL.
pub(super) fn change(given: &Map<String, Value>, as_it_is: &[Value]) -> Result<HookEdit, ApiError> {
    edit_of(OF_CHANGE.iter().filter_map(|field| {
        let value = given.get(field.key())?;
        let is_change = as_it_is.iter().all(|shown| shown[field.key()] != *value);
        is_change.then_some((*field, value))
    }))
}

/// What to try a hook with.
pub(super) fn sample(given: &Map<String, Value>) -> Result<Sample<'_>, ApiError> {
    let event = given.get("type").ok_or_else(|| missing("type"))?;
    let event = event.as_str().and_then(MisskeyEvent::parse);
    let instead = match given.get("override") {
        None => None,
        Some(Value::Object(instead)) => Some(instead),
        Some(_) => return Err(ApiError::invalid_param("override", "must be an object")),
    };
    let text = |name: &str| match instead.and_then(|instead| instead.get(name)) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(ApiError::invalid_param(&format!("override/{name}"), "must be a text")),
    };
    Ok(Sample {
        event: event.ok_or_else(|| ApiError::invalid_param("type", &one_of_events("must be one of")))?,
        url: text("url")?,
        secret: text("secret")?,
    })
}

fn edit_of<'a>(changes: impl Iterator<Item = (HookField, &'a Value)>) -> Result<HookEdit, ApiError> {
    let mut edit = HookEdit::new();
    for (field, value) in changes {
        if field == HookField::On && !are_events(value) {
            return Err(ApiError::invalid_param("on", &one_of_events("must be a list of")));
        }
        edit = edit.set(field, value.clone());
    }
    Ok(edit)
}

/// A record may ask for any event, but Misskey knows only its own.
fn are_events(value: &Value) -> bool {
    let is_event = |name: &Value| name.as_str().is_some_and(|name| MisskeyEvent::parse(name).is_some());
    value.as_array().is_some_and(|names| names.iter().all(is_event))
}

fn one_of_events(rule: &str) -> String {
    format!("{rule} {}", MisskeyEvent::ALL.map(MisskeyEvent::as_str).join(", "))
}

fn missing(param: &str) -> ApiError {
    ApiError::invalid_param(param, "is missing")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: Value) -> Map<String, Value> {
        let Value::Object(given) = value else { panic!("{value} is no object") };
        given
    }

    /// The parameter that it is refused for.
    fn refused<T>(outcome: Result<T, ApiError>) -> String {
        outcome
            .err()
            .map(|error| error.to_json()["error"]["info"]["param"].as_str().unwrap().to_owned())
            .unwrap()
    }

    #[test]
    fn a_new_hook_brings_name_url_and_events_of_misskey() {
        let whole =
            json!({ "name": "a", "url": "https://x.example/", "on": ["note", "reaction"], "active": false });
        let edit = new_hook(&given(whole.clone())).unwrap();
        assert!(edit.changes(HookField::On) && !edit.changes(HookField::Active));
        for key in ["name", "url", "on"] {
            let mut without = given(whole.clone());
            without.shift_remove(key);
            assert_eq!(refused(new_hook(&without)), key);
        }
        for bad in [json!("note"), json!(["*"]), json!(["invoice.paid"]), json!([1]), json!(null)] {
            let mut spoilt = given(whole.clone());
            spoilt.insert("on".into(), bad);
            assert_eq!(refused(new_hook(&spoilt)), "on");
        }
    }

    #[test]
    fn what_is_sent_back_as_it_was_shown_is_no_change() {
        let shown =
            json!({ "name": "a", "on": ["*"], "url": "https://x.example/in", "secret": "s", "active": true });
        let listed =
            json!({ "name": "a", "on": ["*"], "url": "https://x.example", "secret": "***", "active": true });
        let as_it_is = [shown.clone(), listed.clone()];
        for same in [shown, listed.clone()] {
            assert!(change(&given(same), &as_it_is).unwrap().is_empty());
        }
        let mut off = given(listed);
        off.insert("active".into(), false.into());
        let edit = change(&off, &as_it_is).unwrap();
        assert!(edit.changes(HookField::Active) && !edit.changes(HookField::Url), "{edit:?}");
        let cleared = change(&given(json!({ "secret": "" })), &as_it_is).unwrap();
        assert!(cleared.changes(HookField::Secret));
        assert_eq!(refused(change(&given(json!({ "on": ["other"] })), &as_it_is)), "on");
    }

    #[test]
    fn a_hook_is_named_by_an_id_and_a_sample_by_an_event() {
        assert!(hook_id(&given(json!({ "webhookId": "9abc" }))).is_ok());
        for bad in [json!({}), json!({ "webhookId": 7 }), json!({ "webhookId": "a:b" })] {
            assert_eq!(refused(hook_id(&given(bad))), "webhookId");
        }
        let instead = given(json!({ "type": "note", "override": { "url": "https://y.example/" } }));
        assert_eq!(sample(&instead).unwrap().url, Some("https://y.example/"));
        for (bad, param) in [
            (json!({}), "type"),
            (json!({ "type": "other" }), "type"),
            (json!({ "type": "note", "override": 7 }), "override"),
            (json!({ "type": "note", "override": { "secret": null } }), "override/secret"),
        ] {
            assert_eq!(refused(sample(&given(bad))), param);
        }
    }
}
