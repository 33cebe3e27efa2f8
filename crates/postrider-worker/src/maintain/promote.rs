//! Moves waiting jobs to the stream when they are due, to the millisecond.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::time::Timestamp;
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::health::Part;
use crate::pace::Backoff;

/// Longest sleep: what a heartbeat that was missed would have told is found out by then.
const MAX_SLEEP: Duration = Duration::from_secs(5);

/// The pause between two promotions while the stream is crowded.
const CROWDED_PAUSE: Duration = Duration::from_millis(10);

/// When the next waiting job is due, as far as this worker has heard.
#[derive(Debug)]
pub(crate) struct DueTime(watch::Sender<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    due: Option<Instant>,
    /// The earliest that was heard since the last promotion began: its answer may be older.
    heard: Option<Instant>,
}

impl Default for DueTime {
    fn default() -> Self {
        Self(watch::Sender::new(Known::default()))
    }
}

impl DueTime {
    /// Hears of a due time, at `now` on the same clock; only an earlier one than known counts.
    pub(crate) fn hear(&self, due: Option<Timestamp>, now: Timestamp) {
        let Some(due) = due else { return };
        let moment = Instant::now() + due.since(now);
        let earlier = |known: Option<Instant>| known.is_none_or(|known| moment < known);
        self.0.send_if_modified(|known| {
            let is_news = earlier(known.due);
            if is_news {
                known.due = Some(moment);
            }
            if earlier(known.heard) {
                known.heard = Some(moment);
            }
            is_news
        });
    }

    /// Something is due now.
    pub(crate) fn at_once(&self) {
        self.0.send_modify(|known| known.due = Some(Instant::now()));
    }

    /// A promotion begins.
    fn begin(&self) {
        self.0.send_modify(|known| known.heard = None);
    }

    /// A promotion has found this to be next, and knows better than all that was heard before it began.
    fn found(&self, due: Option<Timestamp>, now: Timestamp) {
        let found = due.map(|due| Instant::now() + due.since(now));
        self.0.send_modify(|known| known.due = found.into_iter().chain(known.heard).min());
    }

    /// Waits until the next job is due.
    async fn arrive(&self) {
        let mut news = self.0.subscribe();
        loop {
            let due = news.borrow_and_update().due;
            let sleep = due.map_or(MAX_SLEEP, |due| due.saturating_duration_since(Instant::now()));
            tokio::select! {
                () = tokio::time::sleep(sleep.min(MAX_SLEEP)) => return,
                _ = news.changed() => {}
            }
        }
    }
}

/// Promotes until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let mut backoff = Backoff::default();
    let finish = engine.finish.clone();
    while finish.run_until_cancelled(engine.due.arrive()).await.is_some() {
        let is_crowded = loop {
            match promote(&engine, &mut link).await {
                Ok(is_crowded) => break is_crowded,
                Err(error) => engine.failed(Part::Promote, &error),
            }
            if finish.run_until_cancelled(backoff.pause()).await.is_none() {
                return;
            }
        };
        backoff.reset();
        engine.works(Part::Promote);
        if is_crowded && finish.run_until_cancelled(tokio::time::sleep(CROWDED_PAUSE)).await.is_none() {
            return;
        }
    }
}

/// Moves what is due, as far as there is room; tells whether the stream is crowded.
async fn promote(engine: &Engine, link: &mut Link) -> Result<bool, StoreError> {
    engine.recall(link).await?;
    engine.due.begin();
    let reply = engine.queue.promote(link).await?;
    engine.due.found(reply.next_due, reply.now);
    if reply.unreadable > 0 {
        tracing::error!(jobs = reply.unreadable, "waiting jobs could not be read: they are dead letters now");
    }
    if reply.left_to_newer > 0 {
        let jobs = reply.left_to_newer;
        engine.metrics.lines.newer.tell(Instant::now(), |more| {
            tracing::warn!(jobs, more, "waiting jobs were left to workers of a newer version");
        });
    }
    if reply.orphans > 0 {
        tracing::warn!(ids = reply.orphans, "ids without a job were in the retry set: removed");
    }
    Ok(reply.is_crowded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_due_time_wakes_the_sleeper() {
        let due = DueTime::default();
        due.found(Some(millis(4_000)), millis(0));
        due.hear(Some(millis(9_000)), millis(0));
        let known = due.0.borrow().due;
        due.hear(Some(millis(20)), millis(0));
        assert!(due.0.borrow().due < known);
        tokio::time::timeout(Duration::from_millis(200), due.arrive()).await.expect("it is due by then");
    }

    #[test]
    fn what_is_heard_during_a_promotion_outlives_its_answer() {
        let due = DueTime::default();
        due.hear(Some(millis(5)), millis(0));
        due.begin();
        due.hear(Some(millis(100)), millis(0));
        due.found(None, millis(0));
        assert!(due.0.borrow().due.is_some(), "a job that was scheduled meanwhile is not forgotten");
        due.begin();
        due.found(None, millis(0));
        assert!(due.0.borrow().due.is_none());
    }
}
