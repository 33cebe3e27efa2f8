//! What people read of a job's life.

use postrider_core::time::Timestamp;
use postrider_store::attempts::Attempt;
use postrider_store::jobs::Whereabouts;
use postrider_store::retries::Waiting;

use crate::cmd::operator::hook;

/// Most characters of a failed answer that a line shows.
const ANSWER_SHOWN: usize = 80;

/// What kind of job it is, for whom and since when; nothing where it is nowhere.
pub(super) fn what(now: &Whereabouts) -> Option<String> {
    let (created_at, event_type, (user, id), destination, bytes) = match now {
        Whereabouts::Ready(job) | Whereabouts::Leased { job, .. } => {
            (job.created_at, &job.event_type, (&job.user_id, &job.hook_id), &job.destination, job.bytes)
        }
        Whereabouts::Waiting(job) => {
            (job.created_at, &job.event_type, (&job.user_id, &job.hook_id), &job.destination, job.bytes)
        }
        Whereabouts::Dead(job) => {
            (job.created_at, &job.event_type, (&job.user_id, &job.hook_id), &job.destination, job.bytes)
        }
        Whereabouts::Delivered | Whereabouts::Unknown { .. } => return None,
    };
    let created = created_at.map(|at| format!("created {}", at.to_rfc3339()));
    let event = (!event_type.is_empty()).then(|| event_type.clone());
    let of_hook = (!id.is_empty()).then(|| format!("hook {}", hook(user, id)));
    let to = (!destination.is_empty()).then(|| format!("to {destination}"));
    let parts = [created, event, of_hook, to, Some(format!("{bytes} bytes"))];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// One attempt.
pub(super) fn attempt(attempt: &Attempt) -> String {
    let mut line = format!(
        "  attempt {}  {}  {}  {}  {} ms",
        attempt.attempt,
        attempt.at.to_rfc3339(),
        attempt.outcome,
        attempt.status,
        attempt.millis
    );
    if !attempt.error.is_empty() {
        line += &format!("  {}", attempt.error);
    }
    if !attempt.response.is_empty() {
        line += &format!("  answer: {}", attempt.response.chars().take(ANSWER_SHOWN).collect::<String>());
    }
    line
}

/// What comes next.
pub(super) fn next(now: &Whereabouts, id: &str, time: Timestamp, max_attempts: u32) -> String {
    match now {
        Whereabouts::Ready(job) => {
            let lost = lost(job.state.crashes);
            format!("in the stream since {}: next in line for a worker{lost}", job.entry.time().to_rfc3339())
        }
        Whereabouts::Leased { job, worker, since, deliveries } => {
            let lost = lost(job.state.crashes.saturating_add(deliveries.saturating_sub(1)));
            format!("held by worker {worker} for {} ms{lost}", since.as_millis())
        }
        Whereabouts::Waiting(waiting) => next_of_waiting(waiting, time, max_attempts),
        Whereabouts::Dead(letter) => format!(
            "dead since {}: {}: {}; send it again with `postrider dead replay {id}`",
            letter.died_at.to_rfc3339(),
            letter.reason,
            letter.error
        ),
        Whereabouts::Delivered => "delivered".to_owned(),
        Whereabouts::Unknown { .. } => "it isn't here any more".to_owned(),
    }
}

fn next_of_waiting(waiting: &Waiting, time: Timestamp, max_attempts: u32) -> String {
    let lost = lost(waiting.state.crashes);
    if let Some(hook) = &waiting.held_for {
        return format!("held until its hook {} is active{lost}", hook.as_str());
    }
    if waiting.entry.is_none() {
        return "its record can't be read by this version".to_owned();
    }
    let number = waiting.state.attempts.saturating_add(1);
    let of = waiting.max_attempts.unwrap_or(max_attempts);
    let wait = waiting.due.since(time).as_secs();
    format!("attempt {number} of {of} at {}, in {wait} s{lost}", waiting.due.to_rfc3339())
}

/// Takeovers so far.
fn lost(crashes: u32) -> String {
    match crashes {
        0 => String::new(),
        1 => "; was lost with its worker once".to_owned(),
        times => format!("; was lost with its workers {times} times"),
    }
}
