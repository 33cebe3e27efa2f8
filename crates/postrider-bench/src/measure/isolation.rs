//! What healthy destinations notice of others that hang: their rate when all jobs are there at once, and their latency at a
//! steady load, each beside the same jobs where all receivers answer.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::watch;
use crate::scene::target::Target;
use crate::scene::{PATIENCE, Scene, slots};
use crate::stats::Quantiles;

/// Healthy jobs a second, while latency is watched: the worker is at ease.
pub(crate) const PER_SECOND: u32 = 1_000;

/// How long a throughput is watched: many times what it takes, where hanging destinations are kept apart.
const MAX_WATCH: Duration = Duration::from_secs(40);

/// Who shares a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Mix {
    /// Requests in flight.
    pub(crate) concurrency: u32,
    /// Hooks that get equally many jobs.
    pub(crate) destinations: u64,
    /// How many of these have a receiver that never answers.
    pub(crate) hanging: u64,
}

/// The two that are promised something.
pub(crate) const MIXES: [Mix; 2] = [
    Mix { concurrency: 64, destinations: 10, hanging: 1 },
    Mix { concurrency: 256, destinations: 500, hanging: 100 },
];

/// One round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Isolation {
    pub(crate) mix: Mix,
    /// Where all receivers answer.
    pub(crate) alone: Healthy,
    /// Where some hang.
    pub(crate) beside: Healthy,
}

/// How the destinations fared that are healthy in both.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Healthy {
    /// Deliveries to them a second.
    pub(crate) per_second: f64,
    /// From right before a job is added to its arrival, µs.
    pub(crate) latency: Quantiles,
}

/// What the receivers of the hanging destinations do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Answer,
    Hang,
}

impl Mix {
    fn healthy(self) -> u64 {
        self.destinations - self.hanging
    }

    /// One target for each hook, the hanging ones spread among the others.
    fn targets(self, others: Others, healthy: &str) -> Vec<Target> {
        let every = self.destinations / self.hanging.max(1);
        let target = |number: u64| {
            let hangs = others == Others::Hang && (number + 1).is_multiple_of(every);
            Target::of_hook(if hangs { "hang" } else { healthy }, &format!("hook{number}"))
        };
        (0..self.destinations).map(target).collect()
    }

    /// How many jobs there are in all, where about so many are for healthy hooks; each hook gets as many as any other.
    fn jobs(self, healthy: u64) -> u64 {
        healthy / self.healthy() * self.destinations
    }

    /// How many of these are answered.
    fn answered(self, others: Others, jobs: u64) -> u64 {
        match others {
            Others::Answer => jobs,
            Others::Hang => jobs / self.destinations * self.healthy(),
        }
    }
}

/// One round of one mix.
pub(crate) async fn run(program: &Path, mix: Mix, jobs: u64, seconds: u64) -> anyhow::Result<Isolation> {
    let alone = measure(program, mix, Others::Answer, jobs, seconds).await?;
    let beside = measure(program, mix, Others::Hang, jobs, seconds).await?;
    Ok(Isolation { mix, alone, beside })
}

async fn measure(
    program: &Path,
    mix: Mix,
    others: Others,
    jobs: u64,
    seconds: u64,
) -> anyhow::Result<Healthy> {
    Ok(Healthy {
        per_second: throughput(program, mix, others, mix.jobs(jobs)).await?,
        latency: latency(program, mix, others, mix.jobs(seconds * u64::from(PER_SECOND))).await?,
    })
}

async fn throughput(program: &Path, mix: Mix, others: Others, jobs: u64) -> anyhow::Result<f64> {
    let mut scene = Scene::start().await?;
    scene.add_many(&mix.targets(others, "ok"), jobs).await?;
    let (name, slots) = slots(mix.concurrency);
    let _worker = scene.worker(program, &[(name, &slots)])?;
    scene.receiver.delivered(1).await?;
    let answered = mix.answered(others, jobs);
    let all = watch::run(&scene, answered, MAX_WATCH).await?.per_second;
    // Of all that were answered, only those to healthy destinations.
    Ok(all * mix.answered(Others::Hang, jobs) as f64 / answered as f64)
}

async fn latency(program: &Path, mix: Mix, others: Others, jobs: u64) -> anyhow::Result<Quantiles> {
    let mut scene = Scene::start().await?;
    let (name, slots) = slots(mix.concurrency);
    let worker = scene.worker(program, &[(name, &slots)])?;
    worker.ready().await;
    let rate = u64::from(PER_SECOND) * mix.destinations / mix.healthy();
    scene.add_steadily(&mix.targets(others, "at/{now}"), jobs, u32::try_from(rate)?).await?;
    let seen = scene.receiver.delivered_within(mix.answered(others, jobs), PATIENCE).await?;
    let samples = seen.samples.into_iter().map(|us| i64::try_from(us).unwrap_or(i64::MAX)).collect();
    Quantiles::of(samples).context("no job arrived")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_hooks_are_spread_and_as_many_as_was_said() {
        for mix in MIXES {
            let targets = mix.targets(Others::Hang, "ok");
            let hanging = targets.iter().filter(|target| target.path == "hang").count() as u64;
            assert_eq!((targets.len() as u64, hanging), (mix.destinations, mix.hanging));
            assert!(mix.targets(Others::Answer, "ok").iter().all(|target| target.path == "ok"));
        }
    }

    #[test]
    fn every_hook_gets_equally_many_jobs() {
        let [few, _] = MIXES;
        assert_eq!(few.jobs(1_000), 1_110);
        assert_eq!((few.answered(Others::Answer, 1_110), few.answered(Others::Hang, 1_110)), (1_110, 999));
    }
}
