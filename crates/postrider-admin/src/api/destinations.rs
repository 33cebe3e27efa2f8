//! Destinations as workers tell of them, and asking workers to forget how one has fared, or to leave it alone.

use axum::http::{Method, StatusCode};
use postrider_store::destinations::paused::{MAX_PAUSED, pause, resume};
use postrider_store::destinations::{ALL, ask_to_reset, told};
use postrider_store::keys::QueueKeys;
use serde_json::{Map, Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, CURSOR, Field, Gives, Kind, LIMIT, Route};

/// Longest name of a destination in characters: an owner's id, a slash and a hook's id, or scheme, host and port.
const MAX_NAME_CHARS: usize = 300;

const NAME: Kind = Kind::Text(MAX_NAME_CHARS);
const LIST: &[Field] =
    &[LIMIT, CURSOR, Field::optional("destination", NAME, "Only this one, as each worker tells of it")];
const ONE: &[Field] = &[Field::needed("destination", NAME, "Its name as lists have it")];
const RESET: &[Field] = &[Field::needed("destination", NAME, "Its name as lists have it; `*` for all")];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: "/destinations",
            least: Least::Reader,
            id: "listDestinations",
            summary: "Destinations with jobs under way or in line, or held back; each as one worker tells of it",
            query: LIST,
            body: Body::None,
            success: StatusCode::OK,
            gives: Gives::Page("Destination"),
            run: |call| Box::pin(list(call)),
        },
        Route {
            method: Method::POST,
            path: "/destinations/reset",
            least: Least::Admin,
            id: "resetDestination",
            summary: "Asks all workers to forget how a destination has fared; they hear of it within a second",
            query: &[],
            body: Body::Fields(RESET),
            success: StatusCode::NO_CONTENT,
            gives: Gives::Nothing,
            run: |call| Box::pin(reset(call)),
        },
        Route {
            method: Method::POST,
            path: "/destinations/pause",
            least: Least::Admin,
            id: "pauseDestination",
            summary: "Lets nothing be sent to a destination: workers hear of it within two seconds, and its jobs wait",
            query: &[],
            body: Body::Fields(ONE),
            success: StatusCode::NO_CONTENT,
            gives: Gives::Nothing,
            run: |call| Box::pin(pause_one(call)),
        },
        Route {
            method: Method::POST,
            path: "/destinations/resume",
            least: Least::Admin,
            id: "resumeDestination",
            summary: "Lets a paused destination have its jobs again, the last of them within a minute",
            query: &[],
            body: Body::Fields(ONE),
            success: StatusCode::NO_CONTENT,
            gives: Gives::Nothing,
            run: |call| Box::pin(resume_one(call)),
        },
    ]
}

/// The place of a destination in the list: its name, its queue, its worker.
type Place = (String, String, String);

async fn list(call: Call) -> Result<Answer, Problem> {
    let mut rows = rows(&call).await?;
    if let Some(name) = call.text("destination") {
        rows.retain(|((destination, ..), _)| destination == name);
    }
    if let Some(cursor) = call.text("cursor") {
        let after: Place = serde_json::from_str(cursor)
            .map_err(|_| Problem::of_field("cursor", "must be the next of the page before"))?;
        rows.retain(|(place, _)| *place > after);
    }
    let limit = call.limit();
    let next = (rows.len() > limit).then(|| json!(rows[limit - 1].0).to_string());
    Answer::page(rows.into_iter().take(limit).map(|(_, row)| row.into()).collect(), next)
}

/// What all workers tell, in order. What can't be read is of another version, and left out.
async fn rows(call: &Call) -> Result<Vec<(Place, Map<String, Value>)>, Problem> {
    let mut rows = Vec::new();
    for queue in &call.api.config.queues {
        let mut link = call.link_to(queue).await;
        for (worker, told) in told(&mut link, &QueueKeys::new(queue)).await? {
            let read: Vec<Map<String, Value>> = serde_json::from_slice(&told).unwrap_or_default();
            for mut row in read {
                let name = row.get("destination").and_then(Value::as_str).unwrap_or_default().to_owned();
                row.insert("worker".into(), worker.clone().into());
                row.insert("queue".into(), queue.as_str().into());
                rows.push(((name, queue.as_str().to_owned(), worker.clone()), row));
            }
        }
    }
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(rows)
}

async fn reset(call: Call) -> Result<Answer, Problem> {
    let name = call.body.get("destination").and_then(Value::as_str).unwrap_or(ALL);
    for queue in &call.api.config.queues {
        ask_to_reset(&mut call.link_to(queue).await, &QueueKeys::new(queue), name).await?;
    }
    Answer::nothing()
}

async fn pause_one(call: Call) -> Result<Answer, Problem> {
    for queue in &call.api.config.queues {
        let paused = pause(&mut call.link_to(queue).await, &QueueKeys::new(queue), named(&call)).await?;
        if paused.is_none() {
            let words =
                format!("{MAX_PAUSED} destinations are paused already: resume some, or pause the queue");
            return Err(Problem::new(StatusCode::CONFLICT, words));
        }
    }
    Answer::nothing()
}

async fn resume_one(call: Call) -> Result<Answer, Problem> {
    for queue in &call.api.config.queues {
        resume(&mut call.link_to(queue).await, &QueueKeys::new(queue), named(&call)).await?;
    }
    Answer::nothing()
}

fn named(call: &Call) -> &str {
    call.body.get("destination").and_then(Value::as_str).unwrap_or_default()
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let destination = json!({
        "type": "object",
        "required": ["destination", "queue", "worker"],
        "properties": {
            "destination": { "type": "string" },
            "queue": { "type": "string" },
            "worker": { "type": "string" },
            "state": { "type": "string", "enum": ["flowing", "tripped", "probing"] },
            "paused": { "type": "boolean", "description": "By an operator: nothing is sent to it" },
        },
    });
    vec![("Destination", destination)]
}
