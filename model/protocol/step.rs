//! One step: what it changes.

use crate::action::{Action, Answer, Reply};
use crate::faults;
use crate::redis::{Consumer, Holder, Memory};
use crate::scenario::Scenario;
use crate::settle::Verdict;
use crate::state::{Flaw, State, other};
use crate::worker::{HEARD, Held, SILENT, Stage, Worker};

/// The world after a step.
pub(crate) fn next(scenario: &Scenario, state: &State, action: Action) -> State {
    let mut next = Step { scenario, state: state.clone() };
    next.carry_out(action);
    let mut next = next.state;
    next.faults_left -= u8::from(action.is_fault());
    if next.redis != state.redis && !matches!(action, Action::FailOver) {
        faults::fall_behind(&mut next, scenario.max_lag);
    }
    next
}

pub(crate) struct Step<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) state: State,
}

impl Step<'_> {
    pub(crate) fn worker(&mut self, number: usize) -> &mut Worker {
        &mut self.state.workers[number]
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Produce(job) => self.produce(job),
            Action::Call(number, call, reply) => self.call(number, call, reply),
            Action::FindDead(number, lost) => self.find_dead(number, lost),
            Action::Start(number, place) => self.start(number, place),
            Action::Answer(number, place, answer) => self.answer(number, place, answer),
            Action::GiveBack(number, place) => {
                self.set_stage(number, place, Stage::Settling(Verdict::GiveBack));
            }
            Action::TimePasses(number) => self.pass_time(number),
            Action::AnswerWaitingRead(number, entry) => {
                self.worker(number).has_read_waiting = false;
                self.read(number, entry, Reply::Heard);
            }
            Action::CutRequestOff(number, place) => {
                let job = self.state.workers[number].held[place].entry.job;
                self.state.history.allow_requests(job, 1);
                self.set_stage(number, place, Stage::Settling(Verdict::GiveBack));
            }
            other => faults::carry_out(self.scenario, &mut self.state, other),
        }
    }

    /// Time passes for a worker that is away. Who watches it must be heard itself all the while.
    fn pass_time(&mut self, number: usize) {
        let is_watched = self.state.is_watched(number);
        let worker = self.worker(number);
        worker.silence = (worker.silence + 1).min(SILENT);
        worker.watched = if is_watched { (worker.watched + 1).min(SILENT) } else { HEARD };
        self.worker(other(number)).watched = HEARD;
    }

    fn produce(&mut self, job: u8) {
        self.state.history.accepted.add(job);
        self.state.redis.accepted.add(job);
        self.state.redis.add(job, Memory::default(), &mut self.state.turns);
    }

    fn find_dead(&mut self, number: usize, lost: Consumer) {
        let beat = self.state.redis.beat(lost);
        let worker = self.worker(number);
        worker.lost.retain(|(known, _)| *known != lost);
        worker.lost.push((lost, beat));
        worker.lost.sort_unstable();
    }

    fn start(&mut self, number: usize, place: usize) {
        let me = self.state.consumer(number);
        let held = self.state.workers[number].held[place];
        self.note_flaws_of_start(number, held, me);
        self.state.redis.note_start(held.entry, me);
        self.state.history.allow_requests(held.entry.job, -1);
        self.set_stage(number, place, Stage::InFlight);
    }

    fn note_flaws_of_start(&mut self, number: usize, held: Held, me: Consumer) {
        let State { redis, workers, history, .. } = &mut self.state;
        let worker = &workers[number];
        if worker.is_fenced() {
            history.note(Flaw::StartedWhileFenced);
        }
        if worker.has_started(held.entry) {
            history.note(Flaw::StartedTwiceByOne);
        }
        if history.disturbed.has(held.entry.job) {
            return;
        }
        if redis.holder(held.entry, me) == Holder::Other {
            history.note(Flaw::StartedByANonOwner);
        }
        let losses = redis.entry(held.entry).map_or(0, |entry| entry.memory.killed);
        if losses >= self.scenario.max_crashes {
            history.note(Flaw::StartedAfterTheLimit);
        }
    }

    fn answer(&mut self, number: usize, place: usize, answer: Answer) {
        let held = self.state.workers[number].held[place];
        let verdict = match answer {
            Answer::Accepts => Verdict::Success,
            Answer::Refuses => held.verdict_of_failure(self.scenario.max_attempts),
        };
        self.set_stage(number, place, Stage::Settling(verdict));
    }

    pub(crate) fn set_stage(&mut self, number: usize, place: usize, stage: Stage) {
        let held = &mut self.worker(number).held;
        held[place].stage = stage;
        held.sort_unstable();
    }
}
