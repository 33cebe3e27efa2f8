//! What owners of hooks are told: how their hooks' latest attempts went, and notices. Told beside the deliveries, never in
//! their way: what can't be written for long is summed up, and in the end forgotten.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postrider_core::hook::latest::Latest;
use postrider_core::time::Timestamp;
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::notices::{self, HookHealth, Notice, NoticeKind, Observed};
use postrider_store::settlement::HookName;

use crate::engine::Engine;
use crate::health::Part;

/// Failed attempts in a row from which a hook is told to be failing. One is chance, and Misskey gives up after four.
const FAILING_FROM: u32 = 3;

/// How often what has gathered is written.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A hook's latest attempt is written at most once in so long.
const LATEST_EVERY: Duration = Duration::from_secs(1);

/// Hooks whose attempts may gather, and notices that may: beyond it, the oldest notices and news of further hooks are lost.
const MAX_HOOKS: usize = 20_000;
const MAX_NOTICES: usize = 10_000;

/// Most notices in one call.
const MAX_BATCH: usize = 200;

/// What has gathered since it was last told.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    hooks: Mutex<HashMap<HookName, Attempts>>,
    notices: Mutex<VecDeque<Notice>>,
}

/// The attempts of one hook since they were last noted.
#[derive(Debug, Default)]
struct Attempts {
    /// The last one: when, and the status of its answer; none where all have been noted.
    last: Option<(Timestamp, u16)>,
    succeeded: bool,
    failures: u32,
    noted: Option<Instant>,
}

impl Owners {
    /// An attempt of a registered hook has ended.
    pub(crate) fn attempted(&self, hook: HookName, at: Timestamp, status: u16, succeeded: bool) {
        let mut hooks = self.hooks();
        if hooks.len() >= MAX_HOOKS && !hooks.contains_key(&hook) {
            hooks.retain(|_, attempts| attempts.last.is_some());
            if hooks.len() >= MAX_HOOKS {
                return;
            }
        }
        let attempts = hooks.entry(hook).or_default();
        attempts.last = Some((at, status));
        attempts.succeeded |= succeeded;
        attempts.failures = if succeeded { 0 } else { attempts.failures + 1 };
    }

    /// Something to tell.
    pub(crate) fn notice(&self, notice: Notice) {
        let mut notices = self.notices();
        if notices.len() >= MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// What is to be noted now of each hook.
    fn due(&self, now: Instant) -> Vec<(HookName, Observed)> {
        let is_due = |noted: Option<Instant>| {
            noted.is_none_or(|noted| now.saturating_duration_since(noted) >= LATEST_EVERY)
        };
        let mut due = Vec::new();
        for (hook, attempts) in self.hooks().iter_mut().filter(|(_, attempts)| is_due(attempts.noted)) {
            let Some((at, status)) = attempts.last.take() else { continue };
            let latest = String::from_utf8_lossy(&Latest { sent_at: at, status }.to_json()).into_owned();
            let observed = Observed { latest, succeeded: attempts.succeeded, failures: attempts.failures };
            *attempts = Attempts { noted: Some(now), ..Attempts::default() };
            due.push((hook.clone(), observed));
        }
        due
    }

    fn next_notices(&self) -> Vec<Notice> {
        let mut notices = self.notices();
        let count = notices.len().min(MAX_BATCH);
        notices.drain(..count).collect()
    }

    fn hooks(&self) -> MutexGuard<'_, HashMap<HookName, Attempts>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notices(&self) -> MutexGuard<'_, VecDeque<Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells owners until the engine has finished, and once more then.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let finish = engine.finish.clone();
    loop {
        let goes_on = finish.run_until_cancelled(tokio::time::sleep(TELL_EVERY)).await.is_some();
        match tell(&engine, &mut link).await {
            Ok(()) => engine.works(Part::Notices),
            Err(error) => engine.failed(Part::Notices, &error),
        }
        if !goes_on {
            return;
        }
    }
}

async fn tell(engine: &Engine, link: &mut Link) -> Result<(), StoreError> {
    for (hook, observed) in engine.owners.due(Instant::now()) {
        let (user_id, hook_id) = hook.parts();
        let health = notices::note_health(link, user_id, hook_id, &observed, FAILING_FROM).await?;
        judge(engine, &hook, health).await?;
    }
    loop {
        let batch = engine.owners.next_notices();
        if batch.is_empty() {
            return Ok(());
        }
        if engine.config.max_notices == 0 {
            continue;
        }
        if let Err(error) = notices::add(link, &batch, engine.config.max_notices).await {
            // Back to the front, in their order.
            let mut waiting = engine.owners.notices();
            batch.into_iter().rev().for_each(|notice| waiting.push_front(notice));
            return Err(error);
        }
    }
}

async fn judge(engine: &Engine, hook: &HookName, health: HookHealth) -> Result<(), StoreError> {
    if let Some(change) = health.change {
        engine.owners.notice(about_hook(hook, change, ""));
    }
    let too_long =
        engine.config.disable_after.is_some_and(|limit| health.failures > 0 && health.failing_for >= limit);
    if too_long {
        let (user_id, hook_id) = hook.parts();
        if engine.hooks.disable(user_id, hook_id, "failing").await? {
            tracing::info!(user_id, hook_id, "hook switched off: nothing but failures for too long");
            engine.owners.notice(about_hook(hook, NoticeKind::HookDisabled, "failing"));
        }
    }
    Ok(())
}

/// A notice about a hook.
pub(crate) fn about_hook(hook: &HookName, kind: NoticeKind, reason: &str) -> Notice {
    let (user_id, hook_id) = hook.parts();
    Notice { kind, user_id: user_id.into(), hook_id: hook_id.into(), job: "".into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook() -> HookName {
        HookName::new("u", "h")
    }

    #[test]
    fn attempts_are_summed_up_and_noted_once_a_second() {
        let owners = Owners::default();
        let now = Instant::now();
        let at = Timestamp::from_millis(1000);
        for (status, succeeded) in [(500, false), (200, true), (0, false), (503, false)] {
            owners.attempted(hook(), at, status, succeeded);
        }
        let (_, observed) = owners.due(now).remove(0);
        assert_eq!(observed.latest, r#"{"latestSentAt":"1970-01-01T00:00:01.000Z","latestStatus":503}"#);
        assert!(observed.succeeded && observed.failures == 2);
        owners.attempted(hook(), at, 200, true);
        assert!(owners.due(now + Duration::from_millis(900)).is_empty());
        let (_, observed) = owners.due(now + LATEST_EVERY).remove(0);
        assert!(observed.succeeded && observed.failures == 0);
        assert!(owners.due(now + LATEST_EVERY * 3).is_empty(), "nothing has happened since");
    }

    #[test]
    fn what_cannot_be_told_is_bounded() {
        let owners = Owners::default();
        for _ in 0..=MAX_NOTICES {
            owners.notice(about_hook(&hook(), NoticeKind::HookFailing, ""));
        }
        assert_eq!(owners.notices().len(), MAX_NOTICES);
    }
}
