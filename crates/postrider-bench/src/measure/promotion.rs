//! Many waiting jobs that fall due at once: how fast they come back and are sent, and what that costs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use postrider_tests::wait::until;
use serde::Serialize;

use super::cost::used;
use crate::clock::now_us;
use crate::scene::target::Target;
use crate::scene::{PATIENCE, Scene};

/// Jobs that are surely put away in a second; the due time is set by it, before the first is added.
const PUT_AWAY_PER_SECOND: u64 = 10_000;

/// Time for the start of the worker, and for the look at what was used.
const LEAD: Duration = Duration::from_secs(6);

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Promotion {
    pub(crate) jobs: u64,
    /// From the due time until the last is settled.
    pub(crate) per_second: f64,
    /// CPU time of the worker for each job, in microseconds, its delivery included.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each job, in microseconds, likewise.
    pub(crate) redis_us: f64,
    /// The largest memory that the worker ever held, in KiB.
    pub(crate) peak_kib: u64,
}

/// Adds jobs that must not be sent before a moment, and has a worker put them all away, and send them when that comes. They come
/// back as fast as they are sent, but for a short line: so the worker has to send them, or the last would come in minutes.
pub(crate) async fn run(program: &Path, jobs: u64) -> anyhow::Result<Promotion> {
    let mut scene = Scene::start().await?;
    let due_us = now_us() + micros(LEAD) + jobs * 1_000_000 / PUT_AWAY_PER_SECOND;
    let not_before = [("notBefore", due_us.div_ceil(1000).to_string())];
    scene.add_many_with(&[Target::path("ok")], jobs, &not_before).await?;
    let workers = [scene.worker(program, &[])?];
    all_wait(&scene, jobs).await;
    let until_due = Duration::from_micros(due_us.saturating_sub(now_us()));
    ensure!(until_due > LEAD / 2, "the jobs were put away too late: {until_due:?} before they are due");
    tokio::time::sleep(until_due).await;
    let (workers_us, redis_us) = used(&workers, &mut scene).await?;
    let begun = Instant::now();
    all_are_settled(&scene).await;
    let elapsed = begun.elapsed().as_secs_f64();
    let (workers_after_us, redis_after_us) = used(&workers, &mut scene).await?;
    Ok(Promotion {
        jobs,
        per_second: jobs as f64 / elapsed,
        cpu_us: (workers_after_us - workers_us) as f64 / jobs as f64,
        redis_us: (redis_after_us - redis_us) / jobs as f64,
        peak_kib: workers[0].peak_kib()?,
    })
}

async fn all_wait(scene: &Scene, jobs: u64) {
    until("every job waits", PATIENCE, || async {
        let (waiting, left) = (scene.waiting().await?, scene.in_stream().await?);
        ensure!(waiting == jobs && left == 0, "{waiting} wait, {left} are in the stream");
        anyhow::Ok(())
    })
    .await;
}

async fn all_are_settled(scene: &Scene) {
    until("every job has been sent", PATIENCE, || async {
        let (waiting, left) = (scene.waiting().await?, scene.in_stream().await?);
        ensure!(waiting == 0 && left == 0, "{waiting} wait, {left} are in the stream");
        anyhow::Ok(())
    })
    .await;
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
