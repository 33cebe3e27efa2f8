//! Workers, as they tell of themselves.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use postrider_store::inspect::{KnownWorker, known_workers};
use postrider_store::keys::QueueKeys;
use postrider_store::presence::roll_call;
use postrider_store::queue::Queue;
use serde_json::{Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, Gives, Route};

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/workers",
        least: Least::Reader,
        id: "listWorkers",
        summary: "The workers of these queues that haven't been found dead",
        query: &[],
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::Page("Worker"),
        run: |call| Box::pin(list(call)),
    }]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let mut shown = Vec::new();
    for queue in call.api.queues() {
        let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
        // It looks on, and is no consumer; before there is a group, nobody has anything.
        let consumers = Queue::new(queue.clone(), "", 0).consumers(&mut link).await.unwrap_or_default();
        let seen = roll_call(&mut link, &keys, &consumers).await?;
        let leased = consumers.into_iter().map(|consumer| (consumer.name, consumer.pending)).collect();
        for worker in known_workers(&mut link, &keys).await? {
            shown.push(told(queue.as_str(), &worker, &leased, &seen));
        }
    }
    Answer::page(shown, None)
}

fn told(
    queue: &str,
    worker: &KnownWorker,
    leased: &HashMap<Box<str>, usize>,
    seen: &HashMap<Box<str>, i64>,
) -> Value {
    json!({
        "queue": queue,
        "worker": worker.consumer,
        "pid": worker.pid,
        "version": worker.version,
        "startedAt": worker.started_at,
        "concurrency": worker.concurrency,
        "leased": leased.get(worker.consumer.as_str()).copied().unwrap_or(0),
        "seenAt": seen.get(worker.consumer.as_str()),
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let worker = json!({
        "type": "object",
        "required": ["queue", "worker", "pid"],
        "properties": {
            "queue": { "type": "string" },
            "worker": { "type": "string" },
            "pid": { "type": "integer", "minimum": 0, "description": "On its own machine" },
            "version": { "type": "string" },
            "startedAt": { "type": ["integer", "null"], "description": "Epoch ms" },
            "concurrency": { "type": "integer", "minimum": 0, "description": "Its slots" },
            "leased": { "type": "integer", "minimum": 0, "description": "Jobs that it has" },
            "seenAt": { "type": ["integer", "null"], "description": "Its last heartbeat, epoch ms" },
        },
    });
    vec![("Worker", worker)]
}
