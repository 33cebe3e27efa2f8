//! From a verdict to the settlement: where the job goes, and what is recorded of its attempt.

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
    ticket: &Ticket<Lease>,
    delivery: &Delivery,
    hook: Option<&Hook>,
    attempt: Attempt,
    verdict: Verdict,
) -> Settlement {
    let job = &ticket.job.job;
    let made = Made { status: attempt.outcome.status(), attempts: job.next_attempt() };
    // A URL that was refused as it stands was no attempt: nothing was asked of anyone.
    let was_made = !matches!(attempt.outcome, Outcome::Blocked { .. });
    let record =
        (was_made && engine.queue.records_attempts()).then(|| record(job, delivery, hook, &attempt, verdict));
    let destination = match verdict {
        Verdict::Done => Destination::Done,
        Verdict::RetryAfter(wait) => {
            Destination::Retry { wait, state: ticket.job.state_after_attempt(), made }
        }
        Verdict::Dead(reason) if !was_made => Destination::Dead {
            reason,
            made: Made { status: 0, attempts: job.state.attempts },
            error: attempt.error,
        },
        Verdict::Dead(reason) => {
            Destination::Dead { reason, made, error: death_sentence(reason, &attempt, made) }
        }
    };
    // A job that is done is nobody's news.
    let hook = if matches!(destination, Destination::Done) { None } else { hook_name(job) };
    Settlement {
        entry: ticket.id.entry,
        job_id: job.id.clone(),
        hook,
        destination,
        attempt: record,
        bytes: job.size,
    }
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

fn record(
    job: &Job,
    delivery: &Delivery,
    hook: Option<&Hook>,
    attempt: &Attempt,
    verdict: Verdict,
) -> AttemptRecord {
    let outcome = match verdict {
        Verdict::Done => "delivered",
        Verdict::RetryAfter(_) => "retried",
        Verdict::Dead(_) => "dead",
    };
    AttemptRecord {
        event_id: job.event_id.clone(),
        hook_id: job.hook_id.clone().unwrap_or_default(),
        user_id: job.user_id.clone().unwrap_or_default(),
        destination: delivery.endpoint.origin().into(),
        attempt: job.next_attempt(),
        outcome,
        status: attempt.outcome.status(),
        millis: attempt.elapsed.as_millis() as u64,
        error: attempt.error.clone(),
        response: attempt
            .response
            .as_ref()
            .map(|body| redact::kept(body, delivery, hook))
            .unwrap_or_default(),
    }
}
