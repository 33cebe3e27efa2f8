//! One job, from its start to its settlement.

mod guarded;
mod owner;
pub(crate) mod patience;
mod proxy;
mod result;

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use postrider_core::delivery::{Delivery, Refusal};
use postrider_core::entry_id::EntryId;
use postrider_core::hook::Hook;
use postrider_core::job::Job;
use postrider_core::retry::Roll;
use postrider_core::time::Timestamp;
use postrider_core::verdict::{DeadReason, Limits, Verdict};
use postrider_sender::{Attempt, Request, Unmade};
use postrider_store::settlement::{Destination, HookName, Made, Settlement, Until};

use self::guarded::guarded;
use self::owner::{note_limits, registered_for, tell_owner};
use self::patience::{Patience, unless_abandoned};
use self::proxy::{note_attempt, put_off};
use self::result::settle_attempt;
use crate::config::{Trade, WhenInactive};
use crate::destination::Answer;
use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease, settlement};
use crate::event::AttemptFinished;
use crate::fan_out::fan_out;
use crate::health::Part;
use crate::hook_cache::Record;
use crate::traces::{self, Traced};

/// How a job that was to start ends without an attempt.
pub(crate) enum Stop {
    /// It goes there instead.
    To(Destination),
    /// There is nothing to settle: it has passed to another worker, or its last step settled it.
    Ended,
}

/// Runs one job to its settlement. A panic on the way buries the job and harms no other.
pub(crate) async fn run(engine: Arc<Engine>, mut ticket: Ticket<Lease>) {
    let ended = guarded(async {
        match &engine.config.trade {
            Trade::Deliver => deliver(&engine, &mut ticket).await,
            Trade::FanOut { deliveries } => Box::pin(fan_out(&engine, &mut ticket, deliveries)).await,
        }
    })
    .await;
    let (entry, job) = (ticket.id.entry, &ticket.job.job);
    let end = |destination| engine.finished(settlement(entry, job, destination), Answer::None);
    match ended {
        Some(Ok((settlement, answer))) => engine.finished(settlement, answer),
        Some(Err(Stop::To(destination))) => {
            traces::tell_of_burial(&engine, &ticket.job, entry, &destination);
            end(destination);
        }
        Some(Err(Stop::Ended)) => engine.ended(entry),
        None => {
            engine.metrics.panicked_sending(&job.id);
            end(burial(job, DeadReason::Poison, "the worker panicked while sending this job"));
        }
    }
}

async fn deliver(engine: &Arc<Engine>, ticket: &mut Ticket<Lease>) -> Result<(Settlement, Answer), Stop> {
    count_start(engine, ticket).await?;
    let lease = &ticket.job;
    let job = &lease.job;
    check_times(engine, lease)?;
    let record = registered_hook(engine, lease).await?;
    note_limits(engine, ticket, usable(record.as_ref()));
    let delivery = assemble(engine, lease, record.as_ref())?;
    let mut request = render(engine, lease, &delivery)?;
    let traced = Traced::begin(engine, lease, ticket.id.entry);
    traced.iter().for_each(|traced| traced.introduce(&mut request));
    let attempt = send(engine, lease, request).await?;
    if let Some(registered) = registered_for(engine, job, record.as_ref(), &delivery) {
        tell_owner(engine, job, &registered, &attempt).await;
    }
    let verdict = decide(engine, job, &delivery, &attempt);
    let span = traced.map(|traced| traced.attempted(engine, job, &delivery.endpoint, &attempt, verdict));
    ticket.job.job.state.span = span;
    let answer = Answer::of(&attempt.outcome);
    let settlement = settle_attempt(engine, ticket, &delivery, usable(record.as_ref()), attempt, verdict);
    Ok((settlement, answer))
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
            engine.queue.count_crash(&mut link, ticket.id.entry, deliveries).await
        };
        match unless_abandoned(engine, &ticket.job, Box::pin(count)).await? {
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
        return Err(Stop::To(expired(job)));
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
    let hooks = &engine.hooks;
    // A job with a URL of its own can do without its hook.
    let can_do_without = lease.job.to.is_some();
    let mut patience = Patience::new();
    loop {
        let look = async {
            if can_do_without {
                hooks.get(user_id, hook_id).await
            } else {
                hooks.get_or_look_again(user_id, hook_id).await
            }
        };
        match unless_abandoned(engine, lease, look).await? {
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

fn assemble(engine: &Engine, lease: &Lease, record: Option<&Record>) -> Result<Delivery, Stop> {
    let job = &lease.job;
    let hook = usable(record);
    let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
    let assembled = Delivery::assemble(job, hook, &engine.config.defaults, &mut endpoints, wall_clock());
    assembled.map_err(|refusal| match refusal {
        Refusal::Invalid(fault) => dead(job, DeadReason::Invalid, fault.sentence()),
        Refusal::UnknownHook => dead(job, DeadReason::UnknownHook, &unknown_hook(record)),
        Refusal::Inactive => Stop::To(set_aside(engine, lease)),
    })
}

/// The registered hook, where there is a record that can be used.
fn usable(record: Option<&Record>) -> Option<&Hook> {
    record.and_then(|record| record.hook.as_deref().ok())
}

fn unknown_hook(record: Option<&Record>) -> String {
    let hook = match record.map(|record| &record.hook) {
        Some(Err(fault)) => format!("the record of the registered hook can't be used: {fault}"),
        _ => "the hook isn't registered".to_owned(),
    };
    format!("{hook}; the job has no 'to'")
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
    // The last look before the request: whoever was stopped or cut off must not start what may be another's by now, not
    // even if its heartbeat was quicker to come back than this job.
    if !engine.is_sure_of(lease.leased) {
        return Err(give_back(lease));
    }
    check_times(engine, lease)?;
    let job = &lease.job;
    engine
        .metrics
        .attempt_started(engine.pulse.borrow().redis_time_at_least(Instant::now()).since(due_time(job)));
    match engine.sender.attempt_unless(request, engine.abandon.cancelled()).await {
        Ok(attempt) => {
            note_attempt(engine);
            AttemptFinished { job, attempt: &attempt }.emit(&engine.metrics);
            Ok(attempt)
        }
        // Cut off at the end of the grace: not an attempt, the next worker makes it.
        Err(Unmade::CutOff) => Err(give_back(lease)),
        Err(Unmade::Proxy(fault)) => Err(put_off(engine, lease, &fault)),
    }
}

/// Since when the job could have been sent.
fn due_time(job: &Job) -> Timestamp {
    let added = || job.state.first_entry.map_or(job.created_at, EntryId::time);
    job.state.due.or(job.not_before).unwrap_or_else(added)
}

fn decide(engine: &Engine, job: &Job, delivery: &Delivery, attempt: &Attempt) -> Verdict {
    let now = engine.pulse.borrow().redis_time_at_most(Instant::now());
    let limits = Limits {
        max_attempts: delivery.max_attempts,
        time_left: job.expires_at.map(|expiry| expiry.since(now)),
    };
    engine.config.retry.decide(job.next_attempt(), &attempt.outcome, limits, Roll::new(fastrand::f64()))
}

fn dead(job: &Job, reason: DeadReason, error: &str) -> Stop {
    Stop::To(burial(job, reason, error))
}

/// Where a job goes whose time is over.
pub(crate) fn expired(job: &Job) -> Destination {
    burial(job, DeadReason::Expired, "expiresAt has passed")
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
mod tests;
