//! Every case of `tests/cases/hostile_receivers.json`: played against a real worker, or named in [`coverage`].
//!
//! Many cases run at once, each with a receiver of its own, and a healthy destination beside them must not notice.

mod coverage;
mod crowds;
mod encrypted;
mod floods;
mod judge;
mod ledger;
mod memory;
mod neighbour;
mod run;
mod unreachable;

use std::time::Duration;

use postrider_sink::behaviour::Case;
use postrider_sink::behaviour::case;
use postrider_tests::world::{World, WorldOptions};

use neighbour::Neighbour;

/// How much more memory a worker may take for all of them together than before.
const MAX_GROWTH_KB: u64 = 32 * 1024;

/// How soon 99 of 100 jobs of the healthy destination arrive meanwhile, in a debug build beside 150 hostile receivers.
const MAX_NEIGHBOURS_WAIT: Duration = Duration::from_millis(250);

/// Whether a case is played here; the others are named in [`coverage`].
fn is_played_here(case: &Case) -> bool {
    let has_receiver = matches!(case.needs.as_deref(), None | Some("time"));
    has_receiver && case.job.retry_base_ms.is_none()
}

/// Plays cases on one world, and tells what isn't as it should be.
async fn faults_of(world: &World, cases: &[&'static Case]) -> Vec<String> {
    let played = run::all(world, cases).await;
    let after = run::look(world).await;
    played.iter().flat_map(|one| judge::faults(one, &after)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_receiver_leads_to_its_outcome_and_disturbs_nobody() {
    let cases: Vec<_> = case::all().iter().filter(|case| is_played_here(case)).collect();
    let world = World::start().await;
    let neighbour = Neighbour::start(&world).await;
    let before = memory::now_kb(&world.workers[0]);
    let faults = faults_of(&world, &cases).await;
    assert!(faults.is_empty(), "{} faults in {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
    neighbour.check(&world, MAX_NEIGHBOURS_WAIT).await;
    let growth = memory::peak_kb(&world.workers[0]).saturating_sub(before);
    assert!(growth < MAX_GROWTH_KB, "the worker took {growth} kB more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_are_asked_again_lead_to_their_outcomes() {
    for base in coverage::retry_bases() {
        let has_base = |case: &&'static Case| case.job.retry_base_ms == Some(base);
        let cases: Vec<_> = case::all().iter().filter(has_base).collect();
        let options = WorldOptions::default().set("POSTRIDER_RETRY_BASE", &format!("{base}ms"));
        let world = World::with(options).await;
        let faults = faults_of(&world, &cases).await;
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
