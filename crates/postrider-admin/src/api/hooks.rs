//! Registered hooks: `/hooks`. The rules of a record are `postrider-core`'s; how a sample is sent is the sender's.
//!
//! - here: from a request to what is to be done, and from that to an answer; [`shapes`]: the routes.
//! - [`work`]: what is done, for Misskey's own routes too.

mod shapes;
pub(crate) mod work;

use std::time::Duration;

use axum::http::StatusCode;
use postrider_core::hook::Hook;
use postrider_core::hook::edit::HookEdit;
use postrider_core::hook::record::{Detail, HookRecord};
use postrider_core::sample::MisskeyEvent;
use postrider_core::time::Timestamp;
use postrider_store::hooks::Registered;
use serde_json::{Map, Value};

use self::work::{Refusal, Sample};
use crate::call::{Answer, Call};
use crate::problem::Problem;

pub(super) use self::shapes::{routes, schemas};

/// How long a replaced secret signs on where nothing is said.
const KEEP_SECONDS: u64 = 24 * 3600;

async fn list(call: Call) -> Result<Answer, Problem> {
    let user = call.text("userId").unwrap_or_default();
    call.caller.check_user(user, "user")?;
    let mut found = work::list(&call.api, user).await?;
    if let Some(active) = call.query.get("active").and_then(Value::as_bool) {
        found.retain(|hook| Hook::parse(&hook.json).is_ok_and(|read| read.active == active));
    }
    if let Some(after) = call.text("cursor") {
        found.retain(|hook| *hook.hook_id > *after);
    }
    let limit = call.limit();
    let next = (found.len() > limit).then(|| found[limit - 1].hook_id.clone());
    Answer::page(found.iter().take(limit).map(|hook| listed(user, hook).into()).collect(), next)
}

/// One that can't be read is listed by its ids, so that it can be deleted.
fn listed(user: &str, hook: &Registered) -> Map<String, Value> {
    match HookRecord::parse(&hook.json) {
        Some(record) => with_health(record.shown(user, &hook.hook_id, hook.latest, Detail::Listed), hook),
        None => Map::from_iter([
            ("id".to_owned(), hook.hook_id.clone().into()),
            ("userId".to_owned(), user.into()),
            ("unreadable".to_owned(), true.into()),
        ]),
    }
}

fn with_health(mut shown: Map<String, Value>, hook: &Registered) -> Map<String, Value> {
    let since = hook.failing_since.map(Timestamp::to_rfc3339);
    shown.insert("failingSince".to_owned(), since.into());
    shown
}

async fn create(mut call: Call) -> Result<Answer, Problem> {
    let user = taken(&mut call.body, "userId")?.unwrap_or_default();
    let id = taken(&mut call.body, "id")?;
    call.caller.check_user(&user, "user")?;
    let (id, record) = work::create(&call.api, &user, id, HookEdit::of_json(&call.body)).await?;
    Answer::created(record.shown(&user, &id, None, Detail::Revealed))
}

/// A text of the body, which isn't one of the record's own fields.
fn taken(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match body.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::of_field(name, "must be a text")),
    }
}

async fn show(call: Call, detail: Detail) -> Result<Answer, Problem> {
    let (user, hook) = call.hook()?;
    let found = work::find(&call.api, user, hook).await?;
    let shown = found.record.shown(user, hook, found.registered.latest, detail);
    Answer::ok(with_health(shown, &found.registered))
}

async fn update(call: Call) -> Result<Answer, Problem> {
    let edit = HookEdit::of_json(&call.body);
    if edit.is_empty() {
        call.hook()?;
        return Err(Problem::of_field("body", "must name at least one field"));
    }
    edited(call, edit).await
}

async fn enable(call: Call) -> Result<Answer, Problem> {
    edited(call, HookEdit::switch_on()).await
}

async fn disable(call: Call) -> Result<Answer, Problem> {
    let edit = HookEdit::switch_off(text(&call.body, "reason"));
    edited(call, edit).await
}

/// The hook as it is after the edit, without secrets.
async fn edited(call: Call, edit: HookEdit) -> Result<Answer, Problem> {
    let (user, hook) = call.hook()?;
    work::edit(&call.api, user, hook, &edit).await?;
    show(call, Detail::Alone).await
}

async fn rotate(call: Call) -> Result<Answer, Problem> {
    let (user, hook) = call.hook()?;
    let keep = call.body.get("keepSeconds").and_then(Value::as_u64).unwrap_or(KEEP_SECONDS);
    work::rotate(&call.api, user, hook, text(&call.body, "secret"), Duration::from_secs(keep)).await?;
    show(call, Detail::Alone).await
}

async fn delete(call: Call) -> Result<Answer, Problem> {
    let (user, hook) = call.hook()?;
    work::delete(&call.api, user, hook).await?;
    Answer::nothing()
}

async fn test(call: Call) -> Result<Answer, Problem> {
    let (user, hook) = call.hook()?;
    let event = MisskeyEvent::parse(text(&call.body, "type").unwrap_or_default());
    let sample = Sample {
        event: event.ok_or_else(|| Problem::of_field("type", "is no event"))?,
        url: text(&call.body, "url"),
        secret: text(&call.body, "secret"),
    };
    Answer::ok(work::try_out(&call.api, user, hook, sample).await?.to_json())
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let conflict = |detail: &str| Self::new(StatusCode::CONFLICT, detail);
        match refusal {
            Refusal::Unknown => Self::not_found("hook"),
            Refusal::Unreadable => {
                conflict("the hook's record can't be read; delete it and register it anew")
            }
            Refusal::Taken => conflict("the owner has a hook of this id already"),
            Refusal::TooMany(most) => {
                conflict(&format!("the owner has {most} hooks or more, as many as hooks.max_per_user allows"))
            }
            Refusal::Contended => conflict("others changed the hook again and again meanwhile"),
            Refusal::Invalid(faults) => faults.into(),
            Refusal::Unusable => conflict("the hook can't be sent to"),
            Refusal::Store(error) => error.into(),
            Refusal::NoRandomness => Self::internal(),
        }
    }
}
