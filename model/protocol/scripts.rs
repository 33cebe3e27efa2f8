//! The scripts but `settle.lua`, and the commands beside them: each is one step. They follow the files of the same names
//! in `crates/postrider-store/src/scripts`.

use crate::guard::{Guard, Rules};
use crate::redis::{Consumer, Entry, EntryId, Holder, Lease, Memory, Redis, Waiting};
use crate::scenario::MAX_JOBS;

/// How often each job has been added to the stream. Entry ids never repeat, not even after a failover.
pub(crate) type Turns = [u8; MAX_JOBS];

/// What `take_over.lua` brings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakenOver {
    pub(crate) entry: Option<Entry>,
    pub(crate) finished: bool,
    /// For the model alone: the lost worker had started it.
    pub(crate) was_started: bool,
}

impl Redis {
    /// `XADD` of a new entry.
    pub(crate) fn add(&mut self, job: u8, memory: Memory, turns: &mut Turns) {
        let turn = &mut turns[usize::from(job)];
        self.entries.push(Entry { id: EntryId { job, turn: *turn }, memory, lease: Lease::Unread });
        self.entries.sort_unstable();
        *turn += 1;
    }

    /// `ensure_group.lua`.
    pub(crate) fn ensure_group(&mut self, rules: Rules) {
        self.has_group = true;
        let lease = if rules.keep(Guard::GroupBeginsAtZero) { Lease::Unread } else { Lease::Nobody };
        self.entries.iter_mut().for_each(|entry| entry.lease = lease);
    }

    /// `XREADGROUP` of one entry.
    pub(crate) fn read(&mut self, id: EntryId, me: Consumer) -> Option<Entry> {
        let entry = self.entry_mut(id)?;
        entry.lease = Lease::Pending { owner: me, deliveries: 1, started: false };
        Some(*entry)
    }

    /// `beat.lua`.
    pub(crate) fn hear_beat(&mut self, of: Consumer, beat: u8) {
        self.beats.retain(|(consumer, _)| *consumer != of);
        self.beats.push((of, beat));
        self.beats.sort_unstable();
    }

    /// `promote.lua` for one job. Gives what it took out and didn't add, without [`Guard::PromotionIsOneStep`].
    pub(crate) fn promote(&mut self, id: u8, rules: Rules, turns: &mut Turns) -> Option<Waiting> {
        let waiting = *self.waiting(id)?;
        if rules.keep(Guard::PromotionEndsTheWait) {
            self.stop_waiting(id);
        }
        if !rules.keep(Guard::PromotionIsOneStep) {
            return Some(waiting);
        }
        self.add(waiting.origin.job, waiting.memory, turns);
        None
    }

    /// `take_over.lua` with room for one entry, from a consumer that was found dead with this beat.
    pub(crate) fn take_over(
        &mut self,
        me: Consumer,
        (lost, known_beat): (Consumer, Option<u8>),
        rules: Rules,
    ) -> TakenOver {
        let beat = self.beat(lost);
        if beat.is_some() && beat != known_beat && rules.keep(Guard::TakeOverComparesBeats) {
            return TakenOver { entry: None, finished: false, was_started: false };
        }
        let first = self.pending(lost).next().copied();
        let was_started =
            first.is_some_and(|entry| matches!(entry.lease, Lease::Pending { started: true, .. }));
        let entry = first.and_then(|entry| self.claim(entry.id, me));
        let is_empty = self.pending(lost).next().is_none();
        let finished = is_empty || !rules.keep(Guard::RemovalNeedsEmptyHands);
        if finished {
            self.remove(lost);
        }
        TakenOver { entry, finished, was_started }
    }

    fn claim(&mut self, id: EntryId, me: Consumer) -> Option<Entry> {
        let entry = self.entry_mut(id)?;
        let Lease::Pending { deliveries, started, .. } = entry.lease else { return None };
        entry.memory.taken += 1;
        entry.memory.killed += u8::from(started);
        entry.lease = Lease::Pending { owner: me, deliveries, started: false };
        Some(*entry)
    }

    /// `XGROUP DELCONSUMER`, which destroys what is pending, and the heartbeat's end.
    fn remove(&mut self, consumer: Consumer) {
        for entry in &mut self.entries {
            if matches!(entry.lease, Lease::Pending { owner, .. } if owner == consumer) {
                entry.lease = Lease::Nobody;
            }
        }
        self.beats.retain(|(known, _)| *known != consumer);
    }

    /// `sign_off.lua`.
    pub(crate) fn sign_off(&mut self, me: Consumer, rules: Rules) {
        let has_empty_hands = self.pending(me).next().is_none();
        if has_empty_hands || !rules.keep(Guard::SignOffNeedsEmptyHands) {
            self.remove(me);
        }
    }

    /// `count_crash.lua`: gives the number of deliveries from now on, or nothing where the entry is another's.
    pub(crate) fn count_loss(
        &mut self,
        id: EntryId,
        me: Consumer,
        deliveries: u8,
        rules: Rules,
    ) -> Option<u8> {
        let is_mine = self.holder(id, me) == Holder::Me;
        let entry = self.entry_mut(id)?;
        let Lease::Pending { deliveries: counted, started, .. } = entry.lease else { return None };
        if !is_mine && rules.keep(Guard::LossIsCountedByTheOwner) {
            return None;
        }
        let deliveries = if rules.keep(Guard::LossIsCountedOnce) { deliveries } else { counted + 1 };
        entry.lease = Lease::Pending { owner: me, deliveries, started };
        Some(deliveries)
    }

    /// Notes, for the model alone, that the owner has started the entry.
    pub(crate) fn note_start(&mut self, id: EntryId, me: Consumer) {
        let Some(entry) = self.entry_mut(id) else { return };
        if let Lease::Pending { owner, deliveries, .. } = entry.lease
            && owner == me
        {
            entry.lease = Lease::Pending { owner, deliveries, started: true };
        }
    }

    /// Notes, for the model alone, that the reply which told of a takeover was lost: the taker can't know of the loss.
    pub(crate) fn forget_last_loss(&mut self, id: EntryId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.memory.killed = entry.memory.killed.saturating_sub(1);
        }
    }
}
