//! No worker has more requests at a destination than its limit allows.

use std::collections::HashMap;

use super::touch::Touch;
use super::{Rule, Verdict};
use crate::history::{History, Request};
use crate::job::Hook;

pub(super) fn check(history: &History, verdict: &mut Verdict) {
    let touch = Touch::new(history);
    let mut by_line: HashMap<(u16, Hook), Vec<&Request>> = HashMap::new();
    for request in history.requests.iter().filter(|request| !touch.is_distorted(request)) {
        let Some(job) = history.jobs.get(request.job as usize) else { continue };
        by_line.entry((request.worker, job.hook)).or_default().push(request);
    }
    for ((worker, hook), requests) in by_line {
        let crowd = largest_crowd(&requests, history.rules.timeout_ms * 1000);
        if crowd.len() > history.rules.max_in_flight {
            let job = crowd.last().map(|request| request.job);
            let what = format!("worker {worker} had {} requests at hook {} at once", crowd.len(), hook.0);
            verdict.violation(Rule::Crowds, job, format!("{what}: {}", told(&crowd)));
        }
    }
}

/// The most requests that there were at once, the last to come at the end. What isn't answered has ended for its worker when
/// its time was over, whenever the receiver learns of it.
fn largest_crowd<'a>(requests: &[&'a Request], timeout: u64) -> Vec<&'a Request> {
    let mut requests = requests.to_vec();
    requests.sort_unstable_by_key(|request| request.arrived);
    let (mut crowd, mut largest): (Vec<&Request>, Vec<_>) = (Vec::new(), Vec::new());
    for request in requests {
        // Of what happens at once, ends come first.
        crowd.retain(|other| other.ended.min(other.arrived + timeout) > request.arrived);
        crowd.push(request);
        if crowd.len() > largest.len() {
            largest.clone_from(&crowd);
        }
    }
    largest
}

/// Each with its arrival and its end, in ms before the last of them came.
fn told(crowd: &[&Request]) -> String {
    let last = crowd.last().map_or(0, |request| request.arrived);
    let ms = |at: u64| (at.min(i64::MAX as u64) as i64 - last as i64) as f64 / 1000.0;
    let told = crowd.iter().map(|request| {
        let (from, to) = (ms(request.arrived), ms(request.ended));
        format!("{}/{} {from}..{to} {}", request.job, request.attempt, request.status)
    });
    told.collect::<Vec<_>>().join(", ")
}
