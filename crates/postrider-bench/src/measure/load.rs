//! Deliveries per second, and what one costs: the same load through a raw loop, a worker, and the peers.

use serde::Serialize;

use crate::contender::Contender;
use crate::entrant::{Entrant, Limit};
use crate::probe;
use crate::receiver::Seen;
use crate::scene::target::Target;
use crate::scene::{Scene, Worker};

/// The name of the one worker.
const WORKER: &str = "worker";

/// One run of one sender.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) contender: Contender,
    pub(crate) concurrency: u32,
    /// Between the first and the last request at the receiver.
    pub(crate) per_second: f64,
    /// CPU time of the sender's process for each delivery, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each job, from its lease to its end, in microseconds.
    pub(crate) redis_us: Option<f64>,
    /// Jobs that one read brought, on average; of Postrider only.
    pub(crate) jobs_per_read: Option<f64>,
    /// Jobs that one script call settled, on average; the few other scripts of a worker count as settling.
    pub(crate) jobs_per_settle: Option<f64>,
    /// The largest memory that the sender ever held, in KiB.
    pub(crate) peak_kib: Option<u64>,
}

/// Runs the raw loop once.
pub(crate) async fn floor(concurrency: u32, jobs: u64) -> anyhow::Result<Run> {
    let scene = Scene::start().await?;
    let figures = scene.floor(jobs, concurrency).await?;
    Ok(Run {
        contender: Contender::Floor,
        concurrency,
        per_second: rate(&scene.receiver.delivered(jobs).await?),
        cpu_us: figures.cpu_us as f64 / jobs as f64,
        redis_us: None,
        jobs_per_read: None,
        jobs_per_settle: None,
        peak_kib: None,
    })
}

/// Runs one queue once. The jobs are there before the worker, and the count begins when the first request has come: so
/// neither its start nor the adding is in any figure.
pub(crate) async fn run(entrant: Entrant<'_>, concurrency: u32, jobs: u64) -> anyhow::Result<Run> {
    let mut scene = Scene::start().await?;
    entrant.add(&mut scene, &[Target::path("ok")], jobs).await?;
    let worker = entrant.start(&scene, WORKER, concurrency, Limit::Raised)?;
    let begun = scene.receiver.delivered(1).await?;
    let before = Used::look(&worker, &mut scene).await?;
    let seen = scene.receiver.delivered(jobs).await?;
    entrant.settled(&scene, WORKER).await?;
    let after = Used::look(&worker, &mut scene).await?;
    let counted = jobs.saturating_sub(begun.delivered).max(1) as f64;
    let is_ours = entrant.contender.kind().is_none();
    let per_call = |before: u64, after: u64| is_ours.then(|| counted / (after - before).max(1) as f64);
    Ok(Run {
        contender: entrant.contender,
        concurrency,
        per_second: rate(&seen),
        cpu_us: (after.worker_us - before.worker_us) as f64 / counted,
        redis_us: Some((after.redis_us - before.redis_us) / counted),
        jobs_per_read: per_call(before.reads, after.reads),
        jobs_per_settle: per_call(before.scripts, after.scripts),
        peak_kib: Some(worker.peak_kib()?),
    })
}

/// What had been used at one moment.
pub(crate) struct Used {
    pub(crate) worker_us: u64,
    pub(crate) redis_us: f64,
    reads: u64,
    scripts: u64,
}

impl Used {
    pub(crate) async fn look(worker: &Worker, scene: &mut Scene) -> anyhow::Result<Self> {
        let redis = &mut scene.connection;
        Ok(Self {
            worker_us: worker.cpu_us()?,
            redis_us: probe::redis_cpu_us(redis).await?,
            reads: probe::redis_calls(redis, "xreadgroup").await?,
            scripts: probe::redis_calls(redis, "evalsha").await?,
        })
    }
}

/// Deliveries a second, from the first to the last.
pub(crate) fn rate(seen: &Seen) -> f64 {
    let elapsed_us = seen.last_us.saturating_sub(seen.first_us).max(1);
    seen.delivered.saturating_sub(1) as f64 * 1e6 / elapsed_us as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_the_gaps_between_requests() {
        let seen = Seen { delivered: 3, first_us: 1_000_000, last_us: 2_000_000, ..Seen::default() };
        assert_eq!(rate(&seen), 2.0);
    }
}
