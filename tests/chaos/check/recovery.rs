//! How soon jobs are sent again after a fault. Only where nothing else was wrong at the same time is it held to the limit.

use super::touch::end_of;
use super::{Rule, Verdict};
use crate::clock::{MILLI, SECOND};
use crate::fault::Kind;
use crate::history::{Fault, History, Request};
use crate::job::Class;

/// Another fault that was over this long before leaves the measurement alone.
const QUIET_BEFORE: u64 = SECOND / 2;

/// How long it took once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) kind: Kind,
    pub(crate) took: u64,
    /// No other fault was near.
    pub(crate) alone: bool,
}

pub(super) fn check(history: &History, by_job: &[Vec<u32>], verdict: &mut Verdict) {
    for fault in history.faults.iter().filter(|fault| fault.over < u64::MAX) {
        let Some(took) = took(history, by_job, fault) else { continue };
        let beside = beside(history, fault, took);
        let alone = beside.is_empty();
        verdict.recoveries.push(Recovery { kind: fault.kind, took, alone });
        let Some(max) = fault.kind.max_recovery().filter(|max| took > *max) else { continue };
        let what = format!(
            "{} {}: jobs were sent again after {} ms, not within {}",
            fault.kind.name(),
            fault.detail,
            took / MILLI,
            max / MILLI
        );
        if alone {
            verdict.violation(Rule::Recovery, None, what);
        } else {
            verdict.slow.push(format!("{what}, beside {}", beside.join(", ")));
        }
    }
}

fn took(history: &History, by_job: &[Vec<u32>], fault: &Fault) -> Option<u64> {
    match fault.kind {
        Kind::WorkerKill | Kind::AllWorkersKill => last_of_its_jobs(history, by_job, fault),
        _ => next_delivery(history, fault.healed),
    }
}

fn next_delivery(history: &History, from: u64) -> Option<u64> {
    let first = history.requests.partition_point(|request| request.arrived < from);
    let next = history.requests[first..].iter().find(|request| request.accepted());
    next.map(|request| request.arrived - from)
}

/// From the death of a worker, or from the start of its successors where none is left, until the last of what it was
/// sending is sent again.
fn last_of_its_jobs(history: &History, by_job: &[Vec<u32>], fault: &Fault) -> Option<u64> {
    let was_cut_off = |request: &&Request| {
        let in_scope = match fault.scope {
            crate::history::Scope::Worker(number) => request.worker == number,
            _ => true,
        };
        in_scope
            && request.arrived < fault.start
            && request.status == 0
            && end_of(history, request) >= fault.start
    };
    let from = if fault.kind == Kind::AllWorkersKill { fault.over } else { fault.start };
    let again = history.requests.iter().filter(was_cut_off).filter_map(|request| {
        let class = history.jobs.get(request.job as usize)?.class;
        let later = by_job[request.job as usize].iter().map(|place| &history.requests[*place as usize]);
        let next = later.filter(|later| later.arrived > fault.start).map(|later| later.arrived).min()?;
        // A flooded destination takes its time, and one that never answers was cut off by nothing.
        (!matches!(class, Class::Flood | Class::Hanging)).then(|| next.saturating_sub(from))
    });
    again.max()
}

/// The other faults that may have had a part in how long it took.
fn beside(history: &History, fault: &Fault, took: u64) -> Vec<&'static str> {
    let until = fault.over + fault.kind.max_recovery().map_or(took, |max| took.min(max));
    let others = history.faults.iter().filter(|other| !std::ptr::eq(*other, fault));
    let near =
        others.filter(|other| other.start <= until && fault.start <= other.over.saturating_add(QUIET_BEFORE));
    near.map(|other| other.kind.name()).collect()
}
