//! The notes of a phase while it runs: shared by the load, the receiver, the storm and the scene.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::now_us;
use crate::fault::Kind;
use crate::history::{Acceptance, Death, Fault, History, JobRecord, Request, Rules, Scope, UNENDED};
use crate::job::{Class, Hook};

/// The notes.
#[derive(Debug)]
pub(crate) struct Ledger {
    pages: Mutex<History>,
    accepted: watch::Sender<u64>,
    problems: Mutex<Vec<String>>,
}

/// A fault that is being done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultPlace(usize);

impl Ledger {
    /// Empty ones.
    pub(crate) fn new(rules: Rules) -> Self {
        let history = History {
            rules,
            jobs: Vec::new(),
            requests: Vec::new(),
            deaths: Vec::new(),
            faults: Vec::new(),
            stalls: Vec::new(),
            workers: 0,
        };
        Self { pages: Mutex::new(history), accepted: watch::Sender::new(0), problems: Mutex::default() }
    }

    /// Notes jobs that are about to be handed over, for these hooks; the number of the first.
    pub(crate) fn add_jobs(
        &self,
        jobs: impl IntoIterator<Item = (Class, Option<Hook>)>,
        not_before: u64,
    ) -> u32 {
        let (mut pages, added) = (self.pages(), now_us());
        let first = u32::try_from(pages.jobs.len()).unwrap_or(u32::MAX);
        for (number, (class, hook)) in (first..).zip(jobs) {
            let hook = hook.unwrap_or_else(|| class.hook(number));
            pages.jobs.push(JobRecord { class, hook, accepted: Acceptance::Unsure, added, not_before });
        }
        first
    }

    /// Redis has promised to keep these.
    pub(crate) fn promised(&self, first: u32, count: u32) {
        let mut pages = self.pages();
        for job in pages.jobs.iter_mut().skip(first as usize).take(count as usize) {
            job.accepted = Acceptance::Sure;
        }
    }

    /// A request has arrived; its place.
    pub(crate) fn arrived(&self, job: u32, attempt: u16, worker: u16) -> usize {
        let mut pages = self.pages();
        let request = Request { job, attempt, worker, status: 0, arrived: now_us(), ended: UNENDED };
        pages.requests.push(request);
        pages.requests.len() - 1
    }

    /// A request is about to be answered, or (0) never will be.
    pub(crate) fn ended(&self, place: usize, status: u16) {
        let mut pages = self.pages();
        let Some(request) = pages.requests.get_mut(place) else { return };
        (request.status, request.ended) = (status, now_us());
        if request.accepted() {
            drop(pages);
            self.accepted.send_modify(|count| *count += 1);
        }
    }

    /// A fault begins.
    pub(crate) fn begin(&self, kind: Kind, scope: Scope, detail: String) -> FaultPlace {
        let mut pages = self.pages();
        let start = now_us();
        pages.faults.push(Fault { kind, scope, start, healed: UNENDED, over: UNENDED, detail });
        FaultPlace(pages.faults.len() - 1)
    }

    /// Nothing is wrong any more.
    pub(crate) fn healed(&self, fault: FaultPlace) {
        let mut pages = self.pages();
        let fault = &mut pages.faults[fault.0];
        if fault.healed == UNENDED {
            fault.healed = now_us();
        }
    }

    /// Nothing of the fault is left.
    pub(crate) fn over(&self, fault: FaultPlace) {
        self.healed(fault);
        self.pages().faults[fault.0].over = now_us();
    }

    /// This program has stood still.
    pub(crate) fn stalled(&self, from: u64, to: u64) {
        self.pages().stalls.push((from, to));
    }

    /// A worker's process starts; its number.
    pub(crate) fn born(&self) -> u16 {
        let mut pages = self.pages();
        pages.workers += 1;
        pages.workers - 1
    }

    /// What the dead letters say at the end.
    pub(crate) fn buried(&self, deaths: Vec<Death>) {
        self.pages().deaths = deaths;
    }

    /// Something that must not happen was seen while it ran.
    pub(crate) fn problem(&self, what: String) {
        eprintln!("  PROBLEM: {what}");
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What was seen so.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts requests that were accepted.
    pub(crate) fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }

    /// Jobs that were promised, requests, faults so far.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let pages = self.pages();
        let promised = pages.jobs.iter().filter(|job| job.accepted == Acceptance::Sure).count();
        (promised, pages.requests.len(), pages.faults.len())
    }

    /// Whether a fault of this kind was done.
    pub(crate) fn has_seen(&self, kind: Kind) -> bool {
        self.pages().faults.iter().any(|fault| fault.kind == kind)
    }

    /// All of it, as it is now.
    pub(crate) fn history(&self) -> History {
        self.pages().clone()
    }

    fn pages(&self) -> MutexGuard<'_, History> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
