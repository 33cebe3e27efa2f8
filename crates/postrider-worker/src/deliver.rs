//! One job, from its start to its settlement.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use postrider_core::delivery::{Delivery, Refusal};
use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;
use postrider_core::outcome::Outcome;
use postrider_core::retry::Roll;
use postrider_core::time::Timestamp;
use postrider_core::verdict::{DeadReason, Limits, Verdict};
use postrider_sender::{Attempt, Request};
use postrider_store::settlement::{AttemptRecord, Destination, Made, Settlement, Until};

use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease, settlement};
use crate::health::Part;
use crate::hook_cache::Record;
use crate::pace::Backoff;
use crate::redact::blanked;

/// Why a job that was to start is not sent.
enum Stop {
    /// It goes there instead.
    To(Destination),
    /// It has passed to another worker.
    NotOurs,
}

/// Runs one job to its settlement. A panic on the way buries the job and harms no other.
pub(crate) async fn run(engine: Arc<Engine>, ticket: Ticket<Lease>) {
    let job = &ticket.job.job;
    match guarded(deliver(&engine, &ticket)).await {
        Some(Ok(settlement)) => engine.finished(settlement),
        Some(Err(Stop::To(destination))) => engine.finished(settlement(ticket.entry, job, destination)),
        Some(Err(Stop::NotOurs)) => engine.lost_lease(ticket.entry),
        None => {
            tracing::error!(job = %job.id, "a panic while sending: the job is buried as poison");
            let destination = burial(job, DeadReason::Poison, "the worker panicked while sending this job");
            engine.finished(settlement(ticket.entry, job, destination));
        }
    }
}

/// What the future gives, or nothing where it panicked.
async fn guarded<T>(future: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(future).catch_unwind().await.ok()
}

async fn deliver(engine: &Engine, ticket: &Ticket<Lease>) -> Result<Settlement, Stop> {
    let lease = &ticket.job;
    let job = &lease.job;
    count_start(engine, ticket).await?;
    check_times(engine, lease)?;
    let record = registered_hook(engine, lease).await?;
    let delivery = assemble(engine, lease, record.as_ref())?;
    let request = render(engine, lease, &delivery)?;
    let attempt = send(engine, lease, request).await?;
    if attempt.outcome == Outcome::Gone {
        switch_off(engine, job, record.as_ref(), &delivery).await;
    }
    let verdict = decide(engine, job, &delivery, &attempt);
    Ok(settle_attempt(engine, ticket, &delivery, attempt, verdict))
}

/// A job from a lost worker is counted as lost before it is started, so that one which kills its workers can't do so for
/// ever.
async fn count_start(engine: &Engine, ticket: &Ticket<Lease>) -> Result<(), Stop> {
    if !ticket.job.taken_over {
        return Ok(());
    }
    let deliveries = ticket.job.deliveries.saturating_add(1);
    let mut backoff = Backoff::default();
    loop {
        let mut link = engine.hooks.link().await;
        let counted = engine.queue.count_crash(&mut link, ticket.entry, deliveries).await;
        drop(link);
        match counted {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(Stop::NotOurs),
            Err(error) => engine.failed(Part::Intake, &error),
        }
        pause(engine, &ticket.job, &mut backoff).await?;
    }
}

fn check_times(engine: &Engine, lease: &Lease) -> Result<(), Stop> {
    let job = &lease.job;
    let (at_least, at_most) = {
        let pulse = engine.pulse.borrow();
        let now = Instant::now();
        (pulse.redis_time_at_least(now), pulse.redis_time_at_most(now))
    };
    if job.expires_at.is_some_and(|expiry| expiry <= at_most) {
        return Err(dead(job, DeadReason::Expired, "expiresAt has passed"));
    }
    match job.not_before {
        Some(moment) if moment > at_least => {
            Err(Stop::To(Destination::Deferred { until: Until::At(moment), state: lease.untouched_state() }))
        }
        _ => Ok(()),
    }
}

async fn registered_hook(engine: &Engine, lease: &Lease) -> Result<Option<Record>, Stop> {
    let Some((user_id, hook_id)) = lease.job.hook_key() else { return Ok(None) };
    let mut backoff = Backoff::default();
    loop {
        match engine.hooks.get(user_id, hook_id).await {
            Ok(record) => return Ok(record),
            Err(error) => engine.failed(Part::Intake, &error),
        }
        // No older record may start a request.
        pause(engine, lease, &mut backoff).await?;
    }
}

/// A job that needs Redis before its request waits for it, or for the end of this worker.
async fn pause(engine: &Engine, lease: &Lease, backoff: &mut Backoff) -> Result<(), Stop> {
    engine.abandon.run_until_cancelled(backoff.pause()).await.ok_or_else(|| give_back(lease))
}

fn assemble(engine: &Engine, lease: &Lease, record: Option<&Record>) -> Result<Delivery, Stop> {
    let job = &lease.job;
    let hook = record.and_then(|record| record.hook.as_deref());
    let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
    Delivery::assemble(job, hook, &engine.config.defaults, &mut endpoints).map_err(|refusal| match refusal {
        Refusal::Invalid(fault) => dead(job, DeadReason::Invalid, fault.sentence()),
        Refusal::UnknownHook => {
            dead(job, DeadReason::UnknownHook, "the hook isn't registered, and the job has no 'to'")
        }
        Refusal::Inactive => Stop::To(Destination::Discarded),
    })
}

fn render(engine: &Engine, lease: &Lease, delivery: &Delivery) -> Result<Request, Stop> {
    let now = wall_clock();
    let rendered =
        engine.config.defaults.profiles.render(&lease.job, delivery, lease.job.next_attempt(), now);
    let payload = rendered.map_err(|fault| dead(&lease.job, DeadReason::Invalid, fault.sentence()))?;
    Ok(Request {
        endpoint: delivery.endpoint.clone(),
        headers: payload.headers,
        body: payload.body,
        timeout: delivery.timeout,
    })
}

/// The time that receivers compare with their own; no decision of ours rests on it.
fn wall_clock() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(since_epoch.unwrap_or_default().as_millis() as u64)
}

async fn send(engine: &Engine, lease: &Lease, request: Request) -> Result<Attempt, Stop> {
    // The last look before the request: whoever was stopped or cut off must not start what may be another's by now.
    if !engine.may_start() {
        return Err(give_back(lease));
    }
    let job = &lease.job;
    engine
        .metrics
        .attempt_started(engine.pulse.borrow().redis_time_at_least(Instant::now()).since(due_time(job)));
    match engine.abandon.run_until_cancelled(engine.sender.attempt(request)).await {
        Some(attempt) => {
            engine.metrics.attempt_finished(attempt.elapsed);
            Ok(attempt)
        }
        // Cut off at the end of the grace: not an attempt, the next worker makes it.
        None => Err(give_back(lease)),
    }
}

/// Since when the job could have been sent.
fn due_time(job: &Job) -> Timestamp {
    let added = || job.state.first_entry.map_or(job.created_at, EntryId::time);
    job.state.due.or(job.not_before).unwrap_or_else(added)
}

async fn switch_off(engine: &Engine, job: &Job, record: Option<&Record>, delivery: &Delivery) {
    let (Some((user_id, hook_id)), Some(record)) = (job.hook_key(), record) else { return };
    let registered = record.hook.as_ref().and_then(|hook| {
        let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints.get(hook.url.as_bytes()).ok()
    });
    if registered.as_ref() == Some(&delivery.endpoint) {
        match engine.hooks.switch_off(user_id, hook_id, record).await {
            Ok(done) => {
                tracing::info!(user_id, hook_id, done, "hook switched off: its receiver is gone (410)");
            }
            Err(error) => engine.failed(Part::Settle, &error),
        }
    }
}

fn decide(engine: &Engine, job: &Job, delivery: &Delivery, attempt: &Attempt) -> Verdict {
    let now = engine.pulse.borrow().redis_time_at_most(Instant::now());
    let limits = Limits {
        max_attempts: delivery.max_attempts,
        time_left: job.expires_at.map(|expiry| expiry.since(now)),
    };
    engine.config.retry.decide(job.next_attempt(), &attempt.outcome, limits, Roll::new(fastrand::f64()))
}

fn settle_attempt(
    engine: &Engine,
    ticket: &Ticket<Lease>,
    delivery: &Delivery,
    attempt: Attempt,
    verdict: Verdict,
) -> Settlement {
    let job = &ticket.job.job;
    let made = Made { status: attempt.outcome.status(), attempts: job.next_attempt() };
    // A URL that was refused as it stands was no attempt: nothing was asked of anyone.
    let was_made = !matches!(attempt.outcome, Outcome::Blocked { .. });
    let record =
        (was_made && engine.queue.records_attempts()).then(|| record(job, delivery, &attempt, verdict));
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
    Settlement { entry: ticket.entry, job_id: job.id.clone(), destination, attempt: record, bytes: job.size }
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

fn record(job: &Job, delivery: &Delivery, attempt: &Attempt, verdict: Verdict) -> AttemptRecord {
    let outcome = match verdict {
        Verdict::Done => "delivered",
        Verdict::RetryAfter(_) => "retried",
        Verdict::Dead(_) => "dead",
    };
    let secrets = delivery.secrets.iter().map(|secret| secret.reveal().as_bytes());
    let headers = delivery.headers.iter().map(|header| header.value.as_bytes());
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
            .map(|body| blanked(body, secrets.chain(headers)))
            .unwrap_or_default(),
    }
}

fn dead(job: &Job, reason: DeadReason, error: &str) -> Stop {
    Stop::To(burial(job, reason, error))
}

/// A grave for a job that no request was made for.
fn burial(job: &Job, reason: DeadReason, error: &str) -> Destination {
    let made = Made { status: 0, attempts: job.state.attempts };
    Destination::Dead { reason, made, error: error.to_owned() }
}

fn give_back(lease: &Lease) -> Stop {
    Stop::To(Destination::GivenBack { state: lease.untouched_state() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_in_nothing_and_other_tasks_go_on() {
        let neighbour = tokio::spawn(async { 1 });
        let failing = async {
            tokio::task::yield_now().await;
            if std::hint::black_box(true) {
                panic!("an entry that makes the code panic");
            }
        };
        assert!(guarded(failing).await.is_none());
        assert_eq!((neighbour.await.ok(), guarded(async { 2 }).await), (Some(1), Some(2)));
    }
}
