//! One job, wherever it is: its life, and its end by hand.

use axum::http::{Method, StatusCode};
use postrider_core::job::is_job_id;
use postrider_store::jobs::{Cancelled, Life, Reach, Whereabouts, cancel, life};
use postrider_store::keys::QueueKeys;
use serde_json::{Value, json};

use super::matching::text_schema;
use super::{attempts, dead, retries};
use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Gives, Handler, Route};

const ONE: &str = "/queues/{queue}/jobs/{job}";

pub(super) fn routes() -> Vec<Route> {
    let route = |method, least, id, summary, run: Handler| {
        Route::plain(method, ONE, least, id, summary, Gives::One("Job.Life"), run)
    };
    vec![
        route(
            Method::GET,
            Least::OwnerOrReader,
            "getJob",
            "Where a job is, and each of its attempts that the log still has; an owner's own only, once it has been tried",
            |call| Box::pin(show(call)),
        ),
        Route {
            success: StatusCode::NO_CONTENT,
            gives: Gives::Nothing,
            path: "/queues/{queue}/jobs/{job}/cancel",
            ..route(
                Method::POST,
                Least::OwnerOrAdmin,
                "cancelJob",
                "Ends a job that waits or is ready",
                |call| Box::pin(end(call)),
            )
        },
    ]
}

async fn show(call: Call) -> Result<Answer, Problem> {
    let life = find(&call).await?;
    let attempts: Vec<_> = life.attempts.iter().map(attempts::shown).collect();
    Answer::ok(json!({
        "job": call.part("job"),
        "state": state(&life.now),
        "now": now(&life.now),
        "attempts": attempts,
        "logIsWhole": life.log_is_whole,
    }))
}

async fn end(call: Call) -> Result<Answer, Problem> {
    find(&call).await?;
    let queue = call.queue()?;
    let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
    let ended = cancel(&mut link, &keys, call.part("job"), Reach::NEAR).await?;
    match ended {
        Cancelled::Done => Answer::nothing(),
        Cancelled::Leased => Err(Problem::new(StatusCode::CONFLICT, "the job is being sent")),
        Cancelled::Dead => Err(Problem::new(StatusCode::CONFLICT, "the job is dead already")),
        Cancelled::Unknown => Err(Problem::not_found("job")),
    }
}

/// The job's life, where the caller may know of it.
async fn find(call: &Call) -> Result<Life, Problem> {
    let (queue, job) = (call.queue()?, call.part("job"));
    if !is_job_id(job.as_bytes()) {
        return Err(Problem::not_found("job"));
    }
    let life = life(&mut call.link_to(queue).await, &QueueKeys::new(queue), job, Reach::NEAR).await?;
    if matches!(life.now, Whereabouts::Unknown { .. }) && life.attempts.is_empty() {
        return Err(Problem::not_found("job"));
    }
    if call.caller.confined_to().is_some() {
        call.caller.check_user(owner(&life), "job")?;
    }
    Ok(life)
}

/// Whose the job is; empty where nothing tells.
fn owner(life: &Life) -> &str {
    match &life.now {
        Whereabouts::Ready(job) | Whereabouts::Leased { job, .. } => &job.user_id,
        Whereabouts::Waiting(waiting) => &waiting.user_id,
        Whereabouts::Dead(letter) => &letter.user_id,
        _ => life.attempts.last().map_or("", |attempt| &attempt.user_id),
    }
}

fn state(now: &Whereabouts) -> &'static str {
    match now {
        Whereabouts::Ready(_) => "ready",
        Whereabouts::Leased { .. } => "leased",
        Whereabouts::Waiting(_) => "waiting",
        Whereabouts::Dead(_) => "dead",
        Whereabouts::Delivered => "delivered",
        Whereabouts::Unknown { .. } => "unknown",
    }
}

fn now(now: &Whereabouts) -> Value {
    match now {
        Whereabouts::Ready(job) => json!({ "entry": job.entry.to_string() }),
        Whereabouts::Leased { job, worker, since, deliveries } => json!({
            "entry": job.entry.to_string(),
            "worker": worker,
            "forMs": u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            "deliveries": deliveries,
        }),
        Whereabouts::Waiting(waiting) => retries::shown(waiting),
        Whereabouts::Dead(letter) => dead::shown(letter),
        Whereabouts::Delivered => json!({}),
        Whereabouts::Unknown { looked_everywhere } => json!({ "lookedEverywhere": looked_everywhere }),
    }
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let life = json!({
        "type": "object",
        "required": ["job", "state", "now", "attempts", "logIsWhole"],
        "properties": {
            "job": text_schema(),
            "state": { "type": "string", "enum": ["ready", "leased", "waiting", "dead", "delivered", "unknown"] },
            "now": { "type": "object", "description": "What is known of it where it is" },
            "attempts": { "type": "array", "items": { "$ref": "#/components/schemas/Attempt" } },
            "logIsWhole": { "type": "boolean", "description": "Whether the log was looked at to its beginning" },
        },
    });
    vec![("Job.Life", life)]
}
