//! What is left of a sender's rate when every tenth job goes to a receiver that never answers.

use std::time::Duration;

use serde::Serialize;

use super::watch::{self, Watched};
use crate::contender::Contender;
use crate::entrant::{Entrant, Limit};
use crate::scene::Scene;
use crate::scene::target::Target;

/// Requests in flight.
pub(crate) const CONCURRENCY: u32 = 64;

/// One sender's.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Hanging {
    pub(crate) contender: Contender,
    /// Jobs for receivers that answer.
    pub(crate) healthy: u64,
    /// How many of these were delivered while it was watched.
    pub(crate) delivered: u64,
    /// From the first of them to the last, or to the end of the watch where there was no last.
    pub(crate) per_second: f64,
}

/// Nine healthy hooks and one that hangs.
pub(crate) async fn run(entrant: Entrant<'_>, jobs: u64, patience: Duration) -> anyhow::Result<Hanging> {
    let mut scene = Scene::start().await?;
    let mut targets: Vec<_> = (0..9).map(|hook| Target::of_hook("ok", &format!("healthy{hook}"))).collect();
    targets.push(Target::of_hook("hang", "hanging"));
    entrant.add(&mut scene, &targets, jobs).await?;
    let healthy = jobs - jobs / 10;
    let _worker = entrant.start(&scene, "worker", CONCURRENCY, Limit::Usual)?;
    scene.receiver.delivered(1).await?;
    let Watched { delivered, per_second } = watch::run(&scene, healthy, patience).await?;
    Ok(Hanging { contender: entrant.contender, healthy, delivered, per_second })
}
