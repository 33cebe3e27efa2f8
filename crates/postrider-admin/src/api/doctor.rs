//! What `postrider doctor` finds, and what Redis says of itself.

use axum::http::{Method, StatusCode};
use postrider_store::doctor::finding::Finding;
use postrider_store::doctor::{examine, judge_server, server_facts};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Gives, Handler, Route};

/// An examination walks through all waiting jobs: one at a time.
static EXAMINATIONS: Semaphore = Semaphore::const_new(1);

pub(super) fn routes() -> Vec<Route> {
    let route = |path, id, summary, gives, run: Handler| {
        Route::plain(Method::GET, path, Least::Reader, id, summary, gives, run)
    };
    vec![
        route(
            "/doctor",
            "examine",
            "Whether Redis is fit to hold jobs, and everything where it belongs",
            Gives::Page("Finding"),
            |call| Box::pin(findings(call)),
        ),
        route(
            "/redis",
            "getRedis",
            "The memory of Redis, and what it says of itself",
            Gives::One("Redis"),
            |call| Box::pin(redis(call)),
        ),
    ]
}

async fn findings(call: Call) -> Result<Answer, Problem> {
    let Ok(_one) = EXAMINATIONS.try_acquire() else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "an examination is under way; ask again when it is done",
        ));
    };
    let patient = &call.api.config.patient;
    let mut link = match patient.queues.first() {
        Some(queue) => call.link_to(queue).await,
        None => call.api.link().await,
    };
    let found = examine(&mut link, patient).await?;
    Answer::page(found.iter().map(shown).collect(), None)
}

async fn redis(call: Call) -> Result<Answer, Problem> {
    let facts = server_facts(&mut call.api.link().await).await?;
    let findings = judge_server(&facts, call.api.config.patient.allow_eviction);
    Answer::ok(json!({
        "version": facts.version,
        "usedBytes": facts.used_memory,
        "maxBytes": facts.max_memory,
        "findings": findings.iter().map(shown).collect::<Vec<_>>(),
    }))
}

/// The keys that `postrider doctor --json` has.
fn shown(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.as_str(),
        "code": finding.code.as_str(),
        "queue": finding.queue,
        "finding": finding.sentence,
        "remedy": finding.remedy,
        "fixable": finding.cure.is_some(),
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let finding = json!({
        "type": "object",
        "required": ["severity", "code", "queue", "finding", "remedy", "fixable"],
        "properties": {
            "severity": { "type": "string", "enum": ["ok", "note", "warn", "error"] },
            "code": { "type": "string" },
            "queue": { "type": ["string", "null"] },
            "finding": { "type": "string" },
            "remedy": { "type": ["string", "null"] },
            "fixable": { "type": "boolean", "description": "Whether `postrider doctor --fix` mends it" },
        },
    });
    let bytes = || json!({ "type": "integer", "minimum": 0 });
    let redis = json!({
        "type": "object",
        "required": ["version", "usedBytes", "maxBytes", "findings"],
        "properties": {
            "version": { "type": "string" },
            "usedBytes": bytes(),
            "maxBytes": { "type": "integer", "minimum": 0, "description": "0: no limit of its own" },
            "findings": { "type": "array", "items": { "$ref": "#/components/schemas/Finding" } },
        },
    });
    vec![("Finding", finding), ("Redis", redis)]
}
