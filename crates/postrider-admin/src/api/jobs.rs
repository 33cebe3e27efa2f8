//! Jobs: adding one, once for a key where one is given. What a job may hold is `postrider-core`'s to say.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use postrider_core::delivery::check_for_profile;
use postrider_core::endpoint::EndpointCache;
use postrider_core::entry_id::EntryId;
use postrider_core::entry_json::fields_of;
use postrider_core::fault::Fault;
use postrider_core::job::{EntryKind, Field as JobField, Job, ParseContext};
use postrider_core::queue_name::QueueName;
use postrider_store::once::{MAX_KEY_BYTES, Once, add_once, is_key};
use serde_json::{Value, json};

use crate::api::Api;
use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, Field, Gives, Kind, Route};

/// The header of the IETF's draft on idempotency keys.
const KEY: &str = "idempotency-key";

/// How long a key stands for its job where nothing is said.
const WINDOW_SECONDS: u64 = 24 * 3600;

const ADD: &[Field] = &[
    Field::optional("queue", Kind::Text(512), "The queue; this worker's first where it isn't given"),
    Field::optional(
        "onceForSeconds",
        Kind::Whole(1, 30 * 24 * 3600),
        "How long the Idempotency-Key stands for this job; a day where it isn't given",
    ),
];

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::POST,
        path: "/jobs",
        least: Least::Admin,
        id: "addJob",
        summary: "Adds a job. With a header Idempotency-Key, one job for each key: a repeat is answered like the first",
        query: ADD,
        body: Body::Job,
        success: StatusCode::CREATED,
        gives: Gives::One("AddedJob"),
        run: |call| Box::pin(add(call)),
    }]
}

async fn add(call: Call) -> Result<Answer, Problem> {
    let queue = match call.text("queue") {
        Some(name) => call.api.config.queues.iter().find(|queue| queue.as_str() == name),
        None => call.api.config.queues.first(),
    };
    let queue = queue.ok_or_else(|| Problem::of_field("queue", "is none that this worker serves"))?;
    let fields = fields_of(EntryKind::Job, &call.raw, &[])?;
    let own_id = check(&call.api, queue, &fields)?;
    let window = call.query.get("onceForSeconds").and_then(Value::as_u64).unwrap_or(WINDOW_SECONDS);
    let key = key(&call)?;
    let once =
        add_once(&mut call.link_to(queue).await, queue, key, Duration::from_secs(window), &fields).await?;
    let (id, is_new) = match once {
        Once::Added(id) => (id, true),
        Once::Before(id) => (id, false),
        Once::Different => {
            let detail = "this Idempotency-Key was used for another job";
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
    };
    let job = own_id.unwrap_or_else(|| id.to_string());
    Answer::created(json!({ "job": job, "entry": id.to_string(), "queue": queue.as_str(), "new": is_new }))
}

fn key(call: &Call) -> Result<Option<&str>, Problem> {
    let Some(given) = call.headers.get(KEY) else { return Ok(None) };
    let key = given.to_str().ok().filter(|key| is_key(key));
    key.map(Some).ok_or_else(|| {
        Problem::of_field("Idempotency-Key", format!("must be 1 to {MAX_KEY_BYTES} visible ASCII characters"))
    })
}

/// Refuses what a worker would bury at once; gives the id that the job brings.
fn check(api: &Api, queue: &QueueName, fields: &[JobField]) -> Result<Option<String>, Problem> {
    if let Some((name, _)) = fields.iter().find(|(name, _)| name.starts_with(b"_")) {
        return Err(Fault::of_field(name, "is not a field that can be set").into());
    }
    let mut context = ParseContext {
        kind: EntryKind::Job,
        max_job_bytes: api.config.max_job_bytes,
        event_id_suffix: queue.event_id_suffix().into(),
        endpoints: EndpointCache::default(),
    };
    let job = Job::parse(EntryId { millis: 0, sequence: 0 }, fields.to_vec(), &mut context);
    let job = job.map_err(|invalid| Problem::from(invalid.fault))?;
    let blocked = job.to.as_ref().map(|to| api.config.addresses.check_endpoint(to));
    if let Some(Err(part)) = blocked {
        return Err(Problem::of_field("to", format!("may not be connected to: {part} is not allowed")));
    }
    let defaults = &api.config.defaults;
    match (job.hook_key(), job.profile) {
        // Its profile may be the hook's.
        (Some(_), None) => {}
        (_, profile) => check_for_profile(&job, profile.unwrap_or(defaults.profile), &defaults.profiles)?,
    }
    let is_own = fields.iter().any(|(name, _)| name == b"id");
    Ok(is_own.then(|| job.id.into()))
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let added = json!({
        "type": "object",
        "required": ["job", "entry", "queue", "new"],
        "properties": {
            "job": { "type": "string", "description": "Its id" },
            "entry": { "type": "string", "description": "Its first entry in the stream" },
            "queue": { "type": "string" },
            "new": { "type": "boolean", "description": "false: it had been added for this key before" },
        },
    });
    let job = json!({
        "type": "object",
        "description": "The fields of a job, docs/jobs.md; each a text, or a number as it is written. `content` is taken byte for byte",
        "required": ["content"],
        "properties": { "content": {} },
        "additionalProperties": { "type": ["string", "number", "null"] },
        "examples": [{ "to": "https://hooks.example/in", "type": "note", "content": { "text": "hello" } }],
    });
    vec![("AddedJob", added), ("Job", job)]
}
