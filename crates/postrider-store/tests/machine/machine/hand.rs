//! What workers remember of entries that they hold, or have held: nobody tells them when they have lost one.

use std::collections::HashMap;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;

use crate::ledger::{Token, token_of};
use crate::model::Handed;
use crate::state::Field;

/// An entry in a worker's memory.
#[derive(Clone)]
pub(crate) struct Hand {
    pub(super) entry: EntryId,
    pub(super) job: String,
    pub(super) state: JobState,
    pub(super) fields: Vec<Field>,
}

impl Hand {
    /// As a worker reads an entry.
    fn of(handed: &Handed) -> Self {
        let value = |wanted: &[u8]| handed.fields.iter().find(|(name, _)| name.0 == wanted);
        let state = value(b"_job").and_then(|(_, state)| JobState::parse(&state.0)).unwrap_or_default();
        let first = state.first_entry.unwrap_or(handed.id);
        let own = value(b"id").map(|(_, id)| String::from_utf8_lossy(&id.0).into_owned());
        Self {
            entry: handed.id,
            job: own.unwrap_or_else(|| first.to_string()),
            state: JobState { first_entry: Some(first), ..state },
            fields: handed.fields.clone(),
        }
    }

    pub(super) fn token(&self) -> Token {
        token_of(&self.fields)
    }
}

/// The memories of all workers, by queue and worker.
#[derive(Default)]
pub(crate) struct Hands(HashMap<(usize, usize), Vec<Hand>>);

impl Hands {
    pub(super) fn remember(&mut self, queue: usize, worker: usize, handed: &[Handed]) {
        self.0.entry((queue, worker)).or_default().extend(handed.iter().map(Hand::of));
    }

    /// All that a worker remembers, the earliest first.
    pub(super) fn of(&self, queue: usize, worker: usize) -> &[Hand] {
        self.0.get(&(queue, worker)).map_or(&[], Vec::as_slice)
    }

    /// One of them, the latest being 0.
    pub(super) fn pick(&self, queue: usize, worker: usize, pick: usize) -> Option<Hand> {
        let hands = self.of(queue, worker);
        let back = pick.checked_rem(hands.len())?;
        hands.iter().rev().nth(back).cloned()
    }

    pub(super) fn forget_all(&mut self) {
        self.0.clear();
    }
}
