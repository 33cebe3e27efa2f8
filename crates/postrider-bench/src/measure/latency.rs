//! How soon a job that is added to an idle worker reaches its receiver.

use std::path::Path;

use anyhow::Context;

use crate::scene::Scene;
use crate::stats::Quantiles;

/// Jobs a second: the worker is idle between them.
pub(crate) const PER_SECOND: u32 = 200;

/// Microseconds from right before XADD to the request's arrival.
pub(crate) async fn run(program: &Path, seconds: u64) -> anyhow::Result<Quantiles> {
    let mut scene = Scene::start().await?;
    let worker = scene.worker(program, &[])?;
    worker.ready().await;
    let jobs = seconds * u64::from(PER_SECOND);
    scene.add_steadily(jobs, PER_SECOND, |_, now| format!("at/{now}")).await?;
    let seen = scene.receiver.delivered(jobs).await?;
    let samples = seen.samples.into_iter().map(|sample| i64::try_from(sample).unwrap_or(i64::MAX)).collect();
    Quantiles::of(samples).context("no job arrived")
}
