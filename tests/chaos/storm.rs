//! Chooses harm by the seed, does it, and waits until the workers go on. Mostly one fault at a time, so that what each
//! costs can be told; sometimes two or three, in lanes of their own.

mod links;
mod queue;
mod redis_process;
mod sentinels;
mod ways;
mod workers;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::fault::{Kind, Lane};
use crate::history::Scope;
use crate::ledger::FaultPlace;
use crate::scene::Scene;

/// Out of a hundred steps, so many do more than one fault at once.
const OVERLAPS: u32 = 25;

/// Most faults at once.
const MAX_AT_ONCE: usize = 3;

/// Between two steps (milliseconds).
const GAP_MS: Range<u64> = 700..2_700;

/// After a worker was killed, in three of four cases, the next step waits until its jobs must have been taken over.
const TAKE_OVER: Duration = Duration::from_millis(7500);

/// When nothing has been delivered by then, the workers don't go on.
const MAX_STANDSTILL: Duration = Duration::from_secs(15);

/// The storm of a phase.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    /// What is done.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) seed: u64,
    pub(crate) lasts: Duration,
}

/// What a fault needs.
pub(crate) struct Harm {
    scene: Arc<Scene>,
    kind: Kind,
    rng: Rng,
}

impl Storm {
    /// Storms until its time is over.
    pub(crate) async fn run(self, scene: Arc<Scene>) {
        let (mut rng, mut bag) = (Rng::with_seed(self.seed), Vec::new());
        let end = Instant::now() + self.lasts;
        while Instant::now() < end && !self.kinds.is_empty() {
            let kinds = self.next_step(&mut rng, &mut bag);
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            let (promised, requests, faults) = scene.ledger.counts();
            println!(
                "  {promised:>7} jobs {requests:>7} requests {faults:>4} faults; now {}",
                names.join(" + ")
            );
            let mut harms = JoinSet::new();
            for kind in &kinds {
                let harm = Harm { scene: Arc::clone(&scene), kind: *kind, rng: rng.fork() };
                harms.spawn(harm.done());
            }
            while let Some(ended) = harms.join_next().await {
                if let Err(error) = ended {
                    scene.ledger.problem(format!("{}: {error}", names.join(" + ")));
                }
            }
            goes_on(&scene, &names).await;
            scene.crew.lock().await.look_after();
            let killed = kinds.contains(&Kind::WorkerKill) || kinds.contains(&Kind::AllWorkersKill);
            let quiet = if killed && rng.u32(0..4) > 0 { TAKE_OVER } else { Duration::ZERO };
            sleep(quiet + Duration::from_millis(rng.u64(GAP_MS))).await;
        }
    }

    /// Every kind comes up as often as it weighs before any comes up again.
    fn next_step(&self, rng: &mut Rng, bag: &mut Vec<Kind>) -> Vec<Kind> {
        let count = if rng.u32(0..100) < OVERLAPS { rng.usize(2..=MAX_AT_ONCE) } else { 1 };
        let mut step: Vec<Kind> = Vec::new();
        while step.len() < count {
            if bag.is_empty() {
                bag.extend(self.kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, kind.weight())));
                rng.shuffle(bag);
            }
            let fits = |kind: &Kind| step.iter().all(|other| other.lane() != kind.lane());
            let Some(place) = bag.iter().rposition(fits) else { break };
            step.push(bag.remove(place));
        }
        step
    }
}

/// Waits until a receiver has accepted something.
async fn goes_on(scene: &Scene, names: &[&str]) {
    let mut accepted = scene.ledger.accepted();
    let seen = *accepted.borrow();
    let more = timeout(MAX_STANDSTILL, accepted.wait_for(|count| *count > seen)).await;
    if more.is_err() {
        scene
            .ledger
            .problem(format!("nothing was delivered for {MAX_STANDSTILL:?} after {}", names.join(" + ")));
    }
}

impl Harm {
    async fn done(mut self) {
        let kind = self.kind;
        let done = match kind.lane() {
            Lane::Workers => self.on_workers().await,
            Lane::Links => self.on_links().await,
            Lane::Ways => self.on_ways().await,
            Lane::Redis => match kind {
                Kind::Failover | Kind::PrimaryKill | Kind::PrimaryStop => self.on_sentinels().await,
                Kind::RedisKill
                | Kind::RedisShutdown
                | Kind::RedisStop
                | Kind::RedisClock
                | Kind::DiskFull => self.on_redis_process().await,
                _ => self.on_queue().await,
            },
        };
        if let Err(error) = done {
            self.scene.ledger.problem(format!("{} could not be done: {error:#}", kind.name()));
        }
    }

    fn begin(&self, scope: Scope, detail: impl Into<String>) -> FaultPlace {
        self.scene.ledger.begin(self.kind, scope, detail.into())
    }

    fn healed(&self, fault: FaultPlace) {
        self.scene.ledger.healed(fault);
    }

    fn over(&self, fault: FaultPlace) {
        self.scene.ledger.over(fault);
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_up_and_lanes_never_meet_themselves() {
        let kinds: Vec<_> = Kind::ALL.to_vec();
        let storm = Storm { kinds: kinds.clone(), seed: 1, lasts: Duration::ZERO };
        let (mut rng, mut bag, mut seen) = (Rng::with_seed(storm.seed), Vec::new(), Vec::new());
        for _ in 0..kinds.len() * 4 {
            let step = storm.next_step(&mut rng, &mut bag);
            let mut lanes: Vec<_> = step.iter().map(|kind| kind.lane()).collect();
            lanes.dedup();
            assert_eq!(lanes.len(), step.len(), "{step:?}");
            seen.extend(step);
        }
        assert!(kinds.iter().all(|kind| seen.contains(kind)));
    }
}
