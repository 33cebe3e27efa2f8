//! Keeps account of every job that was accepted, without the model: each is somewhere, once, until it has ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{Field, Record, Text, World};

/// What tells a job from all others wherever it goes: the number that its content begins with, and its hook.
pub(crate) type Token = (Text, Text);

/// The account.
#[derive(Default)]
pub(crate) struct Ledger {
    alive: BTreeSet<Token>,
    produced: usize,
}

impl Ledger {
    /// A number for the next job.
    pub(crate) fn next_number(&mut self) -> usize {
        self.produced += 1;
        self.produced
    }

    /// A job was accepted.
    pub(crate) fn begins(&mut self, token: Token) {
        self.alive.insert(token);
    }

    /// A job has ended, or was destroyed by a fault.
    pub(crate) fn ends(&mut self, token: &Token) {
        self.alive.remove(token);
    }

    /// Whether each living job is in one place, and nothing else is anywhere; else what is wrong.
    pub(crate) fn check(&self, world: &World) -> Result<(), String> {
        let mut places: BTreeMap<Token, Vec<&str>> = BTreeMap::new();
        for (token, place) in all_places(world) {
            places.entry(token).or_default().push(place);
        }
        for (token, places) in &places {
            if places.len() > 1 {
                return Err(format!("job {token:?} is in several places: {places:?}"));
            }
            if !self.alive.contains(token) {
                return Err(format!("job {token:?} has ended and is in {places:?}"));
            }
        }
        match self.alive.iter().find(|token| !places.contains_key(*token)) {
            Some(lost) => Err(format!("job {lost:?} is lost")),
            None => Ok(()),
        }
    }
}

/// Every job that is anywhere, and where.
pub(crate) fn all_places(world: &World) -> Vec<(Token, &'static str)> {
    let mut places = Vec::new();
    for queue in &world.queues {
        places.extend(queue.entries.iter().map(|entry| (token_of(&entry.fields), "the stream")));
        places.extend(queue.records.values().filter_map(|record| match record {
            Record::Job { fields, .. } => Some((token_of(fields), "the waiting")),
            Record::Unreadable(_) => None,
        }));
        let readable = queue.dead.iter().filter(|letter| letter.fields[0].0.0 != b"record");
        places.extend(readable.map(|letter| (token_of(&letter.fields), "the dead letters")));
    }
    places
}

/// The token in a job's fields.
pub(crate) fn token_of(fields: &[Field]) -> Token {
    let value =
        |wanted: &[u8]| fields.iter().find(|(name, _)| name.0 == wanted).map(|(_, value)| &value.0[..]);
    let content = value(b"content").unwrap_or_default();
    let number = content.split(|byte| *byte == b';').next().unwrap_or_default();
    (Text(number.to_vec()), Text(value(b"hookId").unwrap_or_default().to_vec()))
}
