//! Several workers on one Redis.

use std::path::Path;

use serde::Serialize;

use super::cost::{self, Cost};
use crate::scene::in_flight;

/// Requests in flight at each worker.
const CONCURRENCY: u32 = 64;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Scaling {
    pub(crate) workers: u32,
    pub(crate) cost: Cost,
}

/// So many workers, with as many jobs for all of them together.
pub(crate) async fn run(program: &Path, workers: u32, jobs: u64) -> anyhow::Result<Scaling> {
    let slots = in_flight(CONCURRENCY);
    let settings: Vec<_> = slots.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let cost = cost::run(jobs, |scene| (0..workers).map(|_| scene.worker(program, &settings)).collect());
    Ok(Scaling { workers, cost: cost.await? })
}
