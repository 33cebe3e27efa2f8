//! Outcomes to Redis. They gather while the last call is on its way: at rest a single job is settled at once, under load
//! batches form by themselves.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::verdict::DeadReason;
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::notices::{Notice, NoticeKind};
use postrider_store::queue::SettleReply;
use postrider_store::settlement::{Destination, HookName, Settled, Settlement};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::health::Part;
use crate::outbox::Parcel;
use crate::pace::Backoff;

/// Most jobs in one call: a call this long takes Redis about a millisecond.
const MAX_BATCH: usize = 128;

/// Most bytes that one call copies inside Redis, but for its last job.
const MAX_BATCH_BYTES: usize = 2 << 20;

/// A job whose new home can't be written is tried again after so long; its neighbours go on meanwhile.
const STUCK_PAUSE: Duration = Duration::from_secs(1);

/// Settles until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, link: Link) {
    Settler { engine, link, stuck: Vec::new(), try_again_at: Instant::now() }.run().await;
}

struct Settler {
    engine: Arc<Engine>,
    link: Link,
    /// Jobs whose new home can't be written; as many as are held at most.
    stuck: Vec<Parcel>,
    try_again_at: Instant,
}

impl Settler {
    async fn run(mut self) {
        let engine = self.engine.clone();
        let finish = engine.finish.clone();
        while let Some(batch) = finish.run_until_cancelled(self.next_batch()).await {
            let (wide, narrow): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|parcel| parcel.wide.is_some());
            if !narrow.is_empty() {
                self.settle(narrow.into_iter().map(|parcel| parcel.settlement).collect()).await;
            }
            for parcel in wide {
                self.bury_wide(parcel).await;
            }
            if self.stuck.is_empty() {
                engine.works(Part::Stuck);
            }
        }
    }

    /// What is next: fresh results, or those that were stuck, when it is time to try them again.
    async fn next_batch(&mut self) -> Vec<Parcel> {
        if self.stuck.is_empty() {
            return self.engine.outbox.take(MAX_BATCH, MAX_BATCH_BYTES).await;
        }
        tokio::select! {
            batch = self.engine.outbox.take(MAX_BATCH, MAX_BATCH_BYTES) => batch,
            () = tokio::time::sleep_until(self.try_again_at) => {
                let most = self.stuck.len().min(MAX_BATCH);
                self.stuck.drain(..most).collect()
            }
        }
    }

    async fn settle(&mut self, batch: Vec<Settlement>) {
        let Some((reply, was_repeated)) = self.until_settled(&batch).await else { return };
        let engine = self.engine.clone();
        engine.works(Part::Settle);
        engine.due.hear(reply.next_due, engine.pulse.borrow().redis_time_at_least(Instant::now().into_std()));
        let mut results = reply.results.into_iter();
        for settlement in batch {
            match results.next() {
                Some(Settled::Failed(cause)) => self.set_aside(Parcel { settlement, wide: None }, &cause),
                // The reply of an earlier try was lost, and that try has done it.
                Some(Settled::Gone) if was_repeated => self.settled(&settlement, &Settled::Applied),
                Some(result) => self.settled(&settlement, &result),
                None => self.set_aside(Parcel { settlement, wide: None }, "ERR the reply ends before it"),
            }
        }
    }

    /// Repeats the call until Redis answers: the receivers have been asked, and must not be asked again for want of a
    /// record. Tells whether it had to.
    async fn until_settled(&mut self, batch: &[Settlement]) -> Option<(SettleReply, bool)> {
        let (mut backoff, mut is_repeat) = (Backoff::default(), false);
        let engine = self.engine.clone();
        loop {
            let most = engine.config.bounds.max_held();
            match engine.queue.settle(&mut self.link, batch, most, is_repeat).await {
                Ok(reply) => return Some((reply, is_repeat)),
                Err(error) => engine.failed(Part::Settle, &error),
            }
            is_repeat = true;
            engine.finish.run_until_cancelled(backoff.pause()).await?;
        }
    }

    async fn bury_wide(&mut self, parcel: Parcel) {
        let fields = parcel.wide.as_deref().unwrap_or_default();
        match self.engine.queue.bury_whole(&mut self.link, &parcel.settlement, fields).await {
            Ok(Settled::Failed(cause)) => self.set_aside(parcel, &cause),
            Ok(result) => self.settled(&parcel.settlement, &result),
            Err(error) => {
                self.engine.failed(Part::Stuck, &error);
                self.keep(parcel);
            }
        }
    }

    fn settled(&self, settlement: &Settlement, result: &Settled) {
        self.engine.metrics.settled(settlement, result);
        if let Some(reason) = death(settlement, result) {
            self.engine.owners.notice(about_death(settlement, reason));
        }
        self.engine.dispatcher().settled(self.engine.lease_id(settlement.entry));
    }

    fn set_aside(&mut self, parcel: Parcel, cause: &str) {
        let error = StoreError::of_text(format!("settle job {}", parcel.settlement.job_id), cause);
        self.engine.failed(Part::Stuck, &error);
        self.keep(parcel);
    }

    fn keep(&mut self, parcel: Parcel) {
        self.stuck.push(parcel);
        self.try_again_at = Instant::now() + STUCK_PAUSE;
    }
}

/// Why a job is dead now, if it is.
fn death(settlement: &Settlement, result: &Settled) -> Option<DeadReason> {
    match (result, &settlement.destination) {
        (Settled::Applied, Destination::Dead { reason, .. }) => Some(*reason),
        (Settled::Duplicate, _) => Some(DeadReason::Duplicate),
        _ => None,
    }
}

fn about_death(settlement: &Settlement, reason: DeadReason) -> Notice {
    let (user_id, hook_id) = settlement.hook.as_ref().map_or(("", ""), HookName::parts);
    Notice {
        kind: NoticeKind::JobDead,
        user_id: user_id.into(),
        hook_id: hook_id.into(),
        job: settlement.job_id.clone(),
        reason: reason.as_str().into(),
    }
}
