//! What owners and operators are told: notices, newest first.

use axum::http::{Method, StatusCode};
use postrider_core::entry_id::EntryId;
use postrider_store::notices;
use serde_json::{Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, CURSOR, Field, Gives, Kind, LIMIT, Route};

/// Pages of the stream that one request looks through for an owner's notices; the cursor leads on from there.
const MAX_PAGES: usize = 10;

const LIST: &[Field] = &[LIMIT, CURSOR, Field::optional("userId", Kind::UserId, "Only those for this owner")];

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/notices",
        least: Least::OwnerOrReader,
        id: "listNotices",
        summary: "Notices, newest first; an owner's own only. A page may be short of items while there are more",
        query: LIST,
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::Page("Notice"),
        run: |call| Box::pin(list(call)),
    }]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let user = call.text("userId").or(call.caller.confined_to());
    if let Some(user) = user {
        call.caller.check_user(user, "user")?;
    }
    let mut before = match call.text("cursor") {
        None => None,
        Some(cursor) => Some(
            EntryId::parse(cursor.as_bytes())
                .ok_or_else(|| Problem::of_field("cursor", "must be the next of the page before"))?,
        ),
    };
    let (mut link, limit, mut shown) = (call.api.link().await, call.limit(), Vec::new());
    for _ in 0..MAX_PAGES {
        let page = notices::newest_before(&mut link, before, notices::PAGE).await?;
        let is_last = page.len() < notices::PAGE;
        for (id, fields) in page {
            before = Some(id);
            let notice = notice(id, &fields);
            if user.is_none_or(|user| notice["userId"] == user) {
                shown.push(notice);
            }
            if shown.len() == limit {
                return Answer::page(shown, Some(id.to_string()));
            }
        }
        if is_last {
            return Answer::page(shown, None);
        }
    }
    Answer::page(shown, before.map(|id| id.to_string()))
}

/// Only the fields of the contract.
fn notice(id: EntryId, fields: &[(Vec<u8>, Vec<u8>)]) -> Value {
    let text = |name: &str| {
        let found = fields.iter().find(|(given, _)| given == name.as_bytes());
        found.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    json!({
        "id": id.to_string(),
        "kind": text("kind"),
        "userId": text("userId"),
        "hookId": text("hookId"),
        "job": text("job"),
        "reason": text("reason"),
        "at": text("at").parse().unwrap_or(id.millis),
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({ "type": "string" });
    let notice = json!({
        "type": "object",
        "required": ["id", "kind", "userId", "hookId", "job", "reason", "at"],
        "properties": {
            "id": text(),
            "kind": { "type": "string", "description": "hook_failing, hook_recovered, hook_disabled or job_dead" },
            "userId": text(),
            "hookId": text(),
            "job": text(),
            "reason": text(),
            "at": { "type": "integer", "description": "Epoch ms" },
        },
    });
    vec![("Notice", notice)]
}
