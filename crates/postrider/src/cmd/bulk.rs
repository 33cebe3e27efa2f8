//! Work on many jobs: counted, confirmed, done in slices with a bar, stopped and resumed.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, anyhow};
use postrider_store::bulk::count::count;
use postrider_store::bulk::{self, Begin, Bulk, Kind, State};
use postrider_store::dead::Moved;
use postrider_store::filter::Filter;
use serde_json::{Map, Value, json};

use super::operator::{Desk, failed};
use super::tell;
use crate::args::BulkFlags;
use crate::exit::Failure;
use crate::progress;
use crate::stop::Signals;

/// How many of those that stay are named.
const MOST_NAMED: usize = 10;

/// Does what was typed to all that a filter admits.
pub(super) async fn run(
    desk: &mut Desk,
    kind: Kind,
    filter: &Filter,
    how: &BulkFlags,
) -> Result<(), Failure> {
    if let Some(id) = &how.resume {
        return resume(desk, kind, id, how.json).await;
    }
    if filter.is_open() && !how.all {
        return Err(Failure::Unfit(format!(
            "name what is meant: ids, a filter such as --hook or --destination, or --all to {} everything",
            kind.as_str()
        )));
    }
    let counting = progress::of_unknown().with_message("counting");
    let matched = count(&mut desk.link, &desk.keys, kind, filter).await;
    counting.finish_and_clear();
    let matched = matched.map_err(failed)?;
    if how.dry_run {
        return would(kind, matched, how.json);
    }
    if matched > 1 && !how.yes && io::stdin().is_terminal() {
        confirm(kind, matched)?;
    }
    let by = format!("postrider {}", kind.as_str());
    let begin = Begin { by: &by, limit: None, is_entrusted: false };
    let bulk = bulk::start(&mut desk.link, &desk.keys, kind, filter, begin).await.map_err(failed)?;
    carry_on(desk, bulk, matched, how.json).await
}

async fn resume(desk: &mut Desk, kind: Kind, id: &str, json: bool) -> Result<(), Failure> {
    let state = bulk::resume(&mut desk.link, &desk.keys, id).await.map_err(failed)?;
    let bulk = bulk::read(&mut desk.link, &desk.keys, id).await.map_err(failed)?;
    let (Some(_), Some(bulk)) = (state, bulk) else {
        return Err(
            anyhow!("there is no operation {id} in {}; records are kept for seven days", desk.queue).into()
        );
    };
    if bulk.kind != kind {
        return Err(Failure::Unfit(format!("--resume: operation {id} is to {}", bulk.kind.as_str())));
    }
    let left = count(&mut desk.link, &desk.keys, kind, &bulk.filter).await.map_err(failed)?;
    let expected = bulk.matched + left;
    carry_on(desk, bulk, expected, json).await
}

/// One slice after the other, until all is done or someone stops it.
async fn carry_on(desk: &mut Desk, mut bulk: Bulk, expected: u64, json: bool) -> Result<(), Failure> {
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    // Also for who kills this process.
    tell::note(&format!("operation {}; stopped, it goes on with `{}`", bulk.id, command(&bulk)));
    let bar = progress::of_count(expected);
    let mut named = 0;
    while bulk.state == State::Running {
        // A slice is one short step; a signal is heard between two.
        let stays = bulk::step(&mut desk.link, &desk.keys, &bulk).await.map_err(failed)?;
        for (job, why) in stays {
            named += 1;
            if named <= MOST_NAMED {
                bar.suspend(|| tell::note(&format!("{job} stays: {why}")));
            }
        }
        bulk = read_again(desk, &bulk.id).await?;
        bar.set_position(bulk.matched);
        if bulk.state == State::Running && was_asked_to_stop(&mut signals).await {
            bulk::stop(&mut desk.link, &desk.keys, &bulk.id).await.map_err(failed)?;
            bulk = read_again(desk, &bulk.id).await?;
        }
    }
    bar.finish_and_clear();
    finish(&bulk, json)
}

async fn read_again(desk: &mut Desk, id: &str) -> Result<Bulk, Failure> {
    let bulk = bulk::read(&mut desk.link, &desk.keys, id).await.map_err(failed)?;
    bulk.ok_or_else(|| anyhow!("the record of operation {id} is gone").into())
}

async fn was_asked_to_stop(signals: &mut Signals) -> bool {
    tokio::select! {
        biased;
        () = signals.next() => true,
        () = tokio::task::yield_now() => false,
    }
}

/// What goes on with an operation.
fn command(bulk: &Bulk) -> String {
    let group = match bulk.kind {
        Kind::Dead(_) => "dead",
        Kind::Waiting(_) => "retries",
    };
    format!("postrider {group} {} --resume {}", bulk.kind.as_str(), bulk.id)
}

fn finish(bulk: &Bulk, json: bool) -> Result<(), Failure> {
    if json {
        tell::json_lines(&[object(bulk)])?;
    } else {
        tell::done(&format!("{}: {} done, {} stay", bulk.kind.as_str(), bulk.done, bulk.failed))?;
    }
    if bulk.state == State::Stopped {
        return Err(anyhow!("stopped after {}; go on with `{}`", bulk.matched, command(bulk)).into());
    }
    stay(bulk.failed)
}

/// What came of ids.
pub(super) fn tell_moved(kind: Kind, moved: &Moved, json: bool) -> Result<(), Failure> {
    for (job, why) in moved.stays.iter().take(MOST_NAMED) {
        tell::note(&format!("{job} stays: {why}"));
    }
    let failed = moved.stays.len() as u64;
    if json {
        let object = json!({"kind": kind.as_str(), "done": moved.done, "failed": failed});
        tell::json_lines(&[object.as_object().cloned().unwrap_or_default()])?;
    } else {
        tell::done(&format!("{}: {} done, {failed} stay", kind.as_str(), moved.done))?;
    }
    stay(failed)
}

fn stay(failed: u64) -> Result<(), Failure> {
    if failed == 0 { Ok(()) } else { Err(anyhow!("{failed} stay where they are").into()) }
}

fn object(bulk: &Bulk) -> Map<String, Value> {
    let object = json!({
        "operation": bulk.id,
        "kind": bulk.kind.as_str(),
        "state": bulk.state.as_str(),
        "matched": bulk.matched,
        "done": bulk.done,
        "failed": bulk.failed,
    });
    object.as_object().cloned().unwrap_or_default()
}

pub(super) fn would(kind: Kind, matched: u64, json: bool) -> Result<(), Failure> {
    if json {
        let object = json!({"kind": kind.as_str(), "dryRun": true, "matched": matched});
        return tell::json_lines(&[object.as_object().cloned().unwrap_or_default()]);
    }
    tell::done(&format!("would {} {matched}", kind.as_str()))
}

/// Asks on stderr; anything but the number is a no.
fn confirm(kind: Kind, matched: u64) -> Result<(), Failure> {
    let _ = write!(io::stderr().lock(), "postrider: type {matched} to {} so many: ", kind.as_str());
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).context("failed to read the answer")?;
    if typed.trim() == matched.to_string() {
        return Ok(());
    }
    Err(anyhow!("nothing was done").into())
}
