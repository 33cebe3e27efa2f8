//! From what an owner wants to a record, or to all that is wrong with it at once.

use std::fmt;

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::hook::field::HookField;
use crate::profile::Profile;

/// What an owner wants to set; what isn't named stays as it is. `Debug` shows the keys only, since values hold secrets.
#[derive(Clone, Default)]
pub struct HookEdit {
    changes: Vec<(HookField, Value)>,
    unknown: Vec<String>,
}

/// A hook that is to be registered.
#[derive(Clone, Debug)]
pub struct HookDraft {
    /// Its id: 1 to 64 of `A-Z a-z 0-9 _ -`.
    pub id: String,
    /// Its owner's id: 1 to 128 visible ASCII characters.
    pub user_id: String,
    /// Everything else.
    pub fields: HookEdit,
}

impl HookEdit {
    /// Changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field; `null` takes an optional one away. Of two values for one field, the later holds.
    pub fn set(mut self, field: HookField, value: impl Into<Value>) -> Self {
        self.changes.retain(|(changed, _)| *changed != field);
        self.changes.push((field, value.into()));
        self
    }

    /// The same from JSON, as an API gets it. Keys that nobody may set are told when the edit is applied.
    pub fn of_json(given: &Map<String, Value>) -> Self {
        given.iter().fold(Self::new(), |mut edit, (key, value)| match HookField::find(key) {
            Some(field) => edit.set(field, value.clone()),
            None => {
                edit.unknown.push(key.clone());
                edit
            }
        })
    }

    /// Switches the hook on; a reason for being inactive is dropped.
    pub fn switch_on() -> Self {
        Self::new().set(HookField::Active, true)
    }

    /// Switches the hook off, and notes why.
    pub fn switch_off(reason: Option<&str>) -> Self {
        Self::new().set(HookField::Active, false).set(HookField::DisabledReason, reason)
    }

    /// Whether it changes this field.
    pub fn changes(&self, field: HookField) -> bool {
        self.get(field).is_some()
    }

    /// Whether it changes nothing at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.unknown.is_empty()
    }

    /// The profile that it sets, where that is one.
    pub fn profile(&self) -> Option<Profile> {
        self.get(HookField::Profile).and_then(Value::as_str).and_then(|name| Profile::parse(name.as_bytes()))
    }

    pub(super) fn get(&self, field: HookField) -> Option<&Value> {
        self.changes.iter().find(|(changed, _)| *changed == field).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(HookField, Value)> {
        self.changes.iter()
    }

    /// Keys that nobody may set.
    pub(super) fn unknown_keys(&self) -> impl Iterator<Item = Fault> {
        self.unknown.iter().map(|key| Fault::of_field(key.as_bytes(), "is not a field that can be set"))
    }
}

impl fmt::Debug for HookEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.changes.iter().map(|(field, _)| field.key());
        f.debug_set().entries(keys).entries(&self.unknown).finish()
    }
}

/// Everything that is wrong with a draft or an edit, each fault naming its field and never holding a value. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFaults(Vec<Fault>);

impl HookFaults {
    /// These, if there are any.
    pub(super) fn check(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl From<Fault> for HookFaults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for HookFaults {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for HookFaults {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_later_value_of_a_field_holds() {
        let edit = HookEdit::new().set(HookField::Name, "a").set(HookField::Name, "b");
        assert_eq!(edit.get(HookField::Name), Some(&json!("b")));
        assert!(!edit.changes(HookField::On));
    }

    #[test]
    fn debug_shows_keys_only() {
        let json = json!({"secret": "canary", "headers": {"X": "canary"}, "id": "canary"});
        let edit = HookEdit::of_json(json.as_object().unwrap());
        assert_eq!(format!("{edit:?}"), r#"{"secret", "headers", "id"}"#);
    }
}
