//! Calls of a worker: what each does to Redis, and to the worker if it hears the reply.

use crate::action::{Call, Reply};
use crate::faults;
use crate::guard::Guard;
use crate::redis::{Consumer, EntryId, Holder, Memory, Reason};
use crate::settle::{Settled, Verdict};
use crate::state::{Flaw, State};
use crate::step::Step;
use crate::worker::{HEARD, Held, SILENT, Stage};

impl Step<'_> {
    fn keep(&self, guard: Guard) -> bool {
        self.scenario.rules.keep(guard)
    }

    fn drop_held(&mut self, number: usize, place: usize) {
        self.worker(number).held.remove(place);
    }

    pub(crate) fn call(&mut self, number: usize, call: Call, reply: Reply) {
        let rules = self.scenario.rules;
        match call {
            Call::EnsureGroup => self.state.redis.ensure_group(rules),
            Call::Beat => self.beat(number, reply),
            Call::Read(entry) => self.read(number, entry, reply),
            Call::Recover(entry) => self.recover(number, entry),
            Call::TakeOver(lost) => self.take_over(number, lost, reply),
            Call::CountLoss(place) => self.count_loss(number, place, reply),
            Call::Settle(place) => self.settle(number, place, reply),
            Call::Promote(id) => {
                let State { redis, turns, .. } = &mut self.state;
                self.worker(number).carried = redis.promote(id, rules, turns);
            }
            Call::FinishPromotion => {
                let carried = self.worker(number).carried.take();
                if let Some(waiting) = carried {
                    let State { redis, turns, .. } = &mut self.state;
                    redis.add(waiting.origin.job, waiting.memory, turns);
                }
            }
            Call::SignOff => {
                let me = self.state.consumer(number);
                self.state.redis.sign_off(me, rules);
                faults::end(&mut self.state, number);
            }
        }
    }

    fn beat(&mut self, number: usize, reply: Reply) {
        let me = self.state.consumer(number);
        let worker = self.worker(number);
        worker.beats += 1;
        worker.watched = HEARD;
        let beat = worker.beats;
        if reply == Reply::Heard {
            self.end_gap(number);
        }
        self.state.redis.hear_beat(me, beat);
    }

    /// Beats are accepted again: nothing that the worker knew before is sure.
    fn end_gap(&mut self, number: usize) {
        let keeps_verdicts = !self.keep(Guard::GapEndsVerdicts);
        let worker = self.worker(number);
        worker.silence = HEARD;
        let unstarted = worker.held.iter_mut().filter(|held| held.stage == Stage::Unstarted);
        unstarted.for_each(|held| held.is_doubtful = true);
        worker.held.sort_unstable();
        worker.lost.retain(|_| keeps_verdicts);
    }

    pub(crate) fn read(&mut self, number: usize, id: EntryId, reply: Reply) {
        let me = self.state.consumer(number);
        let is_reading = self.state.workers[number].reaches_redis();
        if is_reading && self.state.workers[number].is_fenced() {
            self.state.history.note(Flaw::LeasedWhileFenced);
        }
        let entry = self.state.redis.read(id, me);
        if let (Some(entry), Reply::Heard) = (entry, reply) {
            self.admit(number, Held::of(&entry, false));
        }
    }

    fn recover(&mut self, number: usize, id: EntryId) {
        let Some(entry) = self.state.redis.entry(id).copied() else { return };
        let held = Held::of(&entry, false);
        self.admit(number, Held { from_lost: held.deliveries > 1, ..held });
    }

    /// Finds a place for what was leased; poison goes straight to its grave.
    fn admit(&mut self, number: usize, held: Held) {
        if self.state.workers[number].holds(held.entry) && self.keep(Guard::HeldIsNotAdmittedAgain) {
            return;
        }
        let most = if self.keep(Guard::PoisonTakesSeveral) { self.scenario.max_crashes } else { 1 };
        let is_poison = held.counted_crashes() + u8::from(held.from_lost) >= most;
        let stage = if is_poison { Stage::Settling(Verdict::Bury(Reason::Poison)) } else { held.stage };
        self.worker(number).keep(Held { stage, ..held });
    }

    fn take_over(&mut self, number: usize, lost: Consumer, reply: Reply) {
        let me = self.state.consumer(number);
        let known = self.state.workers[number].lost.iter().find(|(known, _)| *known == lost);
        let Some(known) = known.copied() else { return };
        let taken = self.state.redis.take_over(me, known, self.scenario.rules);
        if let Some(entry) = taken.entry {
            self.state.history.allow_requests(entry.id.job, 1);
            self.note_robbery(entry.id, lost);
        }
        match (reply, taken.entry) {
            (Reply::Heard, entry) => {
                if taken.finished || entry.is_none() {
                    self.worker(number).lost.retain(|known| known.0 != lost);
                }
                if let Some(entry) = entry {
                    self.admit(number, Held::of(&entry, true));
                }
            }
            (Reply::Lost, Some(entry)) if taken.was_started => self.state.redis.forget_last_loss(entry.id),
            (Reply::Lost, _) => {}
        }
    }

    fn note_robbery(&mut self, id: EntryId, of: Consumer) {
        let lives = self.state.process_of(of).is_some_and(|worker| worker.watched < SILENT);
        if lives && !self.state.history.disturbed.has(id.job) {
            self.state.history.note(Flaw::TakenFromTheLiving);
        }
    }

    fn count_loss(&mut self, number: usize, place: usize, reply: Reply) {
        let me = self.state.consumer(number);
        let Held { entry, deliveries, .. } = self.state.workers[number].held[place];
        let owner = self.state.redis.owner(entry);
        let counted = self.state.redis.count_loss(entry, me, deliveries + 1, self.scenario.rules);
        if let Some(owner) = owner.filter(|owner| *owner != me && counted.is_some()) {
            self.note_robbery(entry, owner);
        }
        match (reply, counted) {
            (Reply::Lost, _) => {}
            (Reply::Heard, Some(deliveries)) => {
                let held = &mut self.worker(number).held;
                held[place] = Held { deliveries, from_lost: false, ..held[place] };
                held.sort_unstable();
            }
            (Reply::Heard, None) => self.drop_held(number, place),
        }
    }

    fn settle(&mut self, number: usize, place: usize, reply: Reply) {
        let me = self.state.consumer(number);
        let held = self.state.workers[number].held[place];
        let id = self.scenario.ids[usize::from(held.entry.job)];
        let rules = self.scenario.rules;
        let State { redis, turns, .. } = &mut self.state;
        let (verdict, result) = match held.stage {
            Stage::Settling(verdict) => {
                let holder = redis.holder(held.entry, me);
                let result = redis.settle(held.settlement(me, id, verdict), rules, turns);
                let has_moved = matches!(result, Settled::Applied | Settled::Half);
                if has_moved && holder == Holder::Other && verdict != Verdict::Success {
                    self.state.history.note(Flaw::MovedByANonOwner);
                }
                (verdict, result)
            }
            Stage::Half(verdict) => {
                redis.write_new_home(held.settlement(me, id, verdict), Memory::default(), rules, turns);
                (verdict, Settled::Applied)
            }
            Stage::Unstarted | Stage::InFlight => return,
        };
        match (reply, result) {
            (Reply::Lost, _) => {}
            (Reply::Heard, Settled::Half) => self.set_stage(number, place, Stage::Half(verdict)),
            (Reply::Heard, _) => self.drop_held(number, place),
        }
    }
}
