//! How every sequence ends: faults stop, all workers are gone, and a fresh one brings every job to its end.

use std::collections::{BTreeMap, BTreeSet};

use postrider_store::queue::MAX_SCRIPT_FIELDS;

use super::{Machine, difference};
use crate::state::{Group, World};
use crate::steps::{CURE, EVENTS, Fate, Fault, JOBS, SeenBeat, Step};

/// More rounds than any sequence has jobs one behind the other.
const MAX_ROUNDS: usize = 50;

impl Machine {
    /// Faults stop and every worker is gone; a fresh one ends all jobs, and nothing is left but what is kept for good.
    pub(super) async fn cure(&mut self) -> Result<(), String> {
        for step in [Step::Fault(Fault::FreeMemory), Step::Fault(Fault::Mend)] {
            self.step(&step).await?;
        }
        for queue in [JOBS, EVENTS] {
            self.step(&Step::EnsureGroup { queue }).await?;
        }
        for _ in 0..MAX_ROUNDS {
            if self.is_at_rest() {
                return self.is_clean().await;
            }
            self.round().await?;
        }
        Err(format!("jobs are left after {MAX_ROUNDS} rounds: {:#?}", self.model.lines()))
    }

    async fn round(&mut self) -> Result<(), String> {
        for queue in [EVENTS, JOBS] {
            for lost in 0..CURE {
                let beat = SeenBeat::Latest;
                self.step(&Step::TakeOver { queue, worker: CURE, lost, beat, most: 100 }).await?;
            }
            self.step(&Step::Clock { hours: 24 }).await?;
            self.step(&Step::Promote { queue }).await?;
            if queue == JOBS {
                self.release_all().await?;
            }
            if self.skipped(queue) {
                self.step(&Step::Fault(Fault::Rewind { queue })).await?;
            }
            self.step(&Step::Read { queue, worker: CURE, count: 100 }).await?;
            self.end_all(queue).await?;
        }
        Ok(())
    }

    async fn release_all(&mut self) -> Result<(), String> {
        self.step(&Step::HeldHooks { most: 10 }).await?;
        for hook in 0..2 {
            self.step(&Step::Release { hook, most: 100 }).await?;
        }
        Ok(())
    }

    /// Whether entries are neither unread nor pending: what only an operator can undo.
    fn skipped(&self, queue: usize) -> bool {
        let state = &self.model.queues[queue];
        let Some(group) = &state.group else { return false };
        state.entries.iter().any(|entry| entry.id <= group.last && !group.pending.contains_key(&entry.id))
    }

    /// Ends what the fresh worker holds: every other job dead, the rest done.
    async fn end_all(&mut self, queue: usize) -> Result<(), String> {
        let held = self.hands.of(queue, CURE).len();
        for pick in 0..held {
            let step = self.end_of(queue, pick);
            self.step(&step).await?;
        }
        self.hands.forget_all();
        Ok(())
    }

    fn end_of(&self, queue: usize, pick: usize) -> Step {
        let fields = self.hands.pick(queue, CURE, pick).map_or(0, |hand| hand.fields.len());
        let is_wide = fields > MAX_SCRIPT_FIELDS;
        match queue {
            JOBS if is_wide => Step::BuryWhole { worker: CURE, pick },
            EVENTS if !is_wide => Step::FanOut { worker: CURE, pick, hooks: 1 },
            _ => {
                let dies = queue == JOBS && pick % 2 == 1;
                let fate = if dies { Fate::Dead { reason: 4 } } else { Fate::Done };
                Step::Settle {
                    queue,
                    worker: CURE,
                    batch: vec![(pick, fate, true)],
                    most: 1000,
                    is_repeat: false,
                }
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        self.model.queues.iter().all(|queue| {
            let leases = queue.group.as_ref().map_or(0, |group| group.pending.len());
            queue.entries.len() + leases + queue.retry.len() + queue.held.len() == 0
        })
    }

    /// Nothing is left that isn't kept for good.
    async fn is_clean(&mut self) -> Result<(), String> {
        for (queue, worker) in
            [JOBS, EVENTS].into_iter().flat_map(|queue| (0..=CURE).map(move |worker| (queue, worker)))
        {
            self.step(&Step::SignOff { queue, worker }).await?;
        }
        let left = self.model.clone();
        let mut kept = World { hooks: left.hooks.clone(), ..World::default() };
        for (left, kept) in left.queues.iter().zip(&mut kept.queues) {
            kept.exists = true;
            (kept.dead, kept.attempts) = (left.dead.clone(), left.attempts.clone());
            kept.counts = left.counts.clone();
            let group = left.group.clone();
            kept.group =
                group.map(|group| Group { pending: BTreeMap::new(), consumers: BTreeSet::new(), ..group });
        }
        if left == kept { Ok(()) } else { Err(difference(&kept, &left)) }
    }
}
