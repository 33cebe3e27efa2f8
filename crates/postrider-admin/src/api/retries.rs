//! Waiting jobs: seen, made due, ended.

use axum::http::Method;
use postrider_core::job::is_job_id;
use postrider_store::keys::QueueKeys;
use postrider_store::retries::{self, Act, Place, Waiting};
use serde_json::{Value, json};

use super::dead::shown_moved;
use super::matching::{
    DESTINATION, HOOK, SINCE, UNTIL, USER, bad_cursor, filter_of, number_schema, text_schema,
};
use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{CURSOR, Field, Gives, Handler, LIMIT, Route};

const LIST: &[Field] = &[LIMIT, CURSOR, USER, HOOK, DESTINATION, SINCE, UNTIL];

const ONE: &str = "/queues/{queue}/retries/{job}";

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, least, id, summary, run: Handler| {
        Route::plain(method, path, least, id, summary, Gives::One("WaitingJob"), run)
    };
    vec![
        Route {
            query: LIST,
            gives: Gives::Page("WaitingJob"),
            ..route(
                Method::GET,
                "/queues/{queue}/retries",
                Least::OwnerOrReader,
                "listRetries",
                "Waiting jobs by when they fall due; an owner's own only. A page may be short of items while there are more",
                |call| Box::pin(list(call)),
            )
        },
        route(Method::GET, ONE, Least::OwnerOrReader, "getRetry", "One waiting job", |call| {
            Box::pin(show(call))
        }),
        Route {
            gives: Gives::One("Moved"),
            ..route(
                Method::POST,
                "/queues/{queue}/retries/{job}/promote",
                Least::OwnerOrAdmin,
                "promoteRetry",
                "Makes it due now; one that is held for an inactive hook stays so",
                |call| Box::pin(act(call, Act::Promote)),
            )
        },
        Route {
            gives: Gives::One("Moved"),
            ..route(Method::DELETE, ONE, Least::OwnerOrAdmin, "cancelRetry", "Ends it", |call| {
                Box::pin(act(call, Act::Cancel))
            })
        },
    ]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let filter = filter_of(&call.query, &call.caller)?;
    let read = |cursor: &str| Place::parse(cursor).ok_or_else(bad_cursor);
    let after = call.text("cursor").map(read).transpose()?;
    let mut link = call.link_to(queue).await;
    let page = retries::page(&mut link, &QueueKeys::new(queue), &filter, after, call.limit()).await?;
    Answer::page(page.items.iter().map(shown).collect(), page.next.map(|next| next.to_string()))
}

async fn show(call: Call) -> Result<Answer, Problem> {
    Answer::ok(shown(&find(&call).await?))
}

async fn act(call: Call, act: Act) -> Result<Answer, Problem> {
    let waiting = find(&call).await?;
    let queue = call.queue()?;
    let mut link = call.link_to(queue).await;
    let moved = retries::act_on(&mut link, &QueueKeys::new(queue), act, &[&waiting.job]).await?;
    Answer::ok(shown_moved(&moved))
}

async fn find(call: &Call) -> Result<Waiting, Problem> {
    let (queue, job) = (call.queue()?, call.part("job"));
    let unknown = || Problem::not_found("waiting job");
    if !is_job_id(job.as_bytes()) {
        return Err(unknown());
    }
    let found = retries::find(&mut call.link_to(queue).await, &QueueKeys::new(queue), job).await?;
    let waiting = found.ok_or_else(unknown)?;
    call.caller.check_user(&waiting.user_id, "waiting job")?;
    Ok(waiting)
}

pub(super) fn shown(waiting: &Waiting) -> Value {
    json!({
        "job": waiting.job,
        "due": waiting.due.as_millis(),
        "held": waiting.held_for.is_some(),
        "attempts": waiting.state.attempts,
        "maxAttempts": waiting.max_attempts,
        "type": waiting.event_type,
        "eventId": waiting.event_id,
        "userId": waiting.user_id,
        "hookId": waiting.hook_id,
        "destination": waiting.destination,
        "bytes": waiting.bytes,
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let waiting = json!({
        "type": "object",
        "required": ["job", "due", "held", "attempts"],
        "properties": {
            "job": text_schema(),
            "due": { "type": "integer", "description": "Epoch ms; of a held job, when it expires" },
            "held": { "type": "boolean", "description": "It waits for its hook to be switched on" },
            "attempts": number_schema(),
            "maxAttempts": { "type": ["integer", "null"] },
            "type": text_schema(), "eventId": text_schema(), "userId": text_schema(), "hookId": text_schema(),
            "destination": text_schema(), "bytes": number_schema(),
        },
    });
    vec![("WaitingJob", waiting)]
}
