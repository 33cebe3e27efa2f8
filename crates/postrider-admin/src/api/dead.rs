//! Dead letters: seen, counted, replayed, purged. What they carry isn't shown: it may hold secrets.

use axum::http::Method;
use postrider_core::job::is_job_id;
use postrider_store::dead::{self, Fate, Letter, Moved};
use postrider_store::jobs::Reach;
use postrider_store::keys::QueueKeys;
use serde_json::{Value, json};

use super::attempts::{after, order_of};
use super::matching::{DESTINATION, HOOK, REASON, SINCE, UNTIL, USER, filter_of, number_schema, text_schema};
use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{CURSOR, Field, Gives, Handler, Kind, LIMIT, Route};

const LIST: &[Field] = &[
    LIMIT,
    CURSOR,
    USER,
    HOOK,
    DESTINATION,
    REASON,
    SINCE,
    UNTIL,
    Field::optional(
        "order",
        Kind::OneOf(&["newest", "oldest"]),
        "Which come first; the newest where it isn't given",
    ),
];

/// Groups that are looked at for the largest.
const MOST_GROUPS: usize = 10_000;

const ONE: &str = "/queues/{queue}/dead/{job}";

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, least, id, summary, run: Handler| {
        Route::plain(method, path, least, id, summary, Gives::One("DeadLetter"), run)
    };
    vec![
        Route {
            query: LIST,
            gives: Gives::Page("DeadLetter"),
            ..route(
                Method::GET,
                "/queues/{queue}/dead",
                Least::OwnerOrReader,
                "listDeadLetters",
                "Dead letters; an owner's own only. A page may be short of items, or empty, while there are more",
                |call| Box::pin(list(call)),
            )
        },
        Route {
            query: &[LIMIT],
            gives: Gives::Page("DeadGroup"),
            ..route(
                Method::GET,
                "/queues/{queue}/dead-groups",
                Least::Reader,
                "listDeadGroups",
                "How many dead letters there are by reason and hook, largest groups first",
                |call| Box::pin(groups(call)),
            )
        },
        route(
            Method::GET,
            ONE,
            Least::OwnerOrReader,
            "getDeadLetter",
            "The newest dead letter of a job",
            |call| Box::pin(show(call)),
        ),
        Route {
            gives: Gives::One("Moved"),
            ..route(
                Method::POST,
                "/queues/{queue}/dead/{job}/replay",
                Least::OwnerOrAdmin,
                "replayDeadLetter",
                "Makes it a ready job again, which passes all checks; id, event id and time stay",
                |call| Box::pin(move_one(call, Fate::Replay)),
            )
        },
        Route {
            gives: Gives::One("Moved"),
            ..route(
                Method::DELETE,
                ONE,
                Least::OwnerOrAdmin,
                "purgeDeadLetter",
                "Removes it for good",
                |call| Box::pin(move_one(call, Fate::Purge)),
            )
        },
    ]
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let filter = filter_of(&call.query, &call.caller)?;
    let (order, after) = (order_of(&call), after(&call)?);
    let mut link = call.link_to(queue).await;
    let page = dead::page(&mut link, &QueueKeys::new(queue), &filter, order, after, call.limit()).await?;
    Answer::page(page.items.iter().map(shown).collect(), page.next.map(|next| next.to_string()))
}

async fn groups(call: Call) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let counts = dead::counts(&mut call.link_to(queue).await, &QueueKeys::new(queue), MOST_GROUPS).await?;
    let mut groups: Vec<_> = counts.groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown = groups.into_iter().take(call.limit()).map(|((reason, hook), count)| {
        let (user, hook) = hook.rsplit_once('/').unwrap_or_default();
        json!({ "reason": reason, "userId": user, "hookId": hook, "count": count })
    });
    Answer::page(shown.collect(), None)
}

async fn show(call: Call) -> Result<Answer, Problem> {
    Answer::ok(shown(&find(&call).await?))
}

async fn move_one(call: Call, fate: Fate) -> Result<Answer, Problem> {
    let letter = find(&call).await?;
    let queue = call.queue()?;
    let mut link = call.link_to(queue).await;
    let moved = dead::move_letters(&mut link, &QueueKeys::new(queue), fate, &[letter.entry]).await?;
    Answer::ok(shown_moved(&moved))
}

async fn find(call: &Call) -> Result<Letter, Problem> {
    let (queue, job) = (call.queue()?, call.part("job"));
    let unknown = || Problem::not_found("dead letter");
    if !is_job_id(job.as_bytes()) {
        return Err(unknown());
    }
    let (mut link, keys) = (call.link_to(queue).await, QueueKeys::new(queue));
    let found = dead::find(&mut link, &keys, job, Reach::NEAR.dead).await?;
    let letter = found.ok_or_else(unknown)?;
    call.caller.check_user(&letter.user_id, "dead letter")?;
    Ok(letter)
}

pub(super) fn shown_moved(moved: &Moved) -> Value {
    let stays = moved.stays.iter().map(|(job, why)| json!({ "job": job, "why": why }));
    json!({ "done": moved.done, "stays": stays.collect::<Vec<_>>() })
}

pub(super) fn shown(letter: &Letter) -> Value {
    json!({
        "entry": letter.entry.to_string(),
        "job": letter.job,
        "reason": letter.reason,
        "status": letter.status,
        "error": letter.error,
        "attempts": letter.attempts,
        "diedAt": letter.died_at.as_millis(),
        "type": letter.event_type,
        "eventId": letter.event_id,
        "userId": letter.user_id,
        "hookId": letter.hook_id,
        "destination": letter.destination,
        "bytes": letter.bytes,
    })
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let letter = json!({
        "type": "object",
        "required": ["entry", "job", "reason", "status", "error", "attempts", "diedAt"],
        "properties": {
            "entry": text_schema(), "job": text_schema(), "reason": text_schema(), "status": number_schema(),
            "error": text_schema(), "attempts": number_schema(), "diedAt": number_schema(), "type": text_schema(),
            "eventId": text_schema(), "userId": text_schema(), "hookId": text_schema(),
            "destination": text_schema(), "bytes": number_schema(),
        },
    });
    let group = json!({
        "type": "object",
        "required": ["reason", "userId", "hookId", "count"],
        "properties": {
            "reason": text_schema(), "userId": text_schema(), "hookId": text_schema(), "count": number_schema(),
        },
    });
    let stays = json!({
        "type": "object",
        "required": ["job", "why"],
        "properties": { "job": text_schema(), "why": text_schema() },
    });
    let moved = json!({
        "type": "object",
        "required": ["done", "stays"],
        "properties": { "done": number_schema(), "stays": { "type": "array", "items": stays } },
    });
    vec![("DeadLetter", letter), ("DeadGroup", group), ("Moved", moved)]
}
