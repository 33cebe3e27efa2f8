//! What becomes of a world in which nothing fails any more: one fair course from it, step by step, until every job has ended.
//! The checker's own "eventually" can't tell a cycle from two ways to one place, so this is asked of each state instead.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::action::{Action, Answer, Call, Reply};
use crate::possible::actions;
use crate::scenario::{MAX_JOBS, Scenario};
use crate::state::State;
use crate::step;

/// Far more steps than any course takes: a longer one goes in a circle.
const MAX_STEPS: usize = 100;

/// States from which all jobs are known to end, where the receiver gives this answer to every request.
#[derive(Debug)]
pub(crate) struct Progress {
    answer: Answer,
    known: Mutex<HashSet<u64>>,
}

impl Progress {
    pub(crate) fn under(answer: Answer) -> Self {
        Self { answer, known: Mutex::default() }
    }

    /// Whether every accepted job ends from here on.
    pub(crate) fn is_made(&self, scenario: &Scenario, start: &State) -> bool {
        let mut passed = vec![key(start)];
        let mut state = start.clone();
        while !all_have_ended(&state) && !self.knows(passed.last()) {
            let Some(action) = self.next_action(scenario, &state) else { return false };
            if passed.len() > MAX_STEPS {
                return false;
            }
            state = step::next(scenario, &state, action);
            passed.push(key(&state));
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
        true
    }

    fn knows(&self, key: Option<&u64>) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        key.is_some_and(|key| known.contains(key))
    }

    fn next_action(&self, scenario: &Scenario, state: &State) -> Option<Action> {
        let mut possible = Vec::new();
        actions(scenario, state, &mut possible);
        let ranked = possible.into_iter().filter_map(|action| Some((self.rank(state, action)?, action)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, action)| action)
    }

    /// What comes first. Workers that are away stay away as long as another one works.
    fn rank(&self, state: &State, action: Action) -> Option<u8> {
        let nobody_works = !state.workers.iter().any(crate::worker::Worker::reaches_redis);
        match action {
            Action::Call(_, call, Reply::Heard) => Some(rank_of_call(call)),
            Action::Answer(_, _, answer) if answer == self.answer => Some(2),
            Action::GiveBack(..) => Some(3),
            Action::Start(..) => Some(6),
            Action::FindDead(..) => Some(11),
            Action::TimePasses(_) => Some(14),
            Action::Restart(_) if nobody_works => Some(15),
            Action::Reconnect(_) if nobody_works => Some(16),
            Action::Resume(_) if nobody_works => Some(17),
            _ => None,
        }
    }
}

fn rank_of_call(call: Call) -> u8 {
    match call {
        Call::FinishPromotion => 0,
        Call::Settle(_) => 1,
        Call::Beat => 4,
        Call::CountLoss(_) => 5,
        Call::SignOff => 7,
        Call::EnsureGroup => 8,
        Call::Recover(_) => 9,
        Call::TakeOver(_) => 10,
        Call::Read(_) => 12,
        Call::Promote(_) => 13,
    }
}

fn all_have_ended(state: &State) -> bool {
    let jobs = 0..u8::try_from(MAX_JOBS).unwrap_or(u8::MAX);
    jobs.filter(|job| state.redis.accepted.has(*job)).all(|job| state.redis.has_ended(job))
}

fn key(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
