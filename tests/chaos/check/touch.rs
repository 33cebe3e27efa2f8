//! Which requests a fault can have touched.

use crate::clock::SECOND;
use crate::fault::{Kind, Lane};
use crate::history::{Fault, History, Request, Scope};

/// How long after the last of it a fault may still show: a worker that comes back learns within a few heartbeats what it
/// has lost, and the others within `worker.dead_after` who is lost.
const AFTERMATH: u64 = 6 * SECOND;

/// How long after its answer a request may be unsettled where nothing is wrong: results are written at once, in batches.
const UNSETTLED: u64 = SECOND;

/// How long after the end of its attempt's time a request counts as ended whose connection never was.
const NEVER_CLOSED: u64 = 2 * SECOND;

/// What a stall of this program has held back comes at once when it is over.
const AFTER_A_STALL: u64 = SECOND;

/// The faults of a history, asked about requests.
pub(super) struct Touch<'a> {
    pub(super) history: &'a History,
    /// When results couldn't be written.
    outages: Vec<(u64, u64)>,
}

impl<'a> Touch<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let stops = history.faults.iter().filter(|fault| fault.kind.stops_settling());
        let outages = stops.map(|fault| (fault.start, fault.over)).collect();
        Self { history, outages }
    }

    /// What can have made a request come again, the last such fault where there are several.
    pub(super) fn cause(&self, request: &Request) -> Option<Kind> {
        let until = self.unsettled_until(request);
        let touches = |fault: &&Fault| {
            self.is_in_scope(fault, request)
                && fault.start <= until
                && request.arrived <= fault.over.saturating_add(AFTERMATH)
        };
        let touching: Vec<_> = self.history.faults.iter().rev().filter(touches).collect();
        let plain = touching.iter().find(|fault| fault.kind.may_repeat());
        plain.or_else(|| touching.iter().find(|fault| self.is_broken_drain(fault))).map(|fault| fault.kind)
    }

    /// Whether what the receiver saw of a request may differ from what its worker did.
    pub(super) fn is_distorted(&self, request: &Request) -> bool {
        let until = end_of(self.history, request);
        self.is_late(request)
            || self.history.faults.iter().any(|fault| {
                fault.kind.lane() == Lane::Ways
                    && fault.kind != Kind::Flood
                    && self.is_in_scope(fault, request)
                    && fault.start <= until
                    && request.arrived <= fault.over.saturating_add(AFTERMATH)
            })
    }

    /// Whether this program let a request or its answer wait.
    pub(super) fn is_late(&self, request: &Request) -> bool {
        let until = end_of(self.history, request);
        self.history.stalls.iter().any(|(from, to)| *from <= until && request.arrived <= to + AFTER_A_STALL)
    }

    /// Drains end in good order even so, but what can't be written then is sent again by others.
    fn is_broken_drain(&self, fault: &Fault) -> bool {
        let meets = |(start, over): &(u64, u64)| *start <= fault.over && fault.start <= *over + AFTERMATH;
        fault.kind == Kind::WorkerTerm && self.outages.iter().any(meets)
    }

    fn is_in_scope(&self, fault: &Fault, request: &Request) -> bool {
        match fault.scope {
            Scope::All => true,
            Scope::Worker(number) => request.worker == number,
            Scope::Way(way) => {
                let job = self.history.jobs.get(request.job as usize);
                job.is_some_and(|job| job.hook.way(self.history.rules.ways) == way)
            }
        }
    }

    fn unsettled_until(&self, request: &Request) -> u64 {
        let mut until = end_of(self.history, request) + UNSETTLED;
        for (start, over) in &self.outages {
            if *start <= until && request.arrived <= *over {
                until = until.max(over.saturating_add(AFTERMATH));
            }
        }
        until
    }
}

/// When a request was over at the latest.
pub(super) fn end_of(history: &History, request: &Request) -> u64 {
    let most = request.arrived + history.rules.timeout_ms * 1000 + NEVER_CLOSED;
    request.ended.min(most)
}

/// The faults between two moments, and those whose aftermath is.
pub(super) fn around(history: &History, from: u64, to: u64) -> impl Iterator<Item = &Fault> {
    let shows = move |fault: &&Fault| {
        fault.start <= to + 2 * AFTERMATH && from <= fault.over.saturating_add(AFTERMATH)
    };
    history.faults.iter().filter(shows)
}
