//! What happened in a phase, in as few bytes as the checker needs. Pure.

use crate::fault::Kind;
use crate::job::{Class, Hook};

/// One job of the load, known by its place in [`History::jobs`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobRecord {
    pub(crate) class: Class,
    pub(crate) hook: Hook,
    pub(crate) accepted: Acceptance,
    /// When it was handed over.
    pub(crate) added: u64,
    /// Before this it must not be sent; 0: at any time.
    pub(crate) not_before: u64,
}

/// Whether a promise was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// Redis (and, where there is one, its replica) has answered.
    Sure,
    /// The answer was lost, or a refusal: it may be there or not.
    Unsure,
}

/// One request as the receiver saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) job: u32,
    pub(crate) attempt: u16,
    /// The number of the worker's process.
    pub(crate) worker: u16,
    /// 0 where it was never answered.
    pub(crate) status: u16,
    pub(crate) arrived: u64,
    /// When the answer began to be written, or the connection was closed; [`UNENDED`] before that.
    pub(crate) ended: u64,
}

/// The end of a request that hasn't ended.
pub(crate) const UNENDED: u64 = u64::MAX;

impl Request {
    /// Whether the receiver has accepted the job.
    pub(crate) fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A dead letter.
#[derive(Clone, Debug)]
pub(crate) struct Death {
    pub(crate) job: u32,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) at: u64,
}

/// Harm that was done.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) scope: Scope,
    pub(crate) start: u64,
    /// From here on nothing is wrong any more, and the workers may be expected to go on.
    pub(crate) healed: u64,
    /// From here on nothing of it is left.
    pub(crate) over: u64,
    pub(crate) detail: String,
}

/// Whose requests a fault can touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Those of this worker's process.
    Worker(u16),
    /// Those that go this way.
    Way(usize),
}

/// What the workers were told, as far as the checker needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) retry_base_ms: u64,
    pub(crate) retry_cap_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) max_in_flight: usize,
    pub(crate) ways: usize,
}

impl Rules {
    /// The shortest wait after failed attempt `n`: min((2^n − 1) × base, cap).
    pub(crate) fn wait_ms(&self, attempt: u32) -> u64 {
        let factor = 1_u64.checked_shl(attempt).map_or(u64::MAX, |power| power - 1);
        factor.saturating_mul(self.retry_base_ms).min(self.retry_cap_ms)
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) rules: Rules,
    pub(crate) jobs: Vec<JobRecord>,
    /// In the order of their arrival.
    pub(crate) requests: Vec<Request>,
    pub(crate) deaths: Vec<Death>,
    pub(crate) faults: Vec<Fault>,
    /// When the machine let this program wait, and with it proxies and receiver: nobody's fault, but requests came late.
    pub(crate) stalls: Vec<(u64, u64)>,
    /// Workers that were started.
    pub(crate) workers: u16,
}

impl History {
    /// Places in [`Self::requests`] by job, each in the order of arrival.
    pub(crate) fn by_job(&self) -> Vec<Vec<u32>> {
        let mut by_job = vec![Vec::new(); self.jobs.len()];
        for (place, request) in (0_u32..).zip(&self.requests) {
            if let Some(places) = by_job.get_mut(request.job as usize) {
                places.push(place);
            }
        }
        by_job
    }

    /// The requests of one job.
    pub(crate) fn requests_of(&self, job: u32) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(move |request| request.job == job)
    }
}
