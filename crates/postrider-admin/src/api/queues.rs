//! Queues: their figures, and their switch.

use axum::http::Method;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::control;
use postrider_store::figures::{Counts, Figures};
use postrider_store::keys::QueueKeys;
use postrider_store::queue::Queue;
use serde_json::{Map, Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Gives, Handler, Route};

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, least, id, summary, run: Handler| {
        Route::plain(method, path, least, id, summary, Gives::One("Queue"), run)
    };
    vec![
        Route {
            gives: Gives::Page("Queue"),
            ..route(
                Method::GET,
                "/queues",
                Least::Reader,
                "listQueues",
                "The queues of this worker in figures",
                |call| Box::pin(list(call)),
            )
        },
        route(Method::GET, "/queues/{queue}", Least::Reader, "getQueue", "One queue in figures", |call| {
            Box::pin(show(call))
        }),
        route(
            Method::POST,
            "/queues/{queue}/pause",
            Least::Admin,
            "pauseQueue",
            "Pauses a queue: within 2 s its workers read nothing more; what is in flight finishes",
            |call| Box::pin(switch(call, Switch::Pause)),
        ),
        route(
            Method::POST,
            "/queues/{queue}/resume",
            Least::Admin,
            "resumeQueue",
            "Lets a paused queue go on",
            |call| Box::pin(switch(call, Switch::Resume)),
        ),
    ]
}

#[derive(Clone, Copy)]
enum Switch {
    Pause,
    Resume,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let mut shown = Vec::new();
    for queue in call.api.queues() {
        shown.push(figures(&call, queue).await?);
    }
    Answer::page(shown, None)
}

async fn show(call: Call) -> Result<Answer, Problem> {
    Answer::ok(figures(&call, call.queue()?).await?)
}

async fn switch(call: Call, switch: Switch) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
    match switch {
        Switch::Pause => control::pause(&mut link, &keys).await?,
        Switch::Resume => control::resume(&mut link, &keys).await?,
    };
    Answer::ok(figures(&call, queue).await?)
}

async fn figures(call: &Call, queue: &QueueName) -> Result<Value, Problem> {
    let mut link = call.link_to(queue).await;
    // It looks on, and is no consumer.
    let looked = Queue::new(queue.clone(), "", 0).figures(&mut link, call.api.config.dead_after).await?;
    Ok(shown(queue, &looked))
}

/// The keys that `postrider queue stats --json` has.
fn shown(queue: &QueueName, figures: &Figures) -> Value {
    let counts = |counts: Counts| -> Value {
        counts.iter().map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>().into()
    };
    let sample = &figures.sample;
    json!({
        "queue": queue.as_str(),
        "paused": figures.paused,
        "ready": sample.ready,
        "leased": sample.leased,
        "waiting": sample.waiting,
        "held": figures.held,
        "dead": sample.dead,
        "workers": figures.living_workers,
        "oldestReadyMs": sample.oldest_ready_millis,
        "nextDue": figures.next_due.map(Timestamp::as_millis),
        "thisHour": counts(figures.this_hour),
        "today": counts(figures.today),
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let number = || json!({ "type": "integer", "minimum": 0 });
    let counts = || json!({ "type": "object", "additionalProperties": number() });
    let queue = json!({
        "type": "object",
        "required": ["queue", "paused", "ready", "leased", "waiting", "held", "dead", "workers"],
        "properties": {
            "queue": { "type": "string" },
            "paused": { "type": "boolean" },
            "ready": number(),
            "leased": number(),
            "waiting": number(),
            "held": number(),
            "dead": number(),
            "workers": number(),
            "oldestReadyMs": number(),
            "nextDue": { "type": ["integer", "null"], "description": "When the next waiting job is due, epoch ms" },
            "thisHour": counts(),
            "today": counts(),
        },
    });
    vec![("Queue", queue)]
}
