//! Counts the jobs in each state for the gauges, and keeps the lines honest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_store::link::Link;

use crate::engine::Engine;
use crate::health::Part;

/// How often lines are checked.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// How often jobs are counted, and the loop is seen to turn.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Sweeps the lines until the engine has finished: what waits too long leaves, what isn't surely ours any more goes back.
pub(crate) async fn sweep(engine: Arc<Engine>) {
    let finish = engine.finish.clone();
    while finish.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        let paused = engine.pulse.borrow().paused;
        if paused || !engine.may_start() {
            engine.give_back_unstarted();
        }
        let moves = engine.dispatcher().sweep(Instant::now());
        engine.carry_out(moves);
    }
}

/// Samples until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let finish = engine.finish.clone();
    while finish.run_until_cancelled(tokio::time::sleep(SAMPLE_EVERY)).await.is_some() {
        engine.health.tick();
        let pulse = engine.pulse.borrow().clone();
        engine.due.hear(pulse.next_due, pulse.redis_time_at_least(Instant::now()));
        if pulse.is_fenced(Instant::now(), engine.config.fence_after()) {
            continue;
        }
        match engine.queue.sample(&mut link).await {
            Ok(sample) => {
                engine.metrics.sampled(sample);
                engine.works(Part::Watch);
            }
            Err(error) => engine.failed(Part::Watch, &error),
        }
    }
}
