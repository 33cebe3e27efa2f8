//! Who has hooks at all: some of them, to begin with.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use postrider_store::hooks::Owners;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, Gives, LIMIT, Route};

/// How long they are looked for: the registry lies among all keys of Redis, of which there may be any number.
const LONGEST_LOOK: Duration = Duration::from_millis(40);

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/owners",
        least: Least::Reader,
        id: "listOwners",
        summary: "Owners of hooks, as many as are found soon; `whole` says whether these are all",
        query: &[LIMIT],
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::One("Owners"),
        run: |call| Box::pin(list(call)),
    }]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let (mut link, mut walk, limit) = (call.api.link().await, Owners::new(), call.limit());
    let (mut found, mut is_whole) = (BTreeSet::new(), false);
    let end = Instant::now() + LONGEST_LOOK;
    while found.len() < limit {
        let Ok(next) = timeout_at(end, walk.next(&mut link)).await else { break };
        let Some(owner) = next? else {
            is_whole = true;
            break;
        };
        found.insert(owner);
    }
    let items: Vec<_> = found.into_iter().map(|owner| json!({ "userId": owner })).collect();
    Answer::ok(json!({ "items": items, "whole": is_whole }))
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let owner =
        json!({ "type": "object", "required": ["userId"], "properties": { "userId": { "type": "string" } } });
    let owners = json!({
        "type": "object",
        "required": ["items", "whole"],
        "properties": {
            "items": { "type": "array", "items": owner },
            "whole": { "type": "boolean", "description": "false: there may be more" },
        },
    });
    vec![("Owners", owners)]
}
