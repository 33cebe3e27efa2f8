//! Workers, as they tell of themselves.

use axum::http::{Method, StatusCode};
use postrider_store::inspect::known_workers;
use postrider_store::keys::QueueKeys;
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
        let mut link = call.link_to(queue).await;
        for worker in known_workers(&mut link, &QueueKeys::new(queue)).await? {
            shown.push(json!({ "queue": queue.as_str(), "worker": worker.consumer, "pid": worker.pid }));
        }
    }
    Answer::page(shown, None)
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
        },
    });
    vec![("Worker", worker)]
}
