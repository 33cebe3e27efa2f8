//! How late a retry is, counted from the answer that asked for it.

use std::path::Path;

use anyhow::Context;

use crate::scene::target::Target;
use crate::scene::{Scene, in_flight};
use crate::stats::Quantiles;

/// The wait that the worker is told, and the same in microseconds.
const WAIT: (&str, i64) = ("500ms", 500_000);

/// Jobs a second.
pub(crate) const PER_SECOND: u32 = 100;

/// Requests that may be in flight: as many as a worker has by default.
const CONCURRENCY: u32 = 256;

/// Microseconds by which second requests came after their due time; a negative one would be early. The receiver takes
/// the time right before it writes the first answer, and right after it has read the second request.
pub(crate) async fn run(program: &Path, jobs: u64) -> anyhow::Result<Quantiles> {
    let mut scene = Scene::start().await?;
    let slots = in_flight(CONCURRENCY);
    let mut settings: Vec<_> = slots.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend([("POSTRIDER_RETRY_SCHEDULE", WAIT.0), ("POSTRIDER_RETRY_JITTER", "0")]);
    let worker = scene.worker(program, &settings)?;
    worker.ready().await;
    // Each for a hook of its own: one whose every other answer is a failure would be held back, and rightly.
    let target = |number| Target::of_hook("refused-once/{number}", &format!("hook{number}"));
    let targets: Vec<_> = (0..jobs).map(target).collect();
    scene.add_steadily(&targets, jobs, PER_SECOND).await?;
    let seen = scene.receiver.delivered(jobs).await?;
    let late = |gap| i64::try_from(gap).unwrap_or(i64::MAX).saturating_sub(WAIT.1);
    Quantiles::of(seen.samples.into_iter().map(late).collect()).context("no retry came")
}
