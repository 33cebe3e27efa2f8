//! What lists and bulk operations of a queue's jobs have in common: which are meant.

use postrider_core::time::Timestamp;
use postrider_store::filter::Filter;
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::problem::Problem;
use crate::table::{Field, Kind};

/// The end of the year 9999, in ms.
const END_OF_TIME: u64 = 253_402_300_799_999;

pub(super) const USER: Field = Field::optional("userId", Kind::UserId, "Only of this owner");
pub(super) const HOOK: Field =
    Field::optional("hookId", Kind::Text(128), "Only for this hook, whose owner userId names");
pub(super) const DESTINATION: Field =
    Field::optional("destination", Kind::Text(300), "Only for this scheme, host and port");
pub(super) const REASON: Field =
    Field::optional("reason", Kind::OneOf(DEAD_REASONS), "Only those that died of this");
pub(super) const SINCE: Field =
    Field::optional("since", Kind::Whole(0, END_OF_TIME), "Then or later, epoch ms");
pub(super) const UNTIL: Field =
    Field::optional("until", Kind::Whole(0, END_OF_TIME), "Then or earlier, epoch ms");

/// The reasons of the contract.
pub(super) const DEAD_REASONS: &[&str] = &[
    "invalid",
    "expired",
    "blocked",
    "gone",
    "rejected",
    "exhausted",
    "unknown_hook",
    "duplicate",
    "poison",
];

/// What `given` (a query or a body whose fields have been checked) means; an owner means no more than what is their own.
pub(super) fn filter_of(given: &Map<String, Value>, caller: &Caller) -> Result<Filter, Problem> {
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let time = |name: &str| given.get(name).and_then(Value::as_u64).map(Timestamp::from_millis);
    let mut filter = Filter {
        user_id: text("userId"),
        hook_id: text("hookId"),
        destination: text("destination"),
        reason: text("reason"),
        since: time("since"),
        until: time("until"),
    };
    if let Some(own) = caller.confined_to() {
        caller.check_user(filter.user_id.as_deref().unwrap_or(own), "user")?;
        filter.user_id = Some(own.to_owned());
    }
    Ok(filter)
}

/// Schemas of keys, for the document.
pub(super) fn text_schema() -> Value {
    json!({ "type": "string" })
}

pub(super) fn number_schema() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// The refusal of a cursor that no page gave.
pub(super) fn bad_cursor() -> Problem {
    Problem::of_field("cursor", "must be the next of the page before")
}
