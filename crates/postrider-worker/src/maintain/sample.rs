//! Counts the jobs in each state for the gauges, sums up log lines, and passes on what the heart has heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_store::link::Link;

use crate::engine::Engine;
use crate::health::Part;

/// How often jobs are counted.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Samples until the engine has finished.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link) {
    let finish = engine.finish.clone();
    while finish.run_until_cancelled(tokio::time::sleep(SAMPLE_EVERY)).await.is_some() {
        engine.metrics.lines.sum_up(Instant::now());
        let pulse = engine.pulse.borrow().clone();
        engine.due.hear(pulse.next_due, pulse.redis_time_at_least(Instant::now()));
        if pulse.is_fenced(Instant::now(), engine.config.fence_after()) {
            continue;
        }
        match engine.queue.sample(&mut link).await {
            Ok(sample) => {
                engine.metrics.sampled(sample);
                engine.works(Part::Sample);
            }
            Err(error) => engine.failed(Part::Sample, &error),
        }
    }
}
