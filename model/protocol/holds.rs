//! The protocol as it is holds, in every order of its steps.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::model::Protocol;
use crate::scenario::Scenario;
use crate::state::State;

/// Asks for the larger worlds: minutes instead of seconds.
const EXHAUSTIVE: &str = "POSTRIDER_TEST_EXHAUSTIVE";

/// The worlds to look at: the large ones on request.
fn worlds(small: Scenario, large: impl IntoIterator<Item = Scenario>) -> Vec<Scenario> {
    if std::env::var_os(EXHAUSTIVE).is_some() { large.into_iter().collect() } else { vec![small] }
}

/// Jobs of these ids that are sent once and never again.
fn sent_once(ids: &'static [u8], faults: u8) -> Scenario {
    Scenario { max_attempts: 1, ..Scenario::of(ids, faults) }
}

/// Looks at every state of each world, and says how many there are.
fn check(worlds: Vec<Scenario>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for scenario in worlds {
        let started = Instant::now();
        let Scenario { ids, max_attempts, faults, .. } = scenario;
        let checker = Protocol::new(scenario).checker().threads(threads);
        let checker = checker.symmetry_fn(State::representative).finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_dfs().join();
        let (states, took) = (checker.unique_state_count(), started.elapsed());
        println!("ids {ids:?}, attempts {max_attempts}, faults {faults}: {states} states in {took:.1?}");
        checker.assert_properties();
    }
}

#[test]
fn one_job_survives_any_two_faults() {
    check(worlds(Scenario::of(&[0], 2), [Scenario::of(&[0], 3)]));
}

#[test]
fn two_jobs_survive_any_fault() {
    let large = [Scenario::of(&[0, 1], 1), sent_once(&[0, 1], 2), sent_once(&[0, 1, 2], 1)];
    check(worlds(sent_once(&[0, 1], 1), large));
}

#[test]
fn two_jobs_of_one_id_come_to_their_ends() {
    check(worlds(Scenario::of(&[0, 0], 0), [Scenario::of(&[0, 0], 1)]));
}
