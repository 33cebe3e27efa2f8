//! What must always hold.

use stateright::Property;

use crate::model::Protocol;
use crate::redis::Reason;
use crate::scenario::Scenario;
use crate::state::{Flaw, State};
use crate::witnesses;

pub(crate) const NOTHING_LOST: &str = "no accepted job disappears";
pub(crate) const ONE_STATE: &str = "a job is in one state at a time";
pub(crate) const OWNERS_MOVE: &str = "only the owner schedules, buries and gives back";
pub(crate) const LIVING_KEEP: &str = "a worker whose beats arrive keeps its jobs";
pub(crate) const FENCED_START_NOTHING: &str = "a fenced worker starts nothing";
pub(crate) const FENCED_LEASE_NOTHING: &str = "a fenced worker leases nothing";
pub(crate) const OWNERS_START: &str = "a worker starts only what is its own";
pub(crate) const STARTED_ONCE: &str = "a process starts an entry once";
pub(crate) const LIMIT_HOLDS: &str = "a job that was lost as often as is allowed is not started again";
pub(crate) const NO_EARLY_POISON: &str = "poison only after the limit";
pub(crate) const TOLD_IS_OVER: &str = "what Redis knows the success of is never sent again";
pub(crate) const REQUESTS_BOUNDED: &str = "no more requests than attempts and losses";
pub(crate) const ENDS_WHEN_ACCEPTED: &str = "every job ends once faults stop and the receiver accepts";
pub(crate) const ENDS_WHEN_REFUSED: &str = "every job ends once faults stop and the receiver refuses";

/// The properties of a scenario.
pub(crate) fn properties(scenario: &Scenario) -> Vec<Property<Protocol>> {
    let mut properties = always();
    properties.extend(witnesses::possible(scenario));
    properties
}

fn always() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NOTHING_LOST, |model: &Protocol, state: &State| {
            jobs(model, state).all(|n| n.1 >= 1)
        }),
        Property::always(ONE_STATE, |model: &Protocol, state: &State| jobs(model, state).all(|n| n.1 <= 1)),
        Property::always(OWNERS_MOVE, never::<{ Flaw::MovedByANonOwner as u8 }>),
        Property::always(LIVING_KEEP, never::<{ Flaw::TakenFromTheLiving as u8 }>),
        Property::always(FENCED_START_NOTHING, never::<{ Flaw::StartedWhileFenced as u8 }>),
        Property::always(FENCED_LEASE_NOTHING, never::<{ Flaw::LeasedWhileFenced as u8 }>),
        Property::always(OWNERS_START, never::<{ Flaw::StartedByANonOwner as u8 }>),
        Property::always(STARTED_ONCE, never::<{ Flaw::StartedTwiceByOne as u8 }>),
        Property::always(LIMIT_HOLDS, never::<{ Flaw::StartedAfterTheLimit as u8 }>),
        Property::always(NO_EARLY_POISON, no_early_poison),
        Property::always(TOLD_IS_OVER, told_is_over),
        Property::always(REQUESTS_BOUNDED, |_: &Protocol, state: &State| {
            state.history.requests_left.iter().all(|left| *left >= 0)
        }),
        Property::always(ENDS_WHEN_ACCEPTED, |model: &Protocol, state: &State| {
            model.accepting.is_made(&model.scenario, state)
        }),
        Property::always(ENDS_WHEN_REFUSED, |model: &Protocol, state: &State| {
            model.refusing.is_made(&model.scenario, state)
        }),
    ]
}

fn never<const FLAW: u8>(_: &Protocol, state: &State) -> bool {
    !state.history.has(FLAW)
}

/// Each job that Redis has accepted, and in how many states it is.
fn jobs<'a>(model: &'a Protocol, state: &'a State) -> impl Iterator<Item = (u8, usize)> + 'a {
    let accepted = (0_u8..).zip(model.scenario.ids).filter(|(job, _)| state.redis.accepted.has(*job));
    accepted.map(|(job, _)| (job, state.redis.states_of(job)))
}

fn no_early_poison(model: &Protocol, state: &State) -> bool {
    state.redis.dead.iter().all(|dead| {
        let is_early = dead.reason == Reason::Poison && dead.taken < model.scenario.max_crashes;
        !is_early || state.history.disturbed.has(dead.job)
    })
}

fn told_is_over(model: &Protocol, state: &State) -> bool {
    jobs(model, state).filter(|(job, _)| state.redis.told.has(*job)).all(|(job, _)| state.redis.done.has(job))
}
