//! `postrider retries`: waiting jobs.

use postrider_core::time::Timestamp;
use postrider_store::bulk::Kind;
use postrider_store::dead::Moved;
use postrider_store::jobs::{self, Cancelled, Reach};
use postrider_store::retries::{self, Act, Place, Waiting};
use postrider_store::settlement::HookName;
use serde_json::{Map, Value, json};

use super::operator::{Desk, block_on, failed, hook, or_dash, some};
use super::{bulk, tell};
use crate::args::{ListRetries, MoveRetries, RetriesWork};
use crate::exit::Failure;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, work: RetriesWork) -> Result<(), Failure> {
    match work {
        RetriesWork::List(args) => block_on(list(Desk::at(settings, &args.queue)?, args)),
        RetriesWork::Promote(args) => block_on(change(Desk::at(settings, &args.queue)?, Act::Promote, args)),
        RetriesWork::Cancel(args) => block_on(change(Desk::at(settings, &args.queue)?, Act::Cancel, args)),
    }
}

async fn list(mut desk: Desk, args: ListRetries) -> Result<(), Failure> {
    let mut after = args.cursor.as_deref().map(cursor).transpose()?;
    let filter = args.receiver.filter();
    let mut jobs = Vec::new();
    loop {
        let most = args.limit.max(1) - jobs.len();
        let page = retries::page(&mut desk.link, &desk.keys, &filter, after, most).await.map_err(failed)?;
        jobs.extend(page.items);
        after = page.next;
        if after.is_none() || jobs.len() >= args.limit {
            break;
        }
    }
    print_jobs(&jobs, args.json)?;
    if let Some(after) = after {
        tell::note(&format!("there may be more: --cursor '{after}'"));
    }
    Ok(())
}

fn cursor(text: &str) -> Result<Place, Failure> {
    Place::parse(text).ok_or_else(|| {
        Failure::Unfit("--cursor: expected a due time and an id, as the list before said".into())
    })
}

fn print_jobs(jobs: &[Waiting], json: bool) -> Result<(), Failure> {
    if json {
        return tell::json_lines(&jobs.iter().map(object).collect::<Vec<_>>());
    }
    if jobs.is_empty() {
        tell::note("no job waits");
        return Ok(());
    }
    let heads = ["DUE", "JOB", "ATTEMPTS", "HELD", "HOOK", "DESTINATION"].map(str::to_owned).to_vec();
    let row = |job: &Waiting| {
        vec![
            if job.due < Timestamp::MAX { job.due.to_rfc3339() } else { "-".to_owned() },
            job.job.clone(),
            job.state.attempts.to_string(),
            if job.held_for.is_some() { "held" } else { "-" }.to_owned(),
            hook(&job.user_id, &job.hook_id),
            or_dash(&job.destination),
        ]
    };
    tell::table(&std::iter::once(heads).chain(jobs.iter().map(row)).collect::<Vec<_>>())
}

/// A waiting job as programs see it.
pub(super) fn object(job: &Waiting) -> Map<String, Value> {
    let object = json!({
        "id": job.job,
        "dueAt": (job.due < Timestamp::MAX).then(|| job.due.as_millis()),
        "heldFor": job.held_for.as_ref().map(HookName::as_str),
        "createdAt": job.created_at.map(Timestamp::as_millis),
        "attempts": job.state.attempts,
        "crashes": job.state.crashes,
        "type": some(&job.event_type),
        "eventId": some(&job.event_id),
        "userId": some(&job.user_id),
        "hookId": some(&job.hook_id),
        "destination": some(&job.destination),
        "bytes": job.bytes,
    });
    object.as_object().cloned().unwrap_or_default()
}

async fn change(mut desk: Desk, act: Act, args: MoveRetries) -> Result<(), Failure> {
    let kind = Kind::Waiting(act);
    if args.ids.is_empty() {
        return bulk::run(&mut desk, kind, &args.receiver.filter(), &args.how).await;
    }
    if args.how.dry_run {
        return bulk::would(kind, args.ids.len() as u64, args.how.json);
    }
    let ids: Vec<&str> = args.ids.iter().map(String::as_str).collect();
    let moved = match act {
        Act::Promote => retries::act_on(&mut desk.link, &desk.keys, act, &ids).await.map_err(failed)?,
        Act::Cancel => cancel(&mut desk, &ids).await?,
    };
    bulk::tell_moved(kind, &moved, args.how.json)
}

/// Wherever they can be ended.
async fn cancel(desk: &mut Desk, ids: &[&str]) -> Result<Moved, Failure> {
    let mut moved = Moved::default();
    for id in ids {
        let cancelled = jobs::cancel(&mut desk.link, &desk.keys, id, Reach::FAR).await.map_err(failed)?;
        let why = match cancelled {
            Cancelled::Done => {
                moved.done += 1;
                continue;
            }
            Cancelled::Leased => "it is being sent",
            Cancelled::Dead => "it is dead already",
            Cancelled::Unknown => "there is no such job",
        };
        moved.stays.push(((*id).to_owned(), why.to_owned()));
    }
    Ok(moved)
}
