//! What a hook says of its limits, and what an attempt means for the owner of the hook.

use std::sync::PoisonError;
use std::time::Instant;

use postrider_core::delivery::Delivery;
use postrider_core::hook::Hook;
use postrider_core::job::Job;
use postrider_core::outcome::Outcome;
use postrider_sender::Attempt;
use postrider_store::notices::NoticeKind;
use postrider_store::settlement::HookName;

use crate::destination::Limits;
use crate::dispatcher::Ticket;
use crate::engine::{Engine, Lease};
use crate::health::Part;
use crate::hook_cache::Record;
use crate::owners::about_hook;
use crate::pace::Backoff;

/// The limits of a hook are its destination's from now on; others may have waited to hear of them.
pub(super) fn note_limits(engine: &Engine, ticket: &Ticket<Lease>, hook: Option<&Hook>) {
    if ticket.job.job.hook_key().is_some() {
        let own = hook.and_then(Limits::of_hook);
        let moves = engine.dispatcher().learn_limits(&ticket.destination, own, Instant::now());
        engine.carry_out(moves);
    }
}

/// The registered hook whose own URL was asked; a job's own `to` may be another, and says nothing about the hook.
pub(super) fn registered_for(
    engine: &Engine,
    job: &Job,
    record: Option<&Record>,
    delivery: &Delivery,
) -> Option<Record> {
    job.hook_key()?;
    let record = record?;
    let url = record.hook.as_ref().ok()?.url.as_bytes();
    let mut endpoints = engine.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
    (endpoints.get(url).ok()? == delivery.endpoint).then(|| record.clone())
}

/// Notes the attempt for the hook's owner; a receiver that is gone switches the hook off.
pub(super) async fn tell_owner(engine: &Engine, job: &Job, record: &Record, attempt: &Attempt) {
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
        let switching = Box::pin(engine.hooks.switch_off(user_id, hook_id, record, "gone"));
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
