//! What a job costs by how many others wait in the stream behind it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;

use super::cost::used;
use crate::scene::adding::ENTRIES_PER_TRIP;
use crate::scene::target::Target;
use crate::scene::{PATIENCE, Scene, in_flight};

/// Requests in flight.
const CONCURRENCY: u32 = 64;

/// Between two looks at the length of the stream: short beside the time that the shortest backlog lasts.
const PAUSE: Duration = Duration::from_millis(3);

/// Jobs by which the cost of adding is found.
const ADDED_TO_COUNT: u64 = 20_000;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Backlog {
    /// Jobs in the stream, kept up while it is measured.
    pub(crate) jobs: u64,
    /// CPU time of the worker for each delivery, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each job, less that of adding it, in microseconds.
    pub(crate) redis_us: f64,
    /// The largest memory that the worker ever held, in KiB.
    pub(crate) peak_kib: u64,
}

/// What adding one job costs Redis, in microseconds.
pub(crate) async fn cost_of_adding() -> anyhow::Result<f64> {
    let mut scene = Scene::start().await?;
    let (_, before) = used(&[], &mut scene).await?;
    scene.add_many(&[Target::path("ok")], ADDED_TO_COUNT).await?;
    Ok((used(&[], &mut scene).await?.1 - before) / ADDED_TO_COUNT as f64)
}

/// Delivers `count` jobs out of a stream that is kept at `backlog`.
pub(crate) async fn run(program: &Path, backlog: u64, count: u64, adding_us: f64) -> anyhow::Result<Backlog> {
    let mut scene = Scene::start().await?;
    scene.add_many(&[Target::path("ok")], backlog).await?;
    let slots = in_flight(CONCURRENCY);
    let settings = slots.each_ref().map(|(name, value)| (*name, value.as_str()));
    let workers = [scene.worker(program, &settings)?];
    scene.receiver.delivered(1).await?;
    let (workers_us, redis_us) = used(&workers, &mut scene).await?;
    let settled_before = backlog.saturating_sub(scene.in_stream().await?);
    let added = keep_up(&mut scene, backlog, settled_before + count).await?;
    let (workers_after_us, redis_after_us) = used(&workers, &mut scene).await?;
    let settled = (backlog + added).saturating_sub(scene.in_stream().await? + settled_before).max(1) as f64;
    let adding_us = adding_us * added as f64;
    Ok(Backlog {
        jobs: backlog,
        cpu_us: (workers_after_us - workers_us) as f64 / settled,
        redis_us: (redis_after_us - redis_us - adding_us) / settled,
        peak_kib: workers[0].peak_kib()?,
    })
}

/// Adds as many as are delivered, until `goal` were; tells how many it has added.
async fn keep_up(scene: &mut Scene, backlog: u64, goal: u64) -> anyhow::Result<u64> {
    let (begun, mut added) = (Instant::now(), 0);
    loop {
        let left = scene.in_stream().await?;
        if backlog + added >= left + goal {
            return Ok(added);
        }
        ensure!(begun.elapsed() < PATIENCE, "{left} jobs are left after {PATIENCE:?}");
        if left + ENTRIES_PER_TRIP <= backlog {
            scene.add_many(&[Target::path("ok")], ENTRIES_PER_TRIP).await?;
            added += ENTRIES_PER_TRIP;
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
