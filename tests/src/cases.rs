//! The case file of producers (`tests/cases/bad_producers.json`) as types. Owns reading it; never runs a case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

mod template;

pub use template::{Context, Template};

/// The file, as text.
const BAD_PRODUCERS: &str = include_str!("../cases/bad_producers.json");

/// Every case of the file.
///
/// # Panics
/// When the file isn't what these types say: a key that nobody reads would be a check that nobody makes.
pub fn bad_producers() -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        count: usize,
        cases: Vec<Case>,
    }
    let file: File = serde_json::from_str(BAD_PRODUCERS).expect("the case file fits its types");
    assert_eq!(file.cases.len(), file.count, "the case file counts its own cases");
    file.cases
}

/// One case: entries with what becomes of them, or a scenario in words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its id, unique.
    pub id: String,
    /// What it is about.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Why it is as it is.
    #[serde(default)]
    pub why: String,
    /// What is there before.
    #[serde(default)]
    pub setup: Setup,
    /// What is added to the stream, in order; empty for a scenario.
    #[serde(default)]
    pub entries: Vec<EntryCase>,
    /// What happens, in words.
    pub scenario: Option<String>,
    /// What becomes of a scenario, in words.
    pub expect: Option<String>,
}

/// What is there before a case's entries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Registered hooks.
    pub hooks: Vec<HookSetup>,
}

/// A registered hook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HookSetup {
    /// Its owner.
    pub user_id: String,
    /// Its id.
    pub hook_id: String,
    /// Its record, whose `url` may be `{"receiver": status}`.
    pub json: Option<Value>,
    /// Its record as text that need not be a record.
    pub raw: Option<String>,
    /// Whether the key is a string instead of a hash.
    #[serde(default)]
    pub wrong_type: bool,
}

/// One entry and what becomes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryCase {
    /// Its fields.
    pub fields: FieldTemplates,
    /// What becomes of it.
    pub expect: Expectation,
    /// What is tolerated instead.
    #[serde(default)]
    pub also_ok: Vec<Expectation>,
    /// The field that the dead letter's sentence must name; of several, one of them.
    #[serde(default, deserialize_with = "one_or_many")]
    pub names: Vec<String>,
    /// What the dead letter must hold.
    #[serde(default)]
    pub dead_letter: BTreeMap<String, String>,
    /// What the receiver must see.
    #[serde(default)]
    pub sent: Sent,
    /// Seconds until the outcome.
    pub within_s: Option<u64>,
    /// The id given to XADD.
    pub entry_id: Option<String>,
    /// Whether it needs a stream of its own.
    #[serde(default)]
    pub own_stream: bool,
}

/// The fields of an entry, before values like the receiver's URL are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FieldTemplates {
    /// As they are listed.
    Listed(Vec<(Template, Template)>),
    /// Those of `base`, and many of one kind.
    Numbered {
        /// The first fields.
        base: Vec<(Template, Template)>,
        /// Prefix and count: `prefix1` … `prefixN`.
        numbered: (String, u32),
        /// The value of each.
        value: Template,
    },
}

impl FieldTemplates {
    /// The entry's bytes.
    pub fn resolve(&self, context: &Context<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let resolved = |(name, value): &(Template, Template)| (name.resolve(context), value.resolve(context));
        match self {
            Self::Listed(fields) => fields.iter().map(resolved).collect(),
            Self::Numbered { base, numbered: (prefix, count), value } => {
                let numbered =
                    (1..=*count).map(|n| (format!("{prefix}{n}").into_bytes(), value.resolve(context)));
                base.iter().map(resolved).chain(numbered).collect()
            }
        }
    }
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expectation {
    /// The receiver got it once, and nothing is left.
    Delivered,
    /// In the dead letters with this reason.
    Dead(String),
    /// In the retry set.
    Waiting,
    /// Ended without request and dead letter.
    Discarded,
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match (text.as_str(), text.strip_prefix("dead:")) {
            ("delivered", _) => Self::Delivered,
            ("waiting", _) => Self::Waiting,
            ("discarded", _) => Self::Discarded,
            (_, Some(reason)) => Self::Dead(reason.to_owned()),
            _ => return Err(D::Error::custom(format!("unknown outcome {text:?}"))),
        })
    }
}

/// What the receiver must see of an entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sent {
    /// The content byte for byte: the whole body in `raw`, behind `"body":` in `misskey`.
    pub verbatim: bool,
    /// Headers with these values.
    pub headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    pub absent_headers: Vec<String>,
    /// These keys of the body.
    pub json: BTreeMap<String, Value>,
    /// All keys of the body, in order.
    pub key_order: Vec<String>,
    /// Keys that the body must not have.
    pub absent_keys: Vec<String>,
    /// The trace id of `traceparent`.
    pub trace_id: Option<String>,
    /// A header that must not have this value.
    pub no_header_value: Option<(String, String)>,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_an_id_of_its_own_and_either_entries_or_a_scenario() {
        let cases = bad_producers();
        let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids.len(), cases.len());
        for case in &cases {
            assert_ne!(case.entries.is_empty(), case.scenario.is_none(), "{}", case.id);
            assert_eq!(case.scenario.is_some(), case.expect.is_some(), "{}", case.id);
        }
    }
}
