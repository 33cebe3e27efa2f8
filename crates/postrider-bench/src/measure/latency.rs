//! How soon a job that is added to an idle worker reaches its receiver.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::contender::Contender;
use crate::entrant::{Entrant, Limit};
use crate::scene::Scene;
use crate::scene::target::Target;
use crate::stats::Quantiles;

/// Jobs a second: the worker is idle between them.
pub(crate) const PER_SECOND: u32 = 200;

/// How long the last job is waited for: a sender that only looks every now and then is no reason to fail.
const MAX_LATE: Duration = Duration::from_secs(20);

/// One sender's.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) contender: Contender,
    /// Jobs that were added, of which some may not have come in time.
    pub(crate) added: u64,
    /// Microseconds from right before the job is added to the request's arrival.
    pub(crate) us: Quantiles,
}

/// Adds jobs by the sender's own library, one by one.
pub(crate) async fn run(entrant: Entrant<'_>, seconds: u64) -> anyhow::Result<Latency> {
    let mut scene = Scene::start().await?;
    let (target, added) = (Target::path("at/{now}"), seconds * u64::from(PER_SECOND));
    // The first job makes what a queue needs that has never been used.
    entrant.add(&mut scene, &[Target::path("ok")], 1).await?;
    let worker = entrant.start(&scene, "worker", 64, Limit::Raised)?;
    worker.ready().await;
    scene.receiver.delivered(1).await?;
    entrant.add_steadily(&mut scene, &[target], added, PER_SECOND).await?;
    let seen = scene.receiver.delivered_within(added + 1, MAX_LATE).await?;
    let samples = seen.samples.into_iter().map(|sample| i64::try_from(sample).unwrap_or(i64::MAX)).collect();
    let us = Quantiles::of(samples).with_context(|| format!("no job arrived\n{}", worker.log_end()))?;
    Ok(Latency { contender: entrant.contender, added, us })
}
