//! What one delivery costs Postrider's workers and Redis, from the first request to the last settlement.

use serde::Serialize;

use super::load::rate;
use crate::probe;
use crate::scene::target::Target;
use crate::scene::{Scene, Worker};

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cost {
    /// Between the first and the last request at the receiver.
    pub(crate) per_second: f64,
    /// CPU time of all workers for each delivery, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each job, in microseconds.
    pub(crate) redis_us: f64,
    /// The largest memory that any of the workers ever held, in KiB.
    pub(crate) peak_kib: u64,
}

/// Adds `jobs`, then lets workers deliver them that `start` starts.
pub(crate) async fn run(
    jobs: u64,
    start: impl FnOnce(&Scene) -> anyhow::Result<Vec<Worker>>,
) -> anyhow::Result<Cost> {
    let mut scene = Scene::start().await?;
    scene.add_many(&[Target::path("ok")], jobs).await?;
    let workers = start(&scene)?;
    let begun = scene.receiver.delivered(1).await?;
    let (workers_us, redis_us) = used(&workers, &mut scene).await?;
    let seen = scene.receiver.delivered(jobs).await?;
    scene.settled().await?;
    let (workers_after_us, redis_after_us) = used(&workers, &mut scene).await?;
    let counted = jobs.saturating_sub(begun.delivered).max(1) as f64;
    Ok(Cost {
        per_second: rate(&seen),
        cpu_us: (workers_after_us - workers_us) as f64 / counted,
        redis_us: (redis_after_us - redis_us) / counted,
        peak_kib: peak_kib(&workers)?,
    })
}

/// CPU time of the workers and of Redis up to now.
pub(crate) async fn used(workers: &[Worker], scene: &mut Scene) -> anyhow::Result<(u64, f64)> {
    let mut workers_us = 0;
    for worker in workers {
        workers_us += worker.cpu_us()?;
    }
    Ok((workers_us, probe::redis_cpu_us(&mut scene.connection).await?))
}

fn peak_kib(workers: &[Worker]) -> anyhow::Result<u64> {
    workers.iter().map(Worker::peak_kib).try_fold(0, |most, peak| Ok(most.max(peak?)))
}
