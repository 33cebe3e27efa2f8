//! Bulk operations: counted first, begun, looked at, stopped and resumed. [`carrying`] carries them on.

pub(crate) mod carrying;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use postrider_core::entry_id::EntryId;
use postrider_core::hook::id::is_hook_id;
use postrider_store::bulk::count::{Counted, count_for};
use postrider_store::bulk::entrusted::entrust;
use postrider_store::bulk::{self, Begin, Bulk, Kind as What, State};
use postrider_store::dead::Fate;
use postrider_store::keys::QueueKeys;
use postrider_store::retries::{Act, Place};
use serde_json::{Map, Value, json};

use self::carrying::{MAX_AT_ONCE, carry_on};
use super::matching::{
    DESTINATION, HOOK, REASON, SINCE, UNTIL, USER, bad_cursor, filter_of, number_schema, text_schema,
};
use crate::auth::{Caller, Least};
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, CURSOR, Field, Gives, Handler, Kind, Route, cursor_of};

/// How long a count takes where it has to look at each; beyond, it says where to go on.
const COUNT_FOR: Duration = Duration::from_millis(15);

/// By how much the count may have grown since it was looked at: a tenth, and as many as die in a moment.
const MAX_GROWTH: u64 = 10;

const ACTS: &[&str] = &["replay", "purge", "promote", "cancel"];

const DO: Field =
    Field::needed("do", Kind::OneOf(ACTS), "replay or purge dead letters, promote or cancel waiting jobs");
const COUNT: &[Field] = &[DO, USER, HOOK, DESTINATION, REASON, SINCE, UNTIL, CURSOR];
const START: &[Field] = &[
    DO,
    USER,
    HOOK,
    DESTINATION,
    REASON,
    SINCE,
    UNTIL,
    Field::needed(
        "expected",
        Kind::Whole(0, u64::MAX >> 11),
        "How many there are, as the counts said; refused where there are many more, or stopped before it does more",
    ),
];

const ONE: &str = "/queues/{queue}/bulk/{id}";

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, least, id, summary, run: Handler| {
        Route::plain(method, path, least, id, summary, Gives::One("Bulk"), run)
    };
    vec![
        Route {
            query: COUNT,
            gives: Gives::One("Counted"),
            ..route(
                Method::GET,
                "/queues/{queue}/bulk-count",
                Least::Reader,
                "countBulk",
                "How many a bulk operation would move",
                |call| Box::pin(count(call)),
            )
        },
        Route {
            body: Body::Fields(START),
            success: StatusCode::ACCEPTED,
            ..route(
                Method::POST,
                "/queues/{queue}/bulk",
                Least::Admin,
                "startBulk",
                "Begins a bulk operation, which goes on by itself",
                |call| Box::pin(start(call)),
            )
        },
        route(Method::GET, ONE, Least::Reader, "getBulk", "How far a bulk operation has come", |call| {
            Box::pin(show(call))
        }),
        route(
            Method::POST,
            "/queues/{queue}/bulk/{id}/stop",
            Least::Admin,
            "stopBulk",
            "Stops a bulk operation between two slices",
            |call| Box::pin(stop(call)),
        ),
        Route {
            success: StatusCode::ACCEPTED,
            ..route(
                Method::POST,
                "/queues/{queue}/bulk/{id}/resume",
                Least::Admin,
                "resumeBulk",
                "Carries on a bulk operation that was stopped, or whose worker is gone",
                |call| Box::pin(resume(call)),
            )
        },
    ]
}

async fn count(call: Call) -> Result<Answer, Problem> {
    let counted = counted(&call, &call.query, call.text("cursor")).await?;
    Answer::ok(
        json!({ "matched": counted.matched, "whole": counted.next.is_none(), "next": counted.next.as_deref().map(cursor_of) }),
    )
}

async fn start(call: Call) -> Result<Answer, Problem> {
    if call.api.carried.is_full() {
        return Err(too_many());
    }
    let counted = counted(&call, &call.body, None).await?;
    let expected = call.body.get("expected").and_then(Value::as_u64).unwrap_or(0);
    let limit = expected.saturating_add(expected / MAX_GROWTH).saturating_add(MAX_GROWTH);
    if counted.matched > limit {
        let detail = format!("{} or more are meant, more than was expected; count again", counted.matched);
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let (queue, filter) = (call.queue()?, filter_of(&call.body, &call.caller)?);
    let mut link = call.link_to(queue).await;
    let keys = QueueKeys::new(queue);
    let begin = Begin { by: "api", limit: Some(limit), is_entrusted: true };
    let begun = bulk::start(&mut link, &keys, what(&call.body)?, &filter, begin).await?;
    // Where others have taken the last place meanwhile, a worker that has room takes it on in a while.
    carry_on(&call.api, queue, &begun.id);
    Answer::accepted(shown(&begun))
}

async fn show(call: Call) -> Result<Answer, Problem> {
    Answer::ok(shown(&find(&call).await?))
}

async fn stop(call: Call) -> Result<Answer, Problem> {
    let (found, queue) = (find(&call).await?, call.queue()?);
    bulk::stop(&mut call.link_to(queue).await, &QueueKeys::new(queue), &found.id).await?;
    show(call).await
}

async fn resume(call: Call) -> Result<Answer, Problem> {
    let (found, queue) = (find(&call).await?, call.queue()?);
    if call.api.carried.is_full() {
        return Err(too_many());
    }
    let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
    // First, so that it isn't left to nobody where this worker is killed between the two.
    entrust(&mut link, &keys, &found.id, found.started_at).await?;
    bulk::resume(&mut link, &keys, &found.id).await?;
    let resumed = find(&call).await?;
    if resumed.state == State::Running {
        carry_on(&call.api, queue, &resumed.id);
    }
    Answer::accepted(shown(&resumed))
}

async fn find(call: &Call) -> Result<Bulk, Problem> {
    let (queue, id) = (call.queue()?, call.part("id"));
    let unknown = || Problem::not_found("bulk operation");
    // Ids of bulk operations have the letters of hooks' ids.
    if !is_hook_id(id) {
        return Err(unknown());
    }
    let found = bulk::read(&mut call.link_to(queue).await, &QueueKeys::new(queue), id).await?;
    found.ok_or_else(unknown)
}

async fn counted(call: &Call, given: &Map<String, Value>, after: Option<&str>) -> Result<Counted, Problem> {
    let (queue, filter) = (call.queue()?, filter_of(given, &Caller::Admin)?);
    if filter.reason.is_some() && !matches!(what(given)?, What::Dead(_)) {
        return Err(Problem::of_field("reason", "is for dead letters only"));
    }
    if after.is_some_and(|cursor| !is_place(what(given).ok(), cursor)) {
        return Err(bad_cursor());
    }
    let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
    Ok(count_for(&mut link, &keys, what(given)?, &filter, after, COUNT_FOR).await?)
}

/// Whether such a count could have given it.
fn is_place(what: Option<What>, cursor: &str) -> bool {
    match what {
        Some(What::Waiting(_)) => Place::parse(cursor).is_some(),
        _ => EntryId::parse(cursor.as_bytes()).is_some(),
    }
}

fn what(given: &Map<String, Value>) -> Result<What, Problem> {
    match given.get("do").and_then(Value::as_str) {
        Some("replay") => Ok(What::Dead(Fate::Replay)),
        Some("purge") => Ok(What::Dead(Fate::Purge)),
        Some("promote") => Ok(What::Waiting(Act::Promote)),
        Some("cancel") => Ok(What::Waiting(Act::Cancel)),
        _ => Err(Problem::of_field("do", format!("must be one of {}", ACTS.join(", ")))),
    }
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        format!("{MAX_AT_ONCE} bulk operations are under way; wait for one to end"),
    )
}

fn shown(bulk: &Bulk) -> Value {
    json!({
        "id": bulk.id,
        "do": bulk.kind.as_str(),
        "filter": bulk.filter.to_json(),
        "state": bulk.state.as_str(),
        "matched": bulk.matched,
        "done": bulk.done,
        "failed": bulk.failed,
        "limit": bulk.limit,
        "startedAt": bulk.started_at.as_millis(),
        "updatedAt": bulk.updated_at.as_millis(),
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let bulk = json!({
        "type": "object",
        "required": ["id", "do", "filter", "state", "matched", "done", "failed"],
        "properties": {
            "id": text_schema(),
            "do": { "type": "string", "enum": ACTS },
            "filter": { "type": "object" },
            "state": { "type": "string", "enum": ["running", "stopped", "finished"] },
            "matched": number_schema(), "done": number_schema(), "failed": number_schema(),
            "limit": {
                "type": ["integer", "null"],
                "description": "Most that it does; with more to come it stops, and when resumed it goes on to the end",
            },
            "startedAt": number_schema(), "updatedAt": number_schema(),
        },
    });
    let counted = json!({
        "type": "object",
        "required": ["matched", "whole"],
        "properties": {
            "matched": { "type": "integer", "description": "Of those that were looked at" },
            "whole": { "type": "boolean", "description": "false: more are to be counted, behind `next`" },
            "next": { "type": ["string", "null"], "description": "The cursor of the next count" },
        },
    });
    vec![("Bulk", bulk), ("Counted", counted)]
}
