//! No attempt comes before it is due. What Redis' own clock does is excepted: it is what due times are measured by.

use super::touch::Touch;
use super::{Rule, Verdict};
use crate::clock::{MILLI, SECOND};
use crate::fault::Kind;
use crate::history::{History, JobRecord, Request};

/// By then every worker has had a heartbeat accepted since.
const KNOWN_AFTER: u64 = 2 * SECOND;

/// What the two sides may differ by in reading the same clock (µs).
const SLACK: u64 = MILLI;

pub(super) fn check(history: &History, by_job: &[Vec<u32>], verdict: &mut Verdict) {
    let touch = Touch::new(history);
    for ((number, job), places) in (0_u32..).zip(&history.jobs).zip(by_job) {
        let requests: Vec<_> = places.iter().map(|place| &history.requests[*place as usize]).collect();
        for (nth, request) in requests.iter().enumerate() {
            let Some((since, due)) = due(&touch, job, &requests[..nth], u32::from(request.attempt)) else {
                continue;
            };
            if request.arrived + SLACK < due && !clock_stepped(history, since, request.arrived) {
                let early = (due - request.arrived) / MILLI;
                let what = format!("attempt {} came {early} ms early", request.attempt);
                verdict.violation(Rule::Early, Some(number), what);
            }
        }
    }
}

/// When an attempt is due at the earliest, and since when that was known; `None` where it may come at any time.
fn due(touch: &Touch<'_>, job: &JobRecord, earlier: &[&Request], attempt: u32) -> Option<(u64, u64)> {
    let of_attempt = |request: &&&Request| u32::from(request.attempt) < attempt;
    let Some(last) = earlier.iter().filter(of_attempt).map(|request| request.attempt).max() else {
        return (job.not_before > 0).then_some((job.added, job.not_before));
    };
    // Several processes may have made that attempt: the first to have ended may be the one that counted.
    let of_last = || earlier.iter().filter(|request| request.attempt == last);
    let since = of_last().map(|request| ended(request)).min()?;
    // An answer that was lost on its way asked for nothing.
    let is_heard = of_last().all(|request| request.status > 0 && !touch.is_distorted(request));
    let asked = if is_heard { job.class.asked_wait_ms(last.into()) } else { 0 };
    let rules = &touch.history.rules;
    let first = rules.wait_ms(last.into()).max(asked);
    let waits = first + (u32::from(last) + 1..attempt).map(|failed| rules.wait_ms(failed)).sum::<u64>();
    Some((since, since + waits * MILLI))
}

/// When the attempt had ended at the earliest, as its worker saw it.
fn ended(request: &Request) -> u64 {
    if request.status > 0 && !request.accepted() { request.ended } else { request.arrived }
}

/// Whether Redis' clock stepped between two moments, or so shortly before that workers went by its former time still, which
/// they have from their last heartbeat.
fn clock_stepped(history: &History, from: u64, to: u64) -> bool {
    let steps = history.faults.iter().filter(|fault| fault.kind == Kind::RedisClock);
    steps.into_iter().any(|fault| fault.start <= to && from <= fault.over + KNOWN_AFTER)
}
