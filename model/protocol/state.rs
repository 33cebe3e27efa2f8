//! The whole world at one moment, and what must never have happened in it.

use crate::guard::{Guard, Rules};
use crate::redis::{Consumer, Jobs, Redis};
use crate::scenario::{MAX_JOBS, Scenario, WORKERS};
use crate::scripts::Turns;
use crate::worker::{Process, SILENT, Worker};

/// Something that must never happen. Each is a bit in [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A worker scheduled, buried or gave back a job that was another's.
    MovedByANonOwner = 1,
    /// A job was taken from a worker whose beats arrive.
    TakenFromTheLiving = 2,
    /// A worker whose beats aren't accepted started a request.
    StartedWhileFenced = 4,
    /// A worker whose beats aren't accepted leased an entry.
    LeasedWhileFenced = 8,
    /// A worker started a job that was another's.
    StartedByANonOwner = 16,
    /// A process started an entry twice.
    StartedTwiceByOne = 32,
    /// A job was started that had been lost with as many workers as are allowed.
    StartedAfterTheLimit = 64,
}

/// What has happened, as far as Redis and the workers don't tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct History {
    flaws: u8,
    /// Jobs that some producer was told are accepted.
    pub(crate) accepted: Jobs,
    /// Jobs that a lost group or a failover may have sent again, whoever had them.
    pub(crate) disturbed: Jobs,
    /// How many more requests each job may be worth: attempts, and those that came to nothing with their workers.
    pub(crate) requests_left: [i8; MAX_JOBS],
}

impl History {
    pub(crate) fn note(&mut self, flaw: Flaw) {
        self.flaws |= flaw as u8;
    }

    pub(crate) fn is_flawless(&self) -> bool {
        self.flaws == 0
    }

    /// Whether this flaw, by its bit, has been noted.
    pub(crate) fn has(&self, flaw: u8) -> bool {
        self.flaws & flaw != 0
    }

    /// From now on a job may be sent again without anyone's fault.
    pub(crate) fn disturb(&mut self, job: u8) {
        self.disturbed.add(job);
        self.requests_left[usize::from(job)] = 0;
    }

    /// Counts requests that a job may be worth, or was.
    pub(crate) fn allow_requests(&mut self, job: u8, more: i8) {
        if !self.disturbed.has(job) {
            self.requests_left[usize::from(job)] += more;
        }
    }
}

/// A replica that gets no more writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replica {
    pub(crate) redis: Box<Redis>,
    /// Writes that it lacks.
    pub(crate) lag: u8,
}

/// The other of the two workers.
pub(crate) fn other(worker: usize) -> usize {
    1 - worker
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) redis: Redis,
    pub(crate) replica: Option<Replica>,
    pub(crate) workers: [Worker; WORKERS],
    pub(crate) turns: Turns,
    pub(crate) history: History,
    pub(crate) faults_left: u8,
}

impl State {
    /// Two workers that have just started, and an empty queue.
    pub(crate) fn first(scenario: &Scenario) -> Self {
        let requests = i8::try_from(scenario.max_attempts).unwrap_or(i8::MAX);
        Self {
            redis: Redis { has_group: true, ..Redis::default() },
            replica: None,
            workers: [Worker::started(0), Worker::started(0)],
            turns: [0; MAX_JOBS],
            history: History { requests_left: [requests; MAX_JOBS], ..History::default() },
            faults_left: scenario.faults,
        }
    }

    /// The consumer name of a worker.
    pub(crate) fn consumer(&self, worker: usize) -> Consumer {
        let number = u8::try_from(worker).unwrap_or(u8::MAX);
        Consumer { worker: number, life: self.workers[worker].life }
    }

    /// The process behind a consumer, where there still is one.
    pub(crate) fn process_of(&self, consumer: Consumer) -> Option<&Worker> {
        let worker = &self.workers[usize::from(consumer.worker)];
        let is_its = worker.life == consumer.life && worker.process != Process::Down;
        is_its.then_some(worker)
    }

    /// Whether the other worker may judge this one: its own beats are accepted.
    pub(crate) fn is_watched(&self, worker: usize) -> bool {
        let watcher = &self.workers[other(worker)];
        watcher.reaches_redis() && !watcher.is_fenced()
    }

    /// Whether the other worker would find this consumer dead by now.
    pub(crate) fn looks_dead(&self, consumer: Consumer, rules: Rules) -> bool {
        self.process_of(consumer).is_none_or(|worker| {
            let silence = if rules.keep(Guard::OutageKillsNobody) { worker.watched } else { worker.silence };
            silence >= SILENT || !rules.keep(Guard::DeathTakesSilence)
        })
    }

    /// All consumers that Redis knows of, by what is pending for them or by their heartbeat.
    pub(crate) fn consumers(&self) -> Vec<Consumer> {
        let owners = self.redis.entries.iter().filter_map(|entry| self.redis.owner(entry.id));
        let beating = self.redis.beats.iter().map(|(consumer, _)| *consumer);
        let mut consumers: Vec<_> = owners.chain(beating).collect();
        consumers.sort_unstable();
        consumers.dedup();
        consumers
    }

    /// The same world under other names: workers are alike, so it doesn't matter which of them is the first.
    pub(crate) fn representative(&self) -> Self {
        let mut state = self.clone();
        if self.workers[1].standing() < self.workers[0].standing() {
            state.rename_workers();
        }
        state
    }

    fn rename_workers(&mut self) {
        self.workers.swap(0, 1);
        self.redis.rename_workers();
        if let Some(replica) = &mut self.replica {
            replica.redis.rename_workers();
        }
        for worker in &mut self.workers {
            worker.lost.iter_mut().for_each(|(consumer, _)| consumer.rename());
            worker.lost.sort_unstable();
        }
    }
}
