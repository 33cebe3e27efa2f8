//! How much of a record is shown. Secrets and the values of headers only where they are asked for by name.

use serde_json::{Map, Value};

use super::{EARLIER, HookRecord};
use crate::endpoint::Endpoint;
use crate::hook::field::HookField;
use crate::hook::latest::Latest;

/// Stands for the value of a header.
const MASK: &str = "***";

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// As one of many: no secret, no header's value, of the URL only scheme, host and port.
    Listed,
    /// Alone, by its id: with the whole URL.
    Alone,
    /// At creation, and where secrets are asked for: everything, keys that aren't ours included.
    Revealed,
}

impl HookRecord {
    /// The record as JSON for its reader: first the keys of contract section 5 in their order, then the optional ones.
    /// `user_id` and `hook_id` are where it is stored, and so its ids whatever it says itself.
    pub fn shown(
        &self,
        user_id: &str,
        hook_id: &str,
        latest: Option<Latest>,
        detail: Detail,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("id".into(), hook_id.into());
        shown.insert("userId".into(), user_id.into());
        for field in [HookField::Name, HookField::On, HookField::Url, HookField::Secret, HookField::Active] {
            self.copy(field.key(), detail, &mut shown);
        }
        let sent_at = latest.map(|latest| latest.sent_at.to_rfc3339());
        shown.insert("latestSentAt".into(), sent_at.into());
        shown.insert("latestStatus".into(), latest.map(|latest| latest.status).into());
        for key in self.fields.keys() {
            if !shown.contains_key(key) {
                self.copy(key, detail, &mut shown);
            }
        }
        shown
    }

    fn copy(&self, key: &str, detail: Detail, shown: &mut Map<String, Value>) {
        let Some(value) = self.fields.get(key) else { return };
        let value = match detail {
            Detail::Revealed => Some(value.clone()),
            Detail::Listed | Detail::Alone => masked(key, value, detail),
        };
        if let Some(value) = value {
            shown.insert(key.to_owned(), value);
        }
    }
}

/// What may be seen of a value; `None`: nothing.
fn masked(key: &str, value: &Value, detail: Detail) -> Option<Value> {
    match HookField::find(key) {
        Some(HookField::Secret) => None,
        Some(HookField::Url) if detail == Detail::Listed => Some(origin(value)),
        Some(HookField::Headers) => Some(names_only(value)),
        Some(_) => Some(value.clone()),
        None if key == EARLIER => Some(ends_only(value)),
        // Nobody knows what a key that isn't ours may hold.
        None => None,
    }
}

fn origin(url: &Value) -> Value {
    let endpoint = Endpoint::parse(url.as_str().unwrap_or_default().as_bytes());
    endpoint.map_or(Value::Null, |endpoint| endpoint.origin().into())
}

fn names_only(headers: &Value) -> Value {
    let names = headers.as_object().into_iter().flat_map(Map::keys);
    names.map(|name| (name.clone(), Value::from(MASK))).collect::<Map<_, _>>().into()
}

fn ends_only(secrets: &Value) -> Value {
    let end = |item: &Value| {
        let until = item.get("until").cloned().unwrap_or_default();
        Value::Object(Map::from_iter([("until".to_owned(), until)]))
    };
    secrets.as_array().into_iter().flatten().map(end).collect()
}
