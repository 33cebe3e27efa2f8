//! One job, from its start to its settlement.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use postrider_core::delivery::{Delivery, Refusal};
use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;
use postrider_core::outcome::Outcome;
use postrider_core::retry::Roll;
use postrider_core::time::Timestamp;
use postrider_core::verdict::{DeadReason, Limits, Verdict};
use postrider_sender::{Attempt, Request};
use postrider_store::notices::NoticeKind;
use postrider_store::settlement::{AttemptRecord, Destination, HookName, Made, Settlement, Until};

use crate::config::{Trade, WhenInactive};
use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease, hook_name, settlement};
use crate::event::AttemptFinished;
use crate::fan_out::fan_out;
use crate::health::Part;
use crate::hook_cache::Record;
use crate::owners::about_hook;
use crate::pace::Backoff;
use crate::redact::blanked;

/// How a job that was to start ends without an attempt.
pub(crate) enum Stop {
    /// It goes there instead.
    To(Destination),
    /// There is nothing to settle: it has passed to another worker, or its last step settled it.
    Ended,
}

/// Runs one job to its settlement. A panic on the way buries the job and harms no other.
pub(crate) async fn run(engine: Arc<Engine>, mut ticket: Ticket<Lease>) {
    let work = async {
        match &engine.config.trade {
            Trade::Deliver => deliver(&engine, &mut ticket).await,
            Trade::FanOut { deliveries } => fan_out(&engine, &mut ticket, deliveries).await,
        }
    };
    let ended = guarded(work).await;
    let job = &ticket.job.job;
    match ended {
        Some(Ok(settlement)) => engine.finished(settlement),
        Some(Err(Stop::To(destination))) => engine.finished(settlement(ticket.entry, job, destination)),
        Some(Err(Stop::Ended)) => engine.ended(ticket.entry),
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

async fn deliver(engine: &Engine, ticket: &mut Ticket<Lease>) -> Result<Settlement, Stop> {
    count_start(engine, ticket).await?;
    let lease = &ticket.job;
    let job = &lease.job;
    check_times(engine, lease)?;
    let record = registered_hook(engine, lease).await?;
    let delivery = assemble(engine, lease, record.as_ref())?;
    let request = render(engine, lease, &delivery)?;
    let attempt = send(engine, lease, request).await?;
    if let Some(registered) = registered_for(engine, job, record.as_ref(), &delivery) {
        tell_owner(engine, job, &registered, &attempt).await;
    }
    let verdict = decide(engine, job, &delivery, &attempt);
    Ok(settle_attempt(engine, ticket, &delivery, attempt, verdict))
}

/// A job from a lost worker is counted as lost before it is started, so that one which kills its workers can't do so for
/// ever.
pub(crate) async fn count_start(engine: &Engine, ticket: &mut Ticket<Lease>) -> Result<(), Stop> {
    if !ticket.job.taken_over {
        return Ok(());
    }
    let deliveries = ticket.job.deliveries.saturating_add(1);
    let mut patience = Patience::new();
    loop {
        let count = async {
            let mut link = engine.hooks.link().await;
            engine.queue.count_crash(&mut link, ticket.entry, deliveries).await
        };
        match unless_abandoned(engine, &ticket.job, count).await? {
            Ok(true) => break,
            Ok(false) => return Err(Stop::Ended),
            Err(error) => engine.failed(Part::Hooks, &error),
        }
        patience.pause(engine, &ticket.job).await?;
    }
    ticket.job.deliveries = deliveries;
    Ok(())
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
            // Where it expires before it may be sent, it ends when it expires.
            let moment = job.expires_at.map_or(moment, |expiry| expiry.min(moment));
            Err(Stop::To(Destination::Deferred { until: Until::At(moment), state: lease.untouched_state() }))
        }
        _ => Ok(()),
    }
}

async fn registered_hook(engine: &Engine, lease: &Lease) -> Result<Option<Record>, Stop> {
    let Some((user_id, hook_id)) = lease.job.hook_key() else { return Ok(None) };
    let mut patience = Patience::new();
    loop {
        match unless_abandoned(engine, lease, engine.hooks.get(user_id, hook_id)).await? {
            Ok(record) => {
                engine.works(Part::Hooks);
                return Ok(record);
            }
            Err(error) => engine.failed(Part::Hooks, &error),
        }
        // No older record may start a request.
        patience.pause(engine, lease).await?;
    }
}

/// What a job asks Redis before its request, unless the worker ends first.
pub(crate) async fn unless_abandoned<T>(
    engine: &Engine,
    lease: &Lease,
    asking: impl Future<Output = T>,
) -> Result<T, Stop> {
    engine.abandon.run_until_cancelled(asking).await.ok_or_else(|| give_back(lease))
}

/// How long a job that needs Redis before its request waits for it with its slot.
pub(crate) struct Patience {
    since: Instant,
    backoff: Backoff,
}

/// Longer than Redis' short absences, shorter than what would leave no slot to others where only this question fails.
const MAX_PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits without one then.
const NEXT_TRY: Duration = Duration::from_secs(10);

impl Patience {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), backoff: Backoff::default() }
    }

    pub(crate) async fn pause(&mut self, engine: &Engine, lease: &Lease) -> Result<(), Stop> {
        if self.since.elapsed() > MAX_PATIENCE {
            let state = lease.untouched_state();
            return Err(Stop::To(Destination::Deferred { until: Until::After(NEXT_TRY), state }));
        }
        unless_abandoned(engine, lease, self.backoff.pause()).await
    }
}

fn assemble(engine: &Engine, lease: &Lease, record: Option<&Record>) -> Result<Delivery, Stop> {
    let job = &lease.job;
    let hook = record.and_then(|record| record.hook.as_deref());
    let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
    let assembled = Delivery::assemble(job, hook, &engine.config.defaults, &mut endpoints, wall_clock());
    assembled.map_err(|refusal| match refusal {
        Refusal::Invalid(fault) => dead(job, DeadReason::Invalid, fault.sentence()),
        Refusal::UnknownHook => {
            dead(job, DeadReason::UnknownHook, "the hook isn't registered, and the job has no 'to'")
        }
        Refusal::Inactive => Stop::To(set_aside(engine, lease)),
    })
}

/// What becomes of a job whose hook is switched off.
fn set_aside(engine: &Engine, lease: &Lease) -> Destination {
    let job = &lease.job;
    match (engine.config.when_inactive, job.hook_key()) {
        (WhenInactive::Hold, Some((user_id, hook_id))) => Destination::Held {
            hook: HookName::new(user_id, hook_id),
            expires_at: job.expires_at,
            age: job.created_at,
            state: lease.untouched_state(),
        },
        _ => Destination::Discarded,
    }
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
    check_times(engine, lease)?;
    let job = &lease.job;
    engine
        .metrics
        .attempt_started(engine.pulse.borrow().redis_time_at_least(Instant::now()).since(due_time(job)));
    match engine.sender.attempt_unless(request, engine.abandon.cancelled()).await {
        Some(attempt) => {
            AttemptFinished { job, outcome: &attempt.outcome, elapsed: attempt.elapsed }
                .emit(&engine.metrics);
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

/// The registered hook whose own URL was asked; a job's own `to` may be another, and says nothing about the hook.
fn registered_for(
    engine: &Engine,
    job: &Job,
    record: Option<&Record>,
    delivery: &Delivery,
) -> Option<Record> {
    job.hook_key()?;
    let record = record?;
    let url = record.hook.as_ref()?.url.as_bytes();
    let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
    (endpoints.get(url).ok()? == delivery.endpoint).then(|| record.clone())
}

/// Notes the attempt for the hook's owner; a receiver that is gone switches the hook off.
async fn tell_owner(engine: &Engine, job: &Job, record: &Record, attempt: &Attempt) {
    let Some((user_id, hook_id)) = job.hook_key() else { return };
    let hook = HookName::new(user_id, hook_id);
    let (status, now) = (attempt.outcome.status(), engine.pulse.borrow().redis_time_at_least(Instant::now()));
    if !matches!(attempt.outcome, Outcome::Blocked { .. }) {
        let succeeded = matches!(attempt.outcome, Outcome::Accepted { .. });
        engine.owners.attempted(hook.clone(), now, status, succeeded);
    }
    if attempt.outcome == Outcome::Gone {
        switch_off(engine, &hook, record).await;
    }
}

async fn switch_off(engine: &Engine, hook: &HookName, record: &Record) {
    let (user_id, hook_id) = hook.parts();
    let mut backoff = Backoff::default();
    loop {
        let switching = engine.hooks.switch_off(user_id, hook_id, record, "gone");
        match engine.abandon.run_until_cancelled(switching).await {
            Some(Ok(done)) => {
                tracing::info!(user_id, hook_id, done, "hook switched off: its receiver is gone (410)");
                if done {
                    engine.owners.notice(about_hook(hook, NoticeKind::HookDisabled, "gone"));
                }
                return;
            }
            Some(Err(error)) => engine.failed(Part::Hooks, &error),
            // The job is buried all the same; its next one meets the same answer.
            None => return,
        }
        backoff.pause().await;
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
    // A job that is done is nobody's news.
    let hook = if matches!(destination, Destination::Done) { None } else { hook_name(job) };
    Settlement {
        entry: ticket.entry,
        job_id: job.id.clone(),
        hook,
        destination,
        attempt: record,
        asked_the_receiver: was_made,
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
