//! Attempts, as the log of a queue has them.

use axum::http::{Method, StatusCode};
use postrider_core::entry_id::EntryId;
use postrider_store::attempts::{Attempt, AttemptFilter, Order, page};
use postrider_store::keys::QueueKeys;
use serde_json::{Value, json};

use super::matching::{
    DESTINATION, HOOK, SINCE, UNTIL, USER, bad_cursor, filter_of, number_schema, text_schema,
};
use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, CURSOR, Field, Gives, Kind, LIMIT, Route};

const OUTCOMES: &[&str] = &["delivered", "retried", "dead"];

const LIST: &[Field] = &[
    LIMIT,
    CURSOR,
    USER,
    HOOK,
    DESTINATION,
    SINCE,
    UNTIL,
    Field::optional("job", Kind::Text(128), "Only of this job"),
    Field::optional("eventId", Kind::Text(128), "Only of jobs with this event id"),
    Field::optional("outcome", Kind::OneOf(OUTCOMES), "Only those that ended so"),
    Field::optional("status", Kind::Whole(0, 999), "Only those that were answered so; 0: no answer came"),
    Field::optional(
        "order",
        Kind::OneOf(&["newest", "oldest"]),
        "Which come first; the newest where it isn't given",
    ),
];

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/queues/{queue}/attempts",
        least: Least::OwnerOrReader,
        id: "listAttempts",
        summary: "Attempts; an owner's own only. A page may be short of items, or empty, while there are more",
        query: LIST,
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::Page("Attempt"),
        run: |call| Box::pin(list(call)),
    }]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let text = |name: &str| call.text(name).map(str::to_owned);
    let filter = AttemptFilter {
        common: filter_of(&call.query, &call.caller)?,
        job: text("job"),
        event_id: text("eventId"),
        outcome: text("outcome"),
        status: call.query.get("status").and_then(Value::as_u64).and_then(|status| status.try_into().ok()),
    };
    let order = order_of(&call);
    let after = after(&call)?;
    let mut link = call.link_to(queue).await;
    let found = page(&mut link, &QueueKeys::new(queue), &filter, order, after, call.limit()).await?;
    Answer::page(found.items.iter().map(shown).collect(), found.next.map(|next| next.to_string()))
}

pub(super) fn order_of(call: &Call) -> Order {
    match call.text("order") {
        Some("oldest") => Order::OldestFirst,
        _ => Order::NewestFirst,
    }
}

/// Where a list of stream entries goes on.
pub(super) fn after(call: &Call) -> Result<Option<EntryId>, Problem> {
    let read = |cursor: &str| EntryId::parse(cursor.as_bytes()).ok_or_else(bad_cursor);
    call.text("cursor").map(read).transpose()
}

pub(super) fn shown(attempt: &Attempt) -> Value {
    json!({
        "entry": attempt.entry.to_string(),
        "job": attempt.job,
        "eventId": attempt.event_id,
        "hookId": attempt.hook_id,
        "userId": attempt.user_id,
        "destination": attempt.destination,
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "ms": attempt.millis,
        "at": attempt.at.as_millis(),
        "worker": attempt.worker,
        "error": attempt.error,
        "response": attempt.response,
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let attempt = json!({
        "type": "object",
        "required": ["entry", "job", "attempt", "outcome", "status", "ms", "at"],
        "properties": {
            "entry": text_schema(), "job": text_schema(), "eventId": text_schema(), "hookId": text_schema(),
            "userId": text_schema(), "destination": text_schema(), "attempt": number_schema(),
            "outcome": text_schema(), "status": number_schema(), "ms": number_schema(), "at": number_schema(),
            "worker": text_schema(), "error": text_schema(),
            "response": { "type": "string", "description": "First bytes of a failed answer, secrets blanked" },
        },
    });
    vec![("Attempt", attempt)]
}
