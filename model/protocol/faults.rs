//! Faults, and how they end.

use crate::action::Action;
use crate::redis::{Lease, Redis};
use crate::scenario::Scenario;
use crate::state::{Replica, State, other};
use crate::worker::{HEARD, Process, Worker};

/// Carries out a fault, or what ends one.
pub(crate) fn carry_out(scenario: &Scenario, state: &mut State, action: Action) {
    match action {
        Action::Crash(number) => end(state, number),
        Action::Restart(number) => state.workers[number] = Worker::started(state.workers[number].life + 1),
        Action::Pause(number) => pause(&mut state.workers[number]),
        Action::Resume(number) => resume(&mut state.workers[number]),
        Action::CutOff(number) => cut_off(&mut state.workers[number]),
        Action::Reconnect(number) => reconnect(&mut state.workers[number]),
        Action::Drain(number) => state.workers[number].is_draining = true,
        Action::LoseGroup => lose_group(scenario, state),
        Action::StopReplication => {
            let redis = Box::new(state.redis.clone());
            state.replica = Some(Replica { redis, lag: 0 });
        }
        Action::FailOver => fail_over(scenario, state),
        _ => {}
    }
}

/// A worker's process ends, and what it had in memory is gone.
pub(crate) fn end(state: &mut State, number: usize) {
    state.workers[number] = Worker::down(state.workers[number].life);
    // Its successor begins anew to watch the other.
    state.workers[other(number)].watched = HEARD;
}

fn pause(worker: &mut Worker) {
    leave_read_waiting(worker);
    worker.process = Process::Paused;
}

fn resume(worker: &mut Worker) {
    worker.process = Process::Up;
    worker.has_read_waiting &= worker.is_cut_off;
}

fn cut_off(worker: &mut Worker) {
    leave_read_waiting(worker);
    worker.is_cut_off = true;
}

fn reconnect(worker: &mut Worker) {
    worker.is_cut_off = false;
    worker.has_read_waiting = false;
}

fn leave_read_waiting(worker: &mut Worker) {
    worker.has_read_waiting |= worker.reaches_redis() && !worker.is_fenced() && !worker.is_draining;
}

fn lose_group(scenario: &Scenario, state: &mut State) {
    state.redis.has_group = false;
    state.redis.entries.iter_mut().for_each(|entry| entry.lease = Lease::Unread);
    disturb(scenario, state, |redis, job| redis.accepted.has(job));
}

/// A write that the replica doesn't get; one that would lack too much has caught up.
pub(crate) fn fall_behind(state: &mut State, max_lag: u8) {
    state.replica = state.replica.take().filter(|replica| replica.lag < max_lag);
    if let Some(replica) = &mut state.replica {
        replica.lag += 1;
    }
}

fn fail_over(scenario: &Scenario, state: &mut State) {
    let Some(replica) = state.replica.take() else { return };
    let before = std::mem::replace(&mut state.redis, *replica.redis);
    for number in 0..state.workers.len() {
        let worker = &state.workers[number];
        // Those that beat all the time do so at once; nobody is found dead in between.
        if worker.reaches_redis() && !worker.is_fenced() {
            let beat = worker.beats;
            state.redis.hear_beat(state.consumer(number), beat);
        }
    }
    // A worker whose last beat is lost may be taken for dead, until its next one.
    let lost_a_beat = state.redis.beats != before.beats;
    disturb(scenario, state, |redis, job| lost_a_beat || redis.accepted.has(job));
}

fn disturb(scenario: &Scenario, state: &mut State, which: impl Fn(&Redis, u8) -> bool) {
    for (job, _) in (0_u8..).zip(scenario.ids) {
        if which(&state.redis, job) {
            state.history.disturb(job);
        }
    }
}
