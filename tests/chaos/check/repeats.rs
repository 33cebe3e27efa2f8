//! A job is sent again only after an attempt that failed, or where a fault explains it.

use super::touch::Touch;
use super::{Rule, Verdict};
use crate::history::{History, Request};

pub(super) fn check(history: &History, by_job: &[Vec<u32>], verdict: &mut Verdict) {
    let touch = Touch::new(history);
    for (number, places) in (0_u32..).zip(by_job) {
        let requests: Vec<_> = places.iter().map(|place| &history.requests[*place as usize]).collect();
        for (nth, request) in requests.iter().enumerate() {
            let earlier = requests[..nth].iter().rev().find(|earlier| makes_needless(earlier, request));
            if let Some(earlier) = earlier {
                judge(&touch, number, earlier, request, verdict);
            }
        }
    }
}

/// Whether after the earlier request this one would not have come, had all gone well.
fn makes_needless(earlier: &Request, request: &Request) -> bool {
    earlier.accepted() || earlier.attempt >= request.attempt
}

fn judge(touch: &Touch<'_>, number: u32, earlier: &Request, request: &Request, verdict: &mut Verdict) {
    if is_resent(earlier, request) {
        verdict.resent += 1;
        return;
    }
    match touch.cause(earlier).or_else(|| touch.cause(request)) {
        Some(kind) => *verdict.repeats.entry(kind).or_default() += 1,
        None if touch.is_late(earlier) => verdict.late += 1,
        None => {
            let what = format!("attempt {} came again after attempt {}", request.attempt, earlier.attempt);
            verdict.violation(Rule::Repeats, Some(number), what);
        }
    }
}

/// A connection that the receiver closed before it answered: the sender tries a fresh one, as part of the same attempt.
fn is_resent(earlier: &Request, request: &Request) -> bool {
    earlier.status == 0
        && earlier.worker == request.worker
        && earlier.attempt == request.attempt
        && earlier.ended <= request.arrived
}
