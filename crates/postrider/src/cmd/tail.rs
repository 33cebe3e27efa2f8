//! `postrider tail`: attempts as they happen, or those that are kept.

use std::time::Duration;

use anyhow::Context;
use postrider_store::attempts::{self, Attempt, AttemptFilter, Order};
use postrider_store::inspect::newest_entry;
use serde_json::{Map, Value, json};

use super::operator::{Desk, block_on, failed, hook, or_dash, some};
use super::tell;
use crate::args::Tail;
use crate::exit::Failure;
use crate::settings::Settings;
use crate::stop;

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Attempts that are printed at once.
const PAGE: usize = 200;

/// Follows until it is stopped, or all is told.
pub(crate) fn run(settings: &Settings, args: Tail) -> Result<(), Failure> {
    block_on(follow(Desk::at(settings, &args.queue)?, args))
}

async fn follow(mut desk: Desk, args: Tail) -> Result<(), Failure> {
    let stopped = stop::asked().context("failed to listen for signals")?;
    tokio::pin!(stopped);
    let common = args.time.narrow(args.receiver.filter(), desk.now().await?);
    let begins_in_the_past = args.once || common.since.is_some();
    let filter = AttemptFilter {
        common,
        job: args.job,
        event_id: args.event,
        outcome: args.outcome,
        status: args.status,
    };
    let newest = newest_entry(&mut desk.link, &desk.keys.attempts).await.map_err(failed)?;
    let mut after = (!begins_in_the_past).then_some(newest);
    loop {
        let page = attempts::page(&mut desk.link, &desk.keys, &filter, Order::OldestFirst, after, PAGE);
        let page = page.await.map_err(failed)?;
        print(&page.items, args.json)?;
        let is_end = page.next.is_none();
        // At the end, what is behind the last one that was looked at is news; what wasn't meant is looked at again.
        after = page.next.or(page.items.last().map(|attempt| attempt.entry)).or(after);
        if is_end && args.once {
            return Ok(());
        }
        let pause = if is_end { LOOK_EVERY } else { Duration::ZERO };
        tokio::select! {
            () = &mut stopped => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn print(attempts: &[Attempt], json: bool) -> Result<(), Failure> {
    if json {
        return tell::json_lines(&attempts.iter().map(object).collect::<Vec<_>>());
    }
    attempts.iter().try_for_each(|attempt| tell::done(&line(attempt)))
}

fn line(attempt: &Attempt) -> String {
    format!(
        "{}  {:9}  {:3}  {:>6} ms  {}  attempt {}  {}  {}  {}",
        attempt.at.to_rfc3339(),
        attempt.outcome,
        attempt.status,
        attempt.millis,
        attempt.job,
        attempt.attempt,
        or_dash(&attempt.destination),
        hook(&attempt.user_id, &attempt.hook_id),
        attempt.error
    )
    .trim_end()
    .to_owned()
}

/// An attempt as programs see it.
pub(super) fn object(attempt: &Attempt) -> Map<String, Value> {
    let object = json!({
        "at": attempt.at.as_millis(),
        "job": attempt.job,
        "eventId": attempt.event_id,
        "userId": some(&attempt.user_id),
        "hookId": some(&attempt.hook_id),
        "destination": attempt.destination,
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "ms": attempt.millis,
        "worker": attempt.worker,
        "error": some(&attempt.error),
        "response": some(&attempt.response),
        "entry": attempt.entry.to_string(),
    });
    object.as_object().cloned().unwrap_or_default()
}
