//! Outcomes to Redis. They gather while the last call is on its way: at rest a single job is settled at once, under load
//! batches form by themselves.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::link::Link;
use postrider_store::queue::SettleReply;
use postrider_store::settlement::{Settled, Settlement};

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
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let finish = engine.finish.clone();
    while let Some(batch) = finish.run_until_cancelled(engine.outbox.take(MAX_BATCH, MAX_BATCH_BYTES)).await {
        let (wide, narrow): (Vec<_>, Vec<_>) = batch.into_iter().partition(|parcel| parcel.wide.is_some());
        if !narrow.is_empty() {
            let narrow: Vec<_> = narrow.into_iter().map(|parcel| parcel.settlement).collect();
            settle(&engine, &mut link, narrow).await;
        }
        for parcel in wide {
            bury_wide(&engine, &mut link, parcel).await;
        }
    }
}

async fn settle(engine: &Arc<Engine>, link: &mut Link, batch: Vec<Settlement>) {
    let Some(reply) = until_settled(engine, link, &batch).await else { return };
    engine.due.hear(reply.next_due, engine.pulse.borrow().redis_time_at_least(std::time::Instant::now()));
    let mut results = reply.results.into_iter();
    let mut stuck = Vec::new();
    for settlement in batch {
        match results.next() {
            Some(Settled::Failed(cause)) => {
                engine.health.failed(Part::Settle, format!("failed to settle a job: {cause}"));
                stuck.push(Parcel { settlement, wide: None });
            }
            Some(result) => {
                engine.metrics.settled(&settlement, &result);
                engine.dispatcher().settled(settlement.entry);
            }
            None => stuck.push(Parcel { settlement, wide: None }),
        }
    }
    if stuck.is_empty() {
        engine.works(Part::Settle);
    } else {
        try_again_later(engine, stuck);
    }
}

/// Repeats the call until Redis answers: the receivers have been asked, and must not be asked again for want of a record.
async fn until_settled(engine: &Engine, link: &mut Link, batch: &[Settlement]) -> Option<SettleReply> {
    let mut backoff = Backoff::default();
    loop {
        match engine.queue.settle(link, batch, engine.config.bounds.max_held()).await {
            Ok(reply) => return Some(reply),
            Err(error) => engine.failed(Part::Settle, &error),
        }
        engine.finish.run_until_cancelled(backoff.pause()).await?;
    }
}

async fn bury_wide(engine: &Arc<Engine>, link: &mut Link, parcel: Parcel) {
    let fields = parcel.wide.as_deref().unwrap_or_default();
    match engine.queue.bury_whole(link, &parcel.settlement, fields).await {
        Ok(()) => {
            engine.metrics.settled(&parcel.settlement, &Settled::Applied);
            engine.dispatcher().settled(parcel.settlement.entry);
        }
        Err(error) => {
            engine.failed(Part::Settle, &error);
            try_again_later(engine, vec![parcel]);
        }
    }
}

fn try_again_later(engine: &Arc<Engine>, parcels: Vec<Parcel>) {
    let engine = engine.clone();
    tokio::spawn(async move {
        tokio::time::sleep(STUCK_PAUSE).await;
        for parcel in parcels {
            engine.outbox.push_parcel(parcel);
        }
    });
}
