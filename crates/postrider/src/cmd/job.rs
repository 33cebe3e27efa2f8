//! `postrider job`: the life of one job, and what comes next.
//!
//! - [`words`]: how it is told to people.

mod words;

use anyhow::anyhow;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::jobs::{self, Enqueued, Life, Reach, Whereabouts};
use serde_json::{Map, Value, json};

use super::operator::{Desk, block_on, failed, print_content, some};
use super::{dead, retries, tail, tell};
use crate::args::JobLife;
use crate::exit::Failure;
use crate::settings::Settings;

/// Tells what is known of a job.
pub(crate) fn run(settings: &Settings, args: JobLife) -> Result<(), Failure> {
    let desk = Desk::at(settings, &args.queue)?;
    if args.content {
        return block_on(show_content(desk, args));
    }
    block_on(tell_life(desk, args, settings.retry.max_attempts))
}

async fn show_content(mut desk: Desk, args: JobLife) -> Result<(), Failure> {
    let now = jobs::find(&mut desk.link, &desk.keys, &args.id, Reach::FAR).await.map_err(failed)?;
    if let Whereabouts::Unknown { looked_everywhere } = now {
        return Err(unknown(&desk, &args.id, looked_everywhere));
    }
    let content = jobs::content(&mut desk.link, &desk.keys, &now).await.map_err(failed)?;
    let content = content.ok_or_else(|| anyhow!("job {} of {} has no content", args.id, desk.queue))?;
    print_content(&content)
}

async fn tell_life(mut desk: Desk, args: JobLife, max_attempts: u32) -> Result<(), Failure> {
    let life = jobs::life(&mut desk.link, &desk.keys, &args.id, Reach::FAR).await.map_err(failed)?;
    if let (Whereabouts::Unknown { looked_everywhere }, true) = (&life.now, life.attempts.is_empty()) {
        return Err(unknown(&desk, &args.id, *looked_everywhere));
    }
    let now = desk.now().await?;
    if args.json {
        let next = words::next(&life.now, &args.id, now, max_attempts);
        return tell::json_lines(&[object(&desk, &args.id, &life, &next)]);
    }
    if !life.log_is_whole {
        tell::note("the attempt log is longer than was looked at: earlier attempts may be missing");
    }
    in_words(&desk.queue, &args.id, &life, (now, max_attempts)).iter().try_for_each(|line| tell::done(line))
}

/// A life in lines: where the job is, what it is, what it has been through, what comes next.
pub(super) fn in_words(
    queue: &QueueName,
    id: &str,
    life: &Life,
    (now, max_attempts): (Timestamp, u32),
) -> Vec<String> {
    let head = format!("{id} of {queue}: {}", state(&life.now));
    let what = words::what(&life.now).map(|what| format!("  {what}"));
    let next = format!("  {}", words::next(&life.now, id, now, max_attempts));
    let attempts = life.attempts.iter().map(words::attempt);
    std::iter::once(head).chain(what).chain(attempts).chain([next]).collect()
}

fn unknown(desk: &Desk, id: &str, looked_everywhere: bool) -> Failure {
    let Reach { stream, dead, .. } = Reach::FAR;
    let advice = if looked_everywhere {
        "it was never added, or was delivered so long ago that its attempts aren't kept".to_owned()
    } else {
        format!(
            "looked through {stream} entries from each end of the stream and the newest {dead} dead letters; \
             it may be elsewhere"
        )
    };
    anyhow!("no job {id} in {}: {advice}", desk.queue).into()
}

fn state(now: &Whereabouts) -> &'static str {
    match now {
        Whereabouts::Ready(_) => "ready",
        Whereabouts::Leased { .. } => "leased",
        Whereabouts::Waiting(_) => "waiting",
        Whereabouts::Dead(_) => "dead",
        Whereabouts::Delivered => "done",
        Whereabouts::Unknown { .. } => "unknown",
    }
}

fn object(desk: &Desk, id: &str, life: &Life, next: &str) -> Map<String, Value> {
    let now = match &life.now {
        Whereabouts::Ready(job) => enqueued(job).into(),
        Whereabouts::Leased { job, worker, since, deliveries } => {
            let mut object = enqueued(job);
            object.insert("worker".into(), json!(worker));
            object.insert("leasedMs".into(), json!(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)));
            object.insert("deliveries".into(), json!(deliveries));
            object.into()
        }
        Whereabouts::Waiting(waiting) => retries::object(waiting).into(),
        Whereabouts::Dead(letter) => dead::object(letter).into(),
        Whereabouts::Delivered | Whereabouts::Unknown { .. } => Value::Null,
    };
    let object = json!({
        "id": id,
        "queue": desk.queue.as_str(),
        "state": state(&life.now),
        "details": now,
        "attempts": life.attempts.iter().map(tail::object).collect::<Vec<_>>(),
        "logIsWhole": life.log_is_whole,
        "next": next,
    });
    object.as_object().cloned().unwrap_or_default()
}

/// A job in the stream as programs see it.
fn enqueued(job: &Enqueued) -> Map<String, Value> {
    let object = json!({
        "entry": job.entry.to_string(),
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
