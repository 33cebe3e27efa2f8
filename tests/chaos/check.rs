//! Compares what happened with what is promised. Pure: a history goes in, what breaks a promise comes out.

mod crowds;
mod early;
mod ends;
pub(crate) mod recovery;
mod repeats;
mod touch;

use std::collections::BTreeMap;

use crate::fault::Kind;
use crate::history::{Acceptance, History};
use crate::job::{End, id_of};
use recovery::Recovery;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    /// The job that shows it.
    pub(crate) job: Option<u32>,
    pub(crate) what: String,
}

/// The promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// An accepted job ends.
    Lost,
    /// It ends as its receiver explains, and in one way.
    Ends,
    /// It is sent twice only where a fault explains it.
    Repeats,
    /// It isn't sent before it is due.
    Early,
    /// A destination gets no more at a time than is allowed.
    Crowds,
    /// Workers go on in time.
    Recovery,
    /// When all has ended, nothing is left over.
    Leftovers,
    /// What was seen while it ran.
    Seen,
}

/// What a history comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<Violation>,
    /// Jobs that were promised.
    pub(crate) promised: usize,
    /// Of those, how many a receiver has accepted, and how many are dead.
    pub(crate) delivered: usize,
    pub(crate) dead: usize,
    /// Requests that came again, by what explains them.
    pub(crate) repeats: BTreeMap<Kind, usize>,
    /// Requests that the sender made again since the receiver had closed the connection.
    pub(crate) resent: usize,
    /// Requests that came again since this program had let the one before wait.
    pub(crate) late: usize,
    pub(crate) recoveries: Vec<Recovery>,
    /// What took long while something else was wrong too.
    pub(crate) slow: Vec<String>,
}

impl Verdict {
    fn violation(&mut self, rule: Rule, job: Option<u32>, what: String) {
        self.violations.push(Violation { rule, job, what });
    }
}

/// Looks at everything.
pub(crate) fn check(history: &History) -> Verdict {
    let (mut verdict, by_job) = (Verdict::default(), history.by_job());
    ends::check(history, &by_job, &mut verdict);
    repeats::check(history, &by_job, &mut verdict);
    early::check(history, &by_job, &mut verdict);
    crowds::check(history, &mut verdict);
    recovery::check(history, &by_job, &mut verdict);
    verdict
}

/// All that is known of one job, as lines.
pub(crate) fn trace(history: &History, number: u32) -> Vec<String> {
    let Some(job) = history.jobs.get(number as usize) else { return Vec::new() };
    let sure = if job.accepted == Acceptance::Sure { "promised" } else { "not promised" };
    let end = match job.class.end() {
        End::Delivered => "be delivered".to_owned(),
        End::Dead(reason) => format!("die as {reason}"),
    };
    let ms = |at: u64| (at as i64 - job.added as i64) / 1000;
    let name = id_of(job.class, number);
    let mut lines =
        vec![format!("{name} (hook {}), {sure}, must {end}; times in ms since it was added", job.hook.0)];
    for request in history.requests_of(number) {
        lines.push(format!(
            "{:>8} request, attempt {} by worker {}, answered {} at {}",
            ms(request.arrived),
            request.attempt,
            request.worker,
            request.status,
            ms(request.ended.min(i64::MAX as u64))
        ));
    }
    for death in history.deaths.iter().filter(|death| death.job == number) {
        lines.push(format!("{:>8} dead: {} after {} attempts", ms(death.at), death.reason, death.attempts));
    }
    let last = history.requests_of(number).map(|request| request.arrived).max().unwrap_or(job.added);
    for fault in touch::around(history, job.added, last) {
        lines.push(format!(
            "{:>8} fault {} {:?} {} until {}",
            ms(fault.start),
            fault.kind.name(),
            fault.scope,
            fault.detail,
            ms(fault.over.min(i64::MAX as u64))
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
