//! What an event costs: read, hooks looked up, jobs made, in a queue that this worker doesn't serve.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use postrider_tests::wait::until;
use redis::Pipeline;
use serde::Serialize;

use crate::probe;
use crate::scene::{PATIENCE, Scene};

const EVENTS: &str = "postrider:events";

/// Where the jobs go: nobody delivers them, so that all that is measured is the fan-out.
const JOBS: &str = "postrider:unserved";

/// Owners over whom the events are spread.
const OWNERS: u64 = 100;

/// Events that are added with one round trip.
const EVENTS_PER_TRIP: u64 = 500;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FanOut {
    /// Hooks of each owner, all of which ask for the event.
    pub(crate) hooks: u64,
    pub(crate) events: u64,
    pub(crate) per_second: f64,
    /// CPU time of the worker for each event, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of Redis for each event, in microseconds.
    pub(crate) redis_us: f64,
}

/// Fans `events` out to `hooks` hooks each. The events are there before the worker; the count begins when it is ready, and
/// the queue of events is paused until then.
pub(crate) async fn run(program: &Path, hooks: u64, events: u64) -> anyhow::Result<FanOut> {
    let mut scene = Scene::start().await?;
    register(&mut scene, hooks).await?;
    add_events(&mut scene, events).await?;
    let paused = redis::cmd("HSET").arg("{postrider:events}:control").arg("paused").arg(1).clone();
    paused.exec_async(&mut scene.connection).await.context("failed to pause")?;
    let worker = scene.worker(program, &[("POSTRIDER_EVENTS_QUEUE", JOBS)])?;
    scene.workers_beat(1).await;
    let (worker_us, redis_us) = (worker.cpu_us()?, probe::redis_cpu_us(&mut scene.connection).await?);
    let resumed = redis::cmd("HDEL").arg("{postrider:events}:control").arg("paused").clone();
    resumed.exec_async(&mut scene.connection).await.context("failed to resume")?;
    let begun = first_read(&scene, events).await?;
    until("all events have ended", PATIENCE, || async {
        let left = length(&scene, EVENTS).await?;
        ensure!(left == 0, "{left} are left");
        anyhow::Ok(())
    })
    .await;
    let elapsed = begun.elapsed().as_secs_f64();
    ensure!(length(&scene, JOBS).await? == events * hooks, "not one job for each hook");
    let each = |used: f64| used / events as f64;
    Ok(FanOut {
        hooks,
        events,
        per_second: events as f64 / elapsed,
        cpu_us: each((worker.cpu_us()? - worker_us) as f64),
        redis_us: each(probe::redis_cpu_us(&mut scene.connection).await? - redis_us),
    })
}

async fn first_read(scene: &Scene, events: u64) -> anyhow::Result<Instant> {
    until("the first event has ended", PATIENCE, || async {
        ensure!(length(scene, EVENTS).await? < events, "none has");
        anyhow::Ok(())
    })
    .await;
    Ok(Instant::now())
}

async fn register(scene: &mut Scene, hooks: u64) -> anyhow::Result<()> {
    let mut trip = Pipeline::new();
    for owner in 0..OWNERS {
        for hook in 0..hooks {
            let record = format!(
                r#"{{"id":"h{hook}","userId":"u{owner}","name":"n","on":["note"],"url":"https://x.example/","secret":"s","active":true}}"#
            );
            trip.cmd("HSET")
                .arg(format!("postrider:hooks:{{u{owner}}}"))
                .arg(format!("h{hook}"))
                .arg(record)
                .ignore();
        }
    }
    if trip.is_empty() {
        return Ok(());
    }
    trip.query_async(&mut scene.connection).await.context("failed to register hooks")
}

async fn add_events(scene: &mut Scene, events: u64) -> anyhow::Result<()> {
    let content = format!(r#"{{"note":{{"text":"{}"}}}}"#, "x".repeat(1000));
    let mut added = 0;
    while added < events {
        let mut trip = Pipeline::new();
        for number in added..(added + EVENTS_PER_TRIP).min(events) {
            let owner = format!("u{}", number % OWNERS);
            trip.cmd("XADD").arg(EVENTS).arg("*").arg("userId").arg(owner);
            trip.arg("type").arg("note").arg("content").arg(&content).ignore();
        }
        added = (added + EVENTS_PER_TRIP).min(events);
        let () = trip.query_async(&mut scene.connection).await.context("failed to add events")?;
    }
    Ok(())
}

async fn length(scene: &Scene, stream: &str) -> anyhow::Result<u64> {
    let length = redis::cmd("XLEN").arg(stream).query_async(&mut scene.connection.clone()).await;
    length.with_context(|| format!("XLEN of {stream} was refused"))
}
