//! Every accepted job ends, in the way that its receiver explains, and in one way only.

use std::collections::HashMap;

use super::{Rule, Verdict};
use crate::fault::Kind;
use crate::history::{Acceptance, Death, History, JobRecord};
use crate::job::End;

/// A job that was lost with its worker so many times is dead, `poison` (the default of `queue.max_crashes`).
const MAX_CRASHES: usize = 5;

/// What is known of the end of one job.
struct Fate<'a> {
    number: u32,
    job: &'a JobRecord,
    is_delivered: bool,
    deaths: &'a [&'a Death],
}

pub(super) fn check(history: &History, by_job: &[Vec<u32>], verdict: &mut Verdict) {
    let mut deaths: HashMap<u32, Vec<&Death>> = HashMap::new();
    for death in &history.deaths {
        deaths.entry(death.job).or_default().push(death);
    }
    for ((number, job), places) in (0_u32..).zip(&history.jobs).zip(by_job) {
        let is_delivered = places.iter().any(|place| history.requests[*place as usize].accepted());
        let deaths = deaths.remove(&number).unwrap_or_default();
        let fate = Fate { number, job, is_delivered, deaths: &deaths };
        count(&fate, verdict);
        judge(history, &fate, verdict);
    }
    for unknown in deaths.into_keys() {
        verdict.violation(Rule::Ends, None, format!("job {unknown} is dead and was never added"));
    }
}

fn count(fate: &Fate<'_>, verdict: &mut Verdict) {
    if fate.job.accepted == Acceptance::Sure {
        verdict.promised += 1;
        verdict.delivered += usize::from(fate.is_delivered);
        verdict.dead += usize::from(!fate.is_delivered && !fate.deaths.is_empty());
    }
}

fn judge(history: &History, fate: &Fate<'_>, verdict: &mut Verdict) {
    let number = Some(fate.number);
    if !fate.is_delivered && fate.deaths.is_empty() {
        if fate.job.accepted == Acceptance::Sure {
            verdict.violation(Rule::Lost, number, "an accepted job is neither delivered nor dead".to_owned());
        }
        return;
    }
    for death in fate.deaths {
        if !explains(history, fate.job, death) {
            let what = format!("dead as {}, which its receiver doesn't explain", death.reason);
            verdict.violation(Rule::Ends, number, what);
        }
    }
    if fate.is_delivered && fate.job.class.end() != End::Delivered {
        verdict.violation(Rule::Ends, number, "delivered although its receiver accepts nothing".to_owned());
    }
    let ends = fate.deaths.len() + usize::from(fate.is_delivered);
    let last = fate.deaths.iter().map(|death| death.at).max().unwrap_or(fate.job.added);
    if ends > 1 && !was_disturbed(history, fate.job.added, last) {
        verdict.violation(Rule::Ends, number, format!("it came to {ends} ends"));
    }
}

fn explains(history: &History, job: &JobRecord, death: &Death) -> bool {
    match (job.class.end(), death.reason.as_str()) {
        (End::Dead("exhausted"), "exhausted") => death.attempts == crate::job::MAX_ATTEMPTS_OF_FAILING,
        (End::Dead(expected), reason) if expected == reason => true,
        (_, "poison") => crashes(history, job.added, death.at) >= MAX_CRASHES,
        _ => false,
    }
}

/// How many workers were lost between two moments, or taken for lost.
fn crashes(history: &History, from: u64, to: u64) -> usize {
    let loses = |kind| {
        matches!(kind, Kind::WorkerKill | Kind::AllWorkersKill | Kind::WorkerStop | Kind::WorkerCutOff)
    };
    let between = history.faults.iter().filter(|fault| fault.start <= to && from <= fault.over);
    between.filter(|fault| loses(fault.kind)).count()
}

/// Whether something happened that can make a job be run again after its end.
fn was_disturbed(history: &History, from: u64, to: u64) -> bool {
    super::touch::around(history, from, to).any(|fault| fault.kind.may_repeat())
}
