//! What can happen next.

use crate::action::{Action, Answer, Call, Reply};
use crate::guard::Guard;
use crate::redis::Lease;
use crate::scenario::{Fault, Scenario};
use crate::state::State;
use crate::worker::{Held, Process, SILENT, Stage, Worker};

/// Collects all that can happen.
pub(crate) fn actions(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    let mut possible = Possible { scenario, state, actions };
    possible.production();
    for worker in 0..state.workers.len() {
        possible.process(worker);
        possible.own_steps(worker);
        if state.workers[worker].reaches_redis() {
            possible.upkeep(worker);
            possible.settling(worker);
            possible.leasing(worker);
            possible.watching(worker);
        }
    }
    possible.redis();
}

struct Possible<'a> {
    scenario: &'a Scenario,
    state: &'a State,
    actions: &'a mut Vec<Action>,
}

impl Possible<'_> {
    fn add(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn add_fault(&mut self, kind: Fault, action: Action) {
        if self.state.faults_left > 0 && self.scenario.kinds.include(kind) {
            self.add(action);
        }
    }

    /// A call whose reply may be lost.
    fn add_call(&mut self, worker: usize, call: Call) {
        self.add(Action::Call(worker, call, Reply::Heard));
        self.add_fault(Fault::LostReply, Action::Call(worker, call, Reply::Lost));
    }

    fn keep(&self, guard: Guard) -> bool {
        self.scenario.rules.keep(guard)
    }

    fn production(&mut self) {
        let next = (0_u8..).zip(self.scenario.ids).find(|(job, _)| !self.state.history.accepted.has(*job));
        if let Some((job, _)) = next {
            self.add(Action::Produce(job));
        }
    }

    fn process(&mut self, number: usize) {
        let worker = &self.state.workers[number];
        match worker.process {
            Process::Down => self.add(Action::Restart(number)),
            Process::Paused => self.add(Action::Resume(number)),
            Process::Up => {
                self.add_fault(Fault::Pause, Action::Pause(number));
                if worker.is_cut_off {
                    self.add(Action::Reconnect(number));
                } else {
                    self.add_fault(Fault::CutOff, Action::CutOff(number));
                }
                if !worker.is_draining {
                    self.add_fault(Fault::Drain, Action::Drain(number));
                }
            }
        }
        if worker.process != Process::Down {
            self.add_fault(Fault::Crash, Action::Crash(number));
        }
        if is_away(worker) {
            self.absence(number);
        }
    }

    /// What happens to a worker that is paused or cut off.
    fn absence(&mut self, number: usize) {
        let state = self.state;
        let worker = &state.workers[number];
        if worker.silence < SILENT || worker.watched < SILENT && state.is_watched(number) {
            self.add(Action::TimePasses(number));
        }
        if worker.has_read_waiting && state.redis.has_group {
            for entry in state.redis.entries.iter().filter(|entry| entry.lease == Lease::Unread) {
                self.add(Action::AnswerWaitingRead(number, entry.id));
            }
        }
    }

    /// What a worker does without Redis.
    fn own_steps(&mut self, number: usize) {
        let worker = &self.state.workers[number];
        if worker.process != Process::Up {
            return;
        }
        for (place, held) in worker.held.iter().enumerate() {
            match held.stage {
                Stage::Unstarted => {
                    if self.may_start(worker, held) {
                        self.add(Action::Start(number, place));
                    }
                    if worker.is_fenced() || worker.is_draining || held.is_doubtful {
                        self.add(Action::GiveBack(number, place));
                    }
                }
                Stage::InFlight => {
                    self.add(Action::Answer(number, place, Answer::Accepts));
                    self.add(Action::Answer(number, place, Answer::Refuses));
                    if worker.is_draining {
                        self.add(Action::CutRequestOff(number, place));
                    }
                }
                Stage::Settling(_) | Stage::Half(_) => {}
            }
        }
    }

    fn may_start(&self, worker: &Worker, held: &Held) -> bool {
        let is_sure = !worker.is_fenced() || !self.keep(Guard::FenceStopsStarts);
        let is_fresh = !held.is_doubtful || !self.keep(Guard::GapEndsLeases);
        let is_counted = !held.from_lost || !self.keep(Guard::LossIsCounted);
        is_sure && is_fresh && is_counted && !worker.is_draining
    }

    fn upkeep(&mut self, number: usize) {
        let state = self.state;
        let worker = &state.workers[number];
        if worker.is_fenced() {
            self.add_call(number, Call::Beat);
        }
        if !state.redis.has_group && !worker.is_fenced() && !worker.is_draining {
            self.add(Action::Call(number, Call::EnsureGroup, Reply::Heard));
        }
        if worker.carried.is_some() {
            self.add(Action::Call(number, Call::FinishPromotion, Reply::Heard));
        } else {
            for waiting in &state.redis.waiting {
                self.add(Action::Call(number, Call::Promote(waiting.id), Reply::Heard));
            }
        }
        if worker.is_draining && worker.held.is_empty() {
            self.add(Action::Call(number, Call::SignOff, Reply::Heard));
        }
    }

    fn settling(&mut self, number: usize) {
        for (place, held) in self.state.workers[number].held.iter().enumerate() {
            match held.stage {
                Stage::Settling(_) => self.add_call(number, Call::Settle(place)),
                Stage::Half(_) => self.add(Action::Call(number, Call::Settle(place), Reply::Heard)),
                Stage::Unstarted if held.from_lost && self.state.redis.has_group => {
                    self.add_call(number, Call::CountLoss(place));
                }
                Stage::Unstarted | Stage::InFlight => {}
            }
        }
    }

    fn leasing(&mut self, number: usize) {
        let state = self.state;
        let worker = &state.workers[number];
        let is_sure = !worker.is_fenced() || !self.keep(Guard::FenceStopsLeases);
        if !is_sure || worker.is_draining || !state.redis.has_group {
            return;
        }
        for entry in state.redis.entries.iter().filter(|entry| entry.lease == Lease::Unread) {
            self.add_call(number, Call::Read(entry.id));
        }
        for (lost, _) in &worker.lost {
            self.add_call(number, Call::TakeOver(*lost));
        }
        self.recovery(number);
    }

    fn recovery(&mut self, number: usize) {
        let state = self.state;
        if !self.keep(Guard::LostRepliesAreFound) {
            return;
        }
        let worker = &state.workers[number];
        for entry in state.redis.pending(state.consumer(number)) {
            // Two of one entry are enough to see what comes of it.
            let has = worker.held.iter().filter(|held| held.entry == entry.id).count();
            let is_wanted = if self.keep(Guard::HeldIsNotAdmittedAgain) { has == 0 } else { has < 2 };
            if is_wanted {
                self.add(Action::Call(number, Call::Recover(entry.id), Reply::Heard));
            }
        }
    }

    fn watching(&mut self, number: usize) {
        let state = self.state;
        let worker = &state.workers[number];
        if worker.is_fenced() || worker.is_draining {
            return;
        }
        for consumer in state.consumers() {
            let beat = state.redis.beat(consumer);
            let is_known = worker.lost.contains(&(consumer, beat));
            let looks_dead = state.looks_dead(consumer, self.scenario.rules);
            let counts = beat.is_some() || self.keep(Guard::WithoutABeatIsDeadToo);
            if consumer != state.consumer(number) && looks_dead && counts && !is_known {
                self.add(Action::FindDead(number, consumer));
            }
        }
    }

    fn redis(&mut self) {
        if self.state.redis.has_group {
            self.add_fault(Fault::GroupLost, Action::LoseGroup);
        }
        match &self.state.replica {
            None => self.add_fault(Fault::Failover, Action::StopReplication),
            Some(replica) if replica.lag > 0 => self.add(Action::FailOver),
            Some(_) => {}
        }
    }
}

/// Whether a worker's process lives and can't beat.
fn is_away(worker: &Worker) -> bool {
    worker.process == Process::Paused || worker.process == Process::Up && worker.is_cut_off
}
