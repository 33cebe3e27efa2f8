//! From a verdict to the settlement: where the job goes, and what is recorded of its attempt.

use std::mem;

use postrider_core::delivery::Delivery;
use postrider_core::hook::Hook;
use postrider_core::job::Job;
use postrider_core::outcome::Outcome;
use postrider_core::verdict::{DeadReason, Verdict};
use postrider_sender::Attempt;
use postrider_store::settlement::{AttemptRecord, Destination, Made, Settlement};

use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease, hook_name};
use crate::redact;

/// The settlement of an attempt.
pub(super) fn settle_attempt(
    engine: &Engine,
    ticket: &mut Ticket<Lease>,
    delivery: &Delivery,
    hook: Option<&Hook>,
    mut attempt: Attempt,
    verdict: Verdict,
) -> Settlement {
    let job = &ticket.job.job;
    let made = Made { status: attempt.outcome.status(), attempts: job.next_attempt() };
    // A URL that was refused as it stands was no attempt: nothing was asked of anyone.
    let was_made = !matches!(attempt.outcome, Outcome::Blocked { .. });
    let destination = match verdict {
        Verdict::Done => Destination::Done,
        Verdict::RetryAfter(wait) => {
            Destination::Retry { wait, state: ticket.job.state_after_attempt(), made }
        }
        Verdict::Dead(reason) if !was_made => Destination::Dead {
            reason,
            made: Made { status: 0, attempts: job.state.attempts },
            error: mem::take(&mut attempt.error),
        },
        Verdict::Dead(reason) => {
            Destination::Dead { reason, made, error: death_sentence(reason, &attempt, made) }
        }
    };
    // A job that is done is nobody's news.
    let hook_name = if matches!(destination, Destination::Done) { None } else { hook_name(job) };
    let record = (was_made && engine.queue.records_attempts())
        .then(|| record(&mut ticket.job.job, delivery, hook, &mut attempt));
    let (entry, job) = (ticket.id.entry, &mut ticket.job.job);
    let job_id = mem::take(&mut job.id);
    Settlement { entry, job_id, hook: hook_name, destination, attempt: record, bytes: job.size }
}

fn death_sentence(reason: DeadReason, attempt: &Attempt, made: Made) -> String {
    match reason {
        DeadReason::Exhausted => {
            format!("all {} attempts failed; the last: {}", made.attempts, attempt.error)
        }
        DeadReason::Expired => {
            format!("the next attempt would come after expiresAt; the last: {}", attempt.error)
        }
        _ => attempt.error.clone(),
    }
}

/// Takes its texts from the job and the attempt, which have come to their end.
fn record(job: &mut Job, delivery: &Delivery, hook: Option<&Hook>, attempt: &mut Attempt) -> AttemptRecord {
    let response = attempt.response.as_ref().map(|body| redact::kept(body, delivery, hook));
    AttemptRecord {
        event_id: mem::take(&mut job.event_id),
        hook_id: job.hook_id.take().unwrap_or_default(),
        user_id: job.user_id.take().unwrap_or_default(),
        destination: delivery.endpoint.origin().into(),
        attempt: job.next_attempt(),
        status: attempt.outcome.status(),
        millis: attempt.elapsed.as_millis() as u64,
        error: mem::take(&mut attempt.error),
        response: response.unwrap_or_default(),
    }
}
