//! Moves waiting jobs to the stream when they are due, to the millisecond.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::time::Timestamp;
use postrider_store::link::Link;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::health::Part;
use crate::pace::Backoff;

/// Longest sleep: what a heartbeat that was missed would have told is found out by then.
const MAX_SLEEP: Duration = Duration::from_secs(5);

/// When the next waiting job is due, as far as this worker has heard.
#[derive(Debug)]
pub(crate) struct DueTime(watch::Sender<Option<Instant>>);

impl Default for DueTime {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl DueTime {
    /// Hears of a due time, at `now` on the same clock; only an earlier one than known counts.
    pub(crate) fn hear(&self, due: Option<Timestamp>, now: Timestamp) {
        let Some(due) = due else { return };
        let moment = Instant::now() + due.since(now);
        self.0.send_if_modified(|known| {
            let is_news = known.is_none_or(|known| moment < known);
            if is_news {
                *known = Some(moment);
            }
            is_news
        });
    }

    /// Replaces what was known by what a promotion found.
    fn set(&self, due: Option<Timestamp>, now: Timestamp) {
        self.0.send_replace(due.map(|due| Instant::now() + due.since(now)));
    }

    /// Waits until the next job is due.
    async fn arrive(&self) {
        let mut news = self.0.subscribe();
        loop {
            let sleep = news
                .borrow_and_update()
                .map_or(MAX_SLEEP, |due| due.saturating_duration_since(Instant::now()));
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
        match engine.queue.promote(&mut link).await {
            Ok(reply) => {
                backoff.reset();
                engine.works(Part::Promote);
                engine.due.set(reply.next_due, reply.now);
                if reply.orphans > 0 {
                    tracing::warn!(ids = reply.orphans, "ids without a job were in the retry set: removed");
                }
            }
            Err(error) => {
                engine.failed(Part::Promote, &error);
                backoff.pause().await;
            }
        }
    }
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
        due.set(Some(millis(4_000)), millis(0));
        due.hear(Some(millis(9_000)), millis(0));
        let known = *due.0.borrow();
        due.hear(Some(millis(20)), millis(0));
        assert!(*due.0.borrow() < known);
        tokio::time::timeout(Duration::from_millis(200), due.arrive()).await.expect("it is due by then");
    }
}
