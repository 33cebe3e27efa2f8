//! What must be possible, lest the properties hold of a world in which nothing happens.

use stateright::Property;

use crate::model::Protocol;
use crate::redis::{EntryId, Holder, Reason};
use crate::scenario::{Fault, Scenario};
use crate::settle::Verdict;
use crate::state::State;
use crate::worker::{Held, Stage};

/// What must be possible under the faults of a scenario.
pub(crate) fn possible(scenario: &Scenario) -> Vec<Property<Protocol>> {
    let has = |kind| scenario.faults > 0 && scenario.kinds.include(kind);
    let mut possible = vec![
        Property::sometimes("a job is done", |_: &Protocol, state: &State| state.redis.done.has(0)),
        Property::sometimes("a job is dead after its last attempt", |_: &Protocol, state: &State| {
            is_dead_of(state, Reason::Exhausted)
        }),
    ];
    if has(Fault::Crash) {
        possible.push(Property::sometimes("a job is taken over", |_: &Protocol, state: &State| {
            state.redis.entries.iter().any(|entry| entry.memory.taken > 0)
        }));
    }
    if has(Fault::Crash) && scenario.faults >= scenario.max_crashes {
        possible.push(Property::sometimes("a job is poison", |_: &Protocol, state: &State| {
            is_dead_of(state, Reason::Poison)
        }));
    }
    if has(Fault::Pause) {
        possible.extend(zombies());
    }
    if has(Fault::Pause) && scenario.max_attempts > 1 {
        possible.extend(retries_of_zombies());
    }
    if has(Fault::Failover) {
        possible.push(Property::sometimes("a failover loses what wasn't replicated", loses_a_job));
    }
    if scenario.has_twins() {
        possible
            .push(Property::sometimes("a second job of an id is buried", |_: &Protocol, state: &State| {
                is_dead_of(state, Reason::Duplicate)
            }));
    }
    possible
}

/// What workers do that were paused and have lost their jobs meanwhile.
fn zombies() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes("two workers send one job", |_: &Protocol, state: &State| {
            state.workers[0]
                .held
                .iter()
                .any(|held| sends(held, held.entry) && is_sent_by_the_other(state, held))
        }),
        Property::sometimes(
            "a success of what has passed on is about to count",
            |_: &Protocol, state: &State| is_about_to(state, Verdict::Success),
        ),
        Property::sometimes("a lease has outlived a gap in the beats", |_: &Protocol, state: &State| {
            state.workers.iter().any(|worker| worker.held.iter().any(|held| held.is_doubtful))
        }),
    ]
}

/// What they do with failed attempts, their own and those of others.
fn retries_of_zombies() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes(
            "a retry of what has passed on is about to be refused",
            |_: &Protocol, state: &State| is_about_to(state, Verdict::Retry),
        ),
        Property::sometimes("a success is about to end another's wait", |_: &Protocol, state: &State| {
            settling(state).any(|(_, held, verdict)| {
                let waits = state.redis.waiting.iter().any(|waiting| waiting.origin == held.entry);
                verdict == Verdict::Success && waits
            })
        }),
    ]
}

fn is_dead_of(state: &State, reason: Reason) -> bool {
    state.redis.dead.iter().any(|dead| dead.reason == reason)
}

fn loses_a_job(model: &Protocol, state: &State) -> bool {
    let jobs = (0_u8..).zip(model.scenario.ids);
    jobs.map(|(job, _)| job).any(|job| state.history.accepted.has(job) && !state.redis.accepted.has(job))
}

fn sends(held: &Held, entry: EntryId) -> bool {
    held.entry == entry && held.stage == Stage::InFlight
}

fn is_sent_by_the_other(state: &State, held: &Held) -> bool {
    state.workers[1].held.iter().any(|other| sends(other, held.entry))
}

/// Settlements that are on the way, and the workers that they come from.
fn settling(state: &State) -> impl Iterator<Item = (usize, &Held, Verdict)> {
    state.workers.iter().enumerate().flat_map(|(number, worker)| {
        worker.held.iter().filter_map(move |held| match held.stage {
            Stage::Settling(verdict) => Some((number, held, verdict)),
            _ => None,
        })
    })
}

/// Whether a worker that reaches Redis is about to ask this for a job that is another's by now.
fn is_about_to(state: &State, asked: Verdict) -> bool {
    settling(state).any(|(number, held, verdict)| {
        let holder = state.redis.holder(held.entry, state.consumer(number));
        state.workers[number].reaches_redis() && holder == Holder::Other && verdict == asked
    })
}
