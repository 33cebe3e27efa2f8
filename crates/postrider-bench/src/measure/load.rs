//! Deliveries per second, and what one costs: the same load through a raw loop and through a worker.

use std::path::Path;

use serde::Serialize;

use crate::probe;
use crate::receiver::Seen;
use crate::scene::{Scene, Worker, in_flight};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// The raw reqwest loop.
    Floor,
    /// The worker as it comes.
    Worker,
    /// The worker with `attempts.max_entries = 0`.
    WorkerWithoutRecords,
}

/// One run of one sender.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) subject: Subject,
    pub(crate) concurrency: u32,
    /// Between the first and the last request at the receiver.
    pub(crate) per_second: f64,
    /// CPU time of the sender's process for each delivery, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each job, from its lease to its end, in microseconds.
    pub(crate) redis_us: Option<f64>,
    /// Jobs that one read brought, on average.
    pub(crate) jobs_per_read: Option<f64>,
    /// Jobs that one script call settled, on average; the few other scripts of a worker count as settling.
    pub(crate) jobs_per_settle: Option<f64>,
    /// The largest memory that the worker ever held, in KiB.
    pub(crate) peak_kib: Option<u64>,
}

/// Runs one sender once.
pub(crate) async fn run(
    program: &Path,
    subject: Subject,
    concurrency: u32,
    jobs: u64,
) -> anyhow::Result<Run> {
    match subject {
        Subject::Floor => floor(concurrency, jobs).await,
        Subject::Worker => worker(program, subject, concurrency, jobs, &[]).await,
        Subject::WorkerWithoutRecords => {
            worker(program, subject, concurrency, jobs, &[("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "0")]).await
        }
    }
}

async fn floor(concurrency: u32, jobs: u64) -> anyhow::Result<Run> {
    let scene = Scene::start().await?;
    let figures = scene.floor(jobs, concurrency).await?;
    let per_second = rate(&scene.receiver.delivered(jobs).await?);
    let cpu_us = figures.cpu_us as f64 / jobs as f64;
    Ok(Run {
        subject: Subject::Floor,
        concurrency,
        per_second,
        cpu_us,
        redis_us: None,
        jobs_per_read: None,
        jobs_per_settle: None,
        peak_kib: None,
    })
}

/// The jobs are there before the worker, and the count begins when the first request has come: so neither its start nor
/// the adding is in any figure.
async fn worker(
    program: &Path,
    subject: Subject,
    concurrency: u32,
    jobs: u64,
    more: &[(&str, &str)],
) -> anyhow::Result<Run> {
    let mut scene = Scene::start().await?;
    scene.add_many("ok", jobs).await?;
    let slots = in_flight(concurrency);
    let settings: Vec<_> =
        slots.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    let worker = scene.worker(program, &settings)?;
    let begun = scene.receiver.delivered(1).await?;
    let before = Used::look(&worker, &mut scene).await?;
    let seen = scene.receiver.delivered(jobs).await?;
    scene.settled().await?;
    let after = Used::look(&worker, &mut scene).await?;
    let counted = (jobs - begun.delivered) as f64;
    Ok(Run {
        subject,
        concurrency,
        per_second: rate(&seen),
        cpu_us: (after.worker_us - before.worker_us) as f64 / counted,
        redis_us: Some((after.redis_us - before.redis_us) / counted),
        jobs_per_read: Some(counted / (after.reads - before.reads).max(1) as f64),
        jobs_per_settle: Some(counted / (after.scripts - before.scripts).max(1) as f64),
        peak_kib: Some(worker.peak_kib()?),
    })
}

/// What had been used at one moment.
struct Used {
    worker_us: u64,
    redis_us: f64,
    reads: u64,
    scripts: u64,
}

impl Used {
    async fn look(worker: &Worker, scene: &mut Scene) -> anyhow::Result<Self> {
        let redis = &mut scene.connection;
        Ok(Self {
            worker_us: worker.cpu_us()?,
            redis_us: probe::redis_cpu_us(redis).await?,
            reads: probe::redis_calls(redis, "xreadgroup").await?,
            scripts: probe::redis_calls(redis, "evalsha").await?,
        })
    }
}

fn rate(seen: &Seen) -> f64 {
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
