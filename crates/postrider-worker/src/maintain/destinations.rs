//! Shows operators what the destinations of this worker are doing, and does as they say: forgets what one has shown, or leaves
//! it alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::time::Timestamp;
use postrider_store::destinations::paused::paused;
use postrider_store::destinations::{ALL, resets, tell};
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use serde_json::Value;

use crate::config::Trade;
use crate::destination::DestinationView;
use crate::engine::Engine;

/// How often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Most destinations that are told of, those that are held back first: some 40 KB.
const MAX_TOLD: usize = 200;

/// Tells and hears until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    if matches!(engine.config.trade, Trade::FanOut { .. }) {
        return;
    }
    let finish = engine.finish.clone();
    let mut heard = engine.pulse.borrow().redis_time_at_least(Instant::now());
    while finish.run_until_cancelled(tokio::time::sleep(TELL_EVERY)).await.is_some() {
        if !engine.may_start() {
            continue;
        }
        if let Err(error) = hear_and_tell(&engine, &mut link, &mut heard).await {
            // Jobs go on without it, so the worker is ready all the same: while Redis is full, say.
            engine.failed_beside_the_jobs(&error);
        }
    }
}

/// Learns which destinations are paused: as a worker starts, before it reads any job, and each second from then on.
pub(crate) async fn heed_pauses(engine: &Engine, link: &mut Link) -> Result<(), StoreError> {
    let names = paused(link, engine.queue.keys()).await?.into_iter().map(String::into_boxed_str).collect();
    let leave = engine.dispatcher().pause(engine.place, names);
    engine.carry_out(leave);
    Ok(())
}

async fn hear_and_tell(engine: &Engine, link: &mut Link, heard: &mut Timestamp) -> Result<(), StoreError> {
    heed_pauses(engine, link).await?;
    let keys = engine.queue.keys();
    // Taken before they are read: to hear of one twice is better than never.
    let now = engine.pulse.borrow().redis_time_at_least(Instant::now());
    for (name, asked) in resets(link, keys).await? {
        if asked > *heard {
            let reset = engine.dispatcher().reset((name != ALL).then_some(&*name));
            tracing::info!(queue = %engine.queue.name(), destination = name, reset, "destinations were reset");
        }
    }
    *heard = now;
    let views = engine.dispatcher().survey(engine.place, MAX_TOLD, Instant::now());
    let told: Value = views.iter().map(DestinationView::to_json).collect();
    tell(link, keys, engine.queue.consumer(), &told.to_string()).await
}
