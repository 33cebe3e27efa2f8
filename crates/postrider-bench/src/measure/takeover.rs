//! How long the jobs of a killed worker take to be sent again by another, and whether all are.

use std::path::Path;

use serde::Serialize;

use crate::clock::now_us;
use crate::scene::{Scene, in_flight};

/// Jobs that the killed worker has in flight.
const CONCURRENCY: u32 = 256;

/// What became of the jobs of one killed worker.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TakeOver {
    pub(crate) in_flight: u64,
    /// From the kill to the last job's second request.
    pub(crate) seconds: f64,
    /// Jobs that never came again.
    pub(crate) lost: u64,
    /// Requests beyond the second one.
    pub(crate) repeated: u64,
}

/// Kills one worker with all its slots in use; another is ready beside it.
pub(crate) async fn run(program: &Path) -> anyhow::Result<TakeOver> {
    let mut scene = Scene::start().await?;
    let slots = in_flight(CONCURRENCY);
    let mut settings: Vec<_> = slots.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The held requests must outlive everything that is waited for.
    settings.push(("POSTRIDER_DELIVERY_TIMEOUT", "120s"));
    let mut first = scene.worker(program, &settings)?;
    first.ready().await;
    let in_flight = u64::from(CONCURRENCY);
    for number in 0..in_flight {
        scene.add(&format!("held-once/{number}")).await?;
    }
    scene.receiver.held(in_flight).await?;
    let second = scene.worker(program, &settings)?;
    second.ready().await;
    scene.workers_beat(2).await;
    let killed_us = now_us();
    first.kill9();
    scene.settled().await?;
    let seen = scene.receiver.delivered(0).await?;
    Ok(TakeOver {
        in_flight,
        seconds: seen.last_us.saturating_sub(killed_us) as f64 / 1e6,
        lost: in_flight - seen.delivered.min(in_flight),
        repeated: seen.repeated,
    })
}
