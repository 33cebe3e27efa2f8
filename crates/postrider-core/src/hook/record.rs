//! The whole record of a hook: made, edited, and shown. Keys that aren't ours, and the order of all, are kept.

mod shown;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::hook::edit::{HookDraft, HookEdit, HookFaults};
use crate::hook::field::{HookField, HookRules, MAX_NAME_CHARS, header_fault, parse_headers};
use crate::hook::id::{is_hook_id, is_user_id};
use crate::hook::secrets::{EarlierSecret, MAX_EARLIER_SECRETS, check_for_profile};
use crate::profile::Profile;
use crate::secret::Secret;
use crate::time::Timestamp;

pub use shown::Detail;

pub(super) const EARLIER: &str = "secrets";

/// A record. `Debug` shows its keys only.
#[derive(Clone, PartialEq)]
pub struct HookRecord {
    fields: Map<String, Value>,
}

impl HookRecord {
    /// Makes the record of a new hook. What the draft leaves open: `name` is the host of the URL, `on` is empty,
    /// `secret` too, and `active` is true.
    ///
    /// # Errors
    /// All faults of the draft together.
    pub fn create(draft: &HookDraft, rules: &HookRules<'_>) -> Result<Self, HookFaults> {
        let mut faults = Vec::new();
        if !is_hook_id(&draft.id) {
            faults.push(Fault::of_field(b"id", "must be 1 to 64 of A-Z a-z 0-9 _ -"));
        }
        if !is_user_id(&draft.user_id) {
            faults.push(Fault::of_field(b"userId", "must be 1 to 128 visible ASCII characters"));
        }
        if !draft.fields.changes(HookField::Url) {
            faults.push(HookField::Url.fault("is missing: it says where requests go"));
        }
        let blank = Self::blank(draft);
        let (record, refused) = blank.changed(&draft.fields, rules, &mut faults);
        record.check_between(
            |fields| !fields.iter().any(|field| refused.contains(field)),
            rules,
            &mut faults,
        );
        HookFaults::check(faults)?;
        Ok(record)
    }

    /// Everything that a record has, in its order, for a draft that says nothing.
    fn blank(draft: &HookDraft) -> Self {
        let mut fields = Map::new();
        fields.insert("id".into(), draft.id.as_str().into());
        fields.insert("userId".into(), draft.user_id.as_str().into());
        fields.insert(HookField::Name.key().into(), default_name(&draft.fields).into());
        fields.insert(HookField::On.key().into(), Value::Array(Vec::new()));
        fields.insert(HookField::Url.key().into(), Value::Null);
        fields.insert(HookField::Secret.key().into(), "".into());
        fields.insert(HookField::Active.key().into(), true.into());
        Self { fields }
    }

    /// Reads what is stored; `None` where it is no JSON object.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(|fields| Self { fields })
    }

    /// The record as it is stored, secrets in clear.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.fields).expect("a JSON object can be written to memory")
    }

    /// Applies an edit, and drops secrets whose time is over. A hook that is switched on loses the reason for which it
    /// was switched off. What the edit doesn't touch isn't judged: an older record may break a newer rule.
    ///
    /// # Errors
    /// All faults of the edit together.
    pub fn edit(&self, edit: &HookEdit, rules: &HookRules<'_>, now: Timestamp) -> Result<Self, HookFaults> {
        let mut faults = Vec::new();
        let (mut record, refused) = self.changed(edit, rules, &mut faults);
        if record.is_active() {
            record.fields.shift_remove(HookField::DisabledReason.key());
        }
        let is_judged = |fields: [HookField; 2]| {
            let is_changed = fields.iter().any(|field| edit.changes(*field));
            is_changed && !fields.iter().any(|field| refused.contains(field))
        };
        record.check_between(is_judged, rules, &mut faults);
        HookFaults::check(faults)?;
        record.set_earlier(&record.earlier_secrets(), rules, now);
        Ok(record)
    }

    /// Puts a new secret in the place of the current one, which signs on for `keep`. Zero ends the time of every earlier
    /// secret at once.
    ///
    /// # Errors
    /// The new secret breaks a rule, or is the current one.
    pub fn rotate(
        &self,
        new: &str,
        keep: Duration,
        rules: &HookRules<'_>,
        now: Timestamp,
    ) -> Result<Self, HookFaults> {
        let current = self.secret();
        if current.reveal() == new {
            return Err(HookField::Secret.fault("is the current one already").into());
        }
        let mut record = self.edit(&HookEdit::new().set(HookField::Secret, new), rules, now)?;
        let mut earlier = record.earlier_secrets();
        if !current.is_empty() {
            earlier.insert(0, EarlierSecret { secret: current, until: now.after(keep) });
        }
        if keep.is_zero() {
            earlier.clear();
        }
        record.set_earlier(&earlier, rules, now);
        Ok(record)
    }

    /// How its requests look, where it says.
    pub fn profile(&self) -> Option<Profile> {
        let name = self.fields.get(HookField::Profile.key())?.as_str()?;
        Profile::parse(name.as_bytes())
    }

    /// Whether it is switched on.
    pub fn is_active(&self) -> bool {
        self.fields.get(HookField::Active.key()) == Some(&true.into())
    }

    /// The current secret; empty where there is none that can be read.
    pub fn secret(&self) -> Secret {
        let text = self.fields.get(HookField::Secret.key()).and_then(Value::as_str);
        text.and_then(|text| Secret::parse(text.as_bytes())).unwrap_or_default()
    }

    /// The secrets that it replaced, newest first.
    pub fn earlier_secrets(&self) -> Vec<EarlierSecret> {
        let items = self.fields.get(EARLIER).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(EarlierSecret::parse).collect()
    }

    /// The record with each change that is sound, and the fields whose change isn't.
    fn changed(
        &self,
        edit: &HookEdit,
        rules: &HookRules<'_>,
        faults: &mut Vec<Fault>,
    ) -> (Self, Vec<HookField>) {
        let (mut fields, mut refused) = (self.fields.clone(), Vec::new());
        for (field, value) in edit.iter() {
            if value.is_null() && field.is_optional() {
                fields.shift_remove(field.key());
                continue;
            }
            match field.check(value, rules) {
                Ok(value) => drop(fields.insert(field.key().into(), value)),
                Err(fault) => {
                    faults.push(fault);
                    refused.push(*field);
                }
            }
        }
        faults.extend(edit.unknown_keys());
        (Self { fields }, refused)
    }

    /// The rules between two fields, for those that are to be judged.
    fn check_between(
        &self,
        is_judged: impl Fn([HookField; 2]) -> bool,
        rules: &HookRules<'_>,
        faults: &mut Vec<Fault>,
    ) {
        let profile = self.profile().unwrap_or(rules.default_profile);
        if is_judged([HookField::Secret, HookField::Profile])
            && let Err(rule) = check_for_profile(&self.secret(), profile)
        {
            faults.push(HookField::Secret.fault(format_args!("{rule} (profile {profile})")));
        }
        if is_judged([HookField::Headers, HookField::Profile]) {
            faults.extend(self.taken_headers(profile, rules));
        }
    }

    /// Headers that the profile sets itself.
    fn taken_headers(&self, profile: Profile, rules: &HookRules<'_>) -> Vec<Fault> {
        let given = self.fields.get(HookField::Headers.key()).and_then(Value::as_object);
        let headers = given.and_then(|given| parse_headers(given).ok()).unwrap_or_default();
        let taken = headers.iter().filter(|header| rules.profiles.sets(profile, &header.name));
        taken
            .map(|header| {
                header_fault(&header.given_name, format_args!("is set by profile {profile} itself"))
            })
            .collect()
    }

    /// Keeps the earlier secrets that sign: one that can't would spoil every request.
    fn set_earlier(&mut self, secrets: &[EarlierSecret], rules: &HookRules<'_>, now: Timestamp) {
        let profile = self.profile().unwrap_or(rules.default_profile);
        let signing = secrets
            .iter()
            .filter(|earlier| earlier.signs_at(now) && check_for_profile(&earlier.secret, profile).is_ok());
        let items: Vec<Value> = signing.take(MAX_EARLIER_SECRETS).map(EarlierSecret::to_json).collect();
        if items.is_empty() {
            self.fields.shift_remove(EARLIER);
        } else {
            self.fields.insert(EARLIER.into(), items.into());
        }
    }
}

impl fmt::Debug for HookRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

/// The host of the URL, as far as a name may be long.
fn default_name(fields: &HookEdit) -> String {
    let url = fields.get(HookField::Url).and_then(Value::as_str).unwrap_or_default();
    let host = Endpoint::parse(url.as_bytes()).map(|endpoint| endpoint.host().to_string());
    host.unwrap_or_default().chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests;
