//! How long the jobs of a killed worker take to be sent again by another, and whether all are.

use std::time::Duration;

use serde::Serialize;

use crate::clock::now_us;
use crate::contender::Contender;
use crate::entrant::{Entrant, Limit};
use crate::scene::Scene;
use crate::scene::target::Target;

/// Jobs that the killed worker has in flight.
const IN_FLIGHT: u32 = 256;

/// How long they are waited for: longer than any default of the peers but apalis' five minutes.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(100);

/// What became of the jobs of one killed worker.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TakeOver {
    pub(crate) contender: Contender,
    pub(crate) in_flight: u64,
    /// From the kill to the last job's second request, of those that came again.
    pub(crate) seconds: Option<f64>,
    /// Jobs that hadn't come again after [`MAX_WAIT`].
    pub(crate) missing: u64,
    /// Requests beyond the second one.
    pub(crate) repeated: u64,
}

/// Kills one worker with all its slots in use; another is ready beside it.
pub(crate) async fn run(entrant: Entrant<'_>) -> anyhow::Result<TakeOver> {
    let mut scene = Scene::start().await?;
    let in_flight = u64::from(IN_FLIGHT);
    // Before the first worker, and held at once: the second one finds nothing to do.
    entrant.add(&mut scene, &[Target::path("held-once/{number}")], in_flight).await?;
    let mut first = entrant.start(&scene, "first", IN_FLIGHT, Limit::Raised)?;
    scene.receiver.held(in_flight).await?;
    let second = entrant.start(&scene, "second", IN_FLIGHT, Limit::Raised)?;
    second.ready().await;
    if entrant.contender.kind().is_none() {
        scene.workers_beat(2).await;
    }
    let killed_us = now_us();
    first.kill9();
    let seen = scene.receiver.delivered_within(in_flight, MAX_WAIT).await?;
    let seconds = (seen.delivered > 0).then(|| seen.last_us.saturating_sub(killed_us) as f64 / 1e6);
    let missing = in_flight.saturating_sub(seen.delivered);
    if missing == 0 {
        entrant.settled(&scene, "second").await?;
    }
    // Only now is it known how many came too often.
    let seen = scene.receiver.delivered(0).await?;
    Ok(TakeOver { contender: entrant.contender, in_flight, seconds, missing, repeated: seen.repeated })
}
