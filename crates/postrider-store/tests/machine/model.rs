//! The reference: what each move is to do, said once more and plainly, on values. It knows nothing of scripts; where Redis
//! makes something up (an id, the time), it leaves a gap that a look fills in, if what was seen is possible.
//!
//! - here: ids and times, and what several moves share; [`leases`]: who holds what.
//! - [`settling`]: out of a lease; [`waiting`]: back from the wait, and fan-out; [`registry`]: hooks.

mod leases;
mod registry;
mod settling;
mod waiting;

use std::collections::BTreeMap;

use postrider_core::entry_id::EntryId;
use postrider_store::fault::FaultClass;

use crate::state::{Entry, Field, Moment, NEW, QueueState, Record, World};

pub(crate) use leases::Handed;
pub(crate) use settling::{Order, hook_name};
pub(crate) use waiting::Promoted;

/// What a move answers, or how it fails.
pub(crate) type Answer<T> = Result<T, FaultClass>;

/// Who holds an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Me,
    Other,
    Nobody,
}

/// Redis' clock before and after a step, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Window {
    /// The moment that was seen, where the gap can be that; else the gap.
    fn fill(self, gap: &mut Moment, seen: Option<&Moment>) {
        let (Moment::Soon { plus, up }, Some(Moment::At(at))) = (*gap, seen) else { return };
        let millis = |micros: i64| if up { (micros + 999) / 1000 } else { micros / 1000 };
        if (millis(self.from) + plus..=millis(self.to) + plus).contains(at) {
            *gap = Moment::At(*at);
        }
    }

    fn fill_all(self, gaps: &mut BTreeMap<String, Moment>, seen: &BTreeMap<String, Moment>) {
        for (name, gap) in gaps {
            self.fill(gap, seen.get(name));
        }
    }
}

impl World {
    /// Fills the gaps with what was seen.
    pub(crate) fn learn(&mut self, seen: &Self, window: Window) {
        for (queue, seen) in self.queues.iter_mut().zip(&seen.queues) {
            queue.learn(seen, window);
        }
        for (hook, health) in &mut self.hooks.health {
            window.fill(&mut health.since, seen.hooks.health.get(hook).map(|seen| &seen.since));
        }
    }
}

impl QueueState {
    fn learn(&mut self, seen: &Self, window: Window) {
        let mut last = EntryId { millis: 0, sequence: 0 };
        for (entry, seen) in self.entries.iter_mut().zip(&seen.entries) {
            if entry.id == NEW && seen.id > last {
                entry.id = seen.id;
            }
            last = entry.id;
            if let Some(due) = &mut entry.due {
                window.fill(due, seen.due.as_ref());
            }
        }
        for (job, record) in &mut self.records {
            if let (Record::Job { due, .. }, Some(Record::Job { due: seen, .. })) =
                (record, seen.records.get(job))
            {
                window.fill(due, Some(seen));
            }
        }
        for (letter, seen) in self.dead.iter_mut().zip(&seen.dead) {
            window.fill(&mut letter.died, Some(&seen.died));
        }
        for (attempt, seen) in self.attempts.iter_mut().zip(&seen.attempts) {
            window.fill(&mut attempt.at, Some(&seen.at));
        }
        for (gaps, seen) in
            [(&mut self.retry, &seen.retry), (&mut self.held, &seen.held), (&mut self.seen, &seen.seen)]
        {
            window.fill_all(gaps, seen);
        }
    }

    pub(crate) fn is_broken(&self, satellite: &str) -> bool {
        self.broken.contains(satellite)
    }

    pub(crate) fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Puts an entry at the end of the stream, which is made where it is missing.
    pub(crate) fn add(&mut self, fields: Vec<Field>, due: Option<Moment>) {
        self.exists = true;
        self.entries.push(Entry { id: NEW, fields, due });
    }

    /// Takes entries out of the stream and the pending list.
    fn leave(&mut self, id: EntryId) {
        self.entries.retain(|entry| entry.id != id);
        self.acknowledge(id);
    }

    fn acknowledge(&mut self, id: EntryId) {
        if let Some(group) = &mut self.group {
            group.pending.remove(&id);
        }
    }

    /// When the next waiting job is due, as every reply tells it.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let head = self.retry.values().map(|due| due.millis()).min();
        head.filter(|_| !self.is_broken("retry")).map(|due| u64::try_from(due).unwrap_or(0))
    }

    /// Waiting ids in the order in which they fall due.
    fn in_order_of_due(&self) -> Vec<(i64, String)> {
        let mut order: Vec<_> = self.retry.iter().map(|(job, due)| (due.millis(), job.clone())).collect();
        order.sort();
        order
    }
}

/// Bytes of a job, as far as the limits of what one call copies are concerned.
fn bytes_of(fields: &[Field]) -> i64 {
    fields.iter().map(|(name, value)| (name.0.len() + value.0.len()) as i64).sum()
}

/// What one call copies, before its last job.
const MAX_COPY_BYTES: i64 = 4 << 20;
