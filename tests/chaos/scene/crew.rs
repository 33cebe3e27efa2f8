//! The workers: so many slots, in each a process that is replaced when it has ended.

use std::sync::Arc;
use std::time::Duration;

use postrider_tests::worker_process::WorkerProcess;

use crate::history::Scope;
use crate::ledger::Ledger;
use crate::receiver::WORKER_URL;

/// The grace, the last try to write results, a heartbeat under way, the leave-taking.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// The workers.
#[derive(Debug)]
pub(crate) struct Crew {
    slots: Vec<Slot>,
    /// Those that have ended, for their logs.
    retired: Vec<Worker>,
    settings: Vec<(&'static str, &'static str)>,
    ledger: Arc<Ledger>,
}

#[derive(Debug)]
struct Slot {
    url: String,
    clock: Vec<(String, String)>,
    worker: Option<Worker>,
}

/// One process.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) number: u16,
    pub(crate) process: WorkerProcess,
}

impl Worker {
    /// Its requests.
    pub(crate) fn scope(&self) -> Scope {
        Scope::Worker(self.number)
    }
}

impl Crew {
    /// Nobody yet. The first slot's clock is false.
    pub(super) fn new(
        urls: Vec<String>,
        settings: Vec<(&'static str, &'static str)>,
        mut clock: Option<Vec<(String, String)>>,
        ledger: Arc<Ledger>,
    ) -> Self {
        let slot = |url| Slot { url, clock: clock.take().unwrap_or_default(), worker: None };
        let slots = urls.into_iter().map(slot).collect();
        Self { slots, retired: Vec::new(), settings, ledger }
    }

    pub(super) async fn start_all(&mut self) {
        for slot in 0..self.slots.len() {
            self.start(slot);
        }
        for worker in self.slots.iter_mut().filter_map(|slot| slot.worker.as_mut()) {
            worker.process.wait_ready().await;
        }
    }

    /// How many slots there are.
    pub(crate) fn size(&self) -> usize {
        self.slots.len()
    }

    /// Starts a worker in this slot.
    pub(crate) fn start(&mut self, slot: usize) {
        let number = self.ledger.born();
        let (before, after) = WORKER_URL;
        let name = format!("{before}{number}{after}");
        let slot = &mut self.slots[slot];
        let clock = slot.clock.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = [("POSTRIDER_SERVER_URL", name.as_str())];
        let environment: Vec<_> = self.settings.iter().copied().chain(clock).chain(own).collect();
        let process = WorkerProcess::start_at(&slot.url, &environment);
        self.retired.extend(slot.worker.replace(Worker { number, process }));
    }

    /// The worker in this slot.
    pub(crate) fn worker(&mut self, slot: usize) -> &mut Worker {
        self.slots[slot].worker.as_mut().expect("a slot is filled before the storm begins")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, slot: usize) {
        self.worker(slot).process.kill9();
    }

    /// SIGTERM; a successor starts at once. Waits for the end, which must be in good order.
    pub(crate) async fn replace(&mut self, slot: usize) {
        self.worker(slot).process.sigterm();
        self.start(slot);
        let Some(mut leaver) = self.retired.pop() else { return };
        let code = leaver.process.wait_exit(MAX_DRAIN).await;
        if code != Some(0) {
            self.ledger.problem(format!("worker {} ended its drain with {code:?}", leaver.number));
        }
        self.retired.push(leaver);
    }

    /// Replaces workers that have ended by themselves, which none may.
    pub(crate) fn look_after(&mut self) {
        for slot in 0..self.slots.len() {
            let worker = self.worker(slot);
            if worker.process.is_running() {
                continue;
            }
            let (number, log) = (worker.number, worker.process.log());
            let end: Vec<_> = log.lines().rev().take(5).collect();
            self.ledger.problem(format!("worker {number} ended by itself; its last lines: {end:#?}"));
            self.start(slot);
        }
    }

    /// Process ids of the living, with their numbers.
    pub(crate) fn ids(&self) -> Vec<(u16, u32)> {
        let workers = self.slots.iter().filter_map(|slot| slot.worker.as_ref());
        workers.map(|worker| (worker.number, worker.process.id())).collect()
    }

    /// The logs of all that ever lived, by number.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (u16, String)> {
        let living = self.slots.iter().filter_map(|slot| slot.worker.as_ref());
        self.retired.iter().chain(living).map(|worker| (worker.number, worker.process.log()))
    }
}
