//! What all senders were measured by.

use crate::contender::Contender;
use crate::figures::Figures;
use crate::markdown::{cell, table};
use crate::measure::hanging::{self, Hanging};
use crate::measure::takeover::{MAX_WAIT, TakeOver};
use crate::stats::Spread;

/// The loads, and how each queue fares where something is not as it should be.
pub(super) fn of(figures: &Figures) -> String {
    format!("{}{}", super::loads(figures), trouble(figures))
}

fn trouble(figures: &Figures) -> String {
    let hanging =
        format!("deliveries/s with 10 % to a receiver that hangs, {} in flight", hanging::CONCURRENCY);
    let head = [
        "sender",
        "enqueue to receiver, p50, ms",
        "p99, ms",
        hanging.as_str(),
        "last job sent again after kill -9, s",
        "jobs missing",
    ];
    let queues = figures.loads().into_iter().map(|(contender, _)| contender).chain(mentioned(figures));
    let mut seen = Vec::new();
    for contender in queues {
        if !seen.contains(&contender) && has_any(figures, contender) {
            seen.push(contender);
        }
    }
    table(&head, &seen.into_iter().map(|contender| row(figures, contender)).collect::<Vec<_>>())
}

fn mentioned(figures: &Figures) -> impl Iterator<Item = Contender> {
    let latencies = figures.latencies.iter().map(|latency| latency.contender);
    let hanging = figures.hanging.iter().map(|hanging| hanging.contender);
    latencies.chain(hanging).chain(figures.takeovers.iter().map(|takeover| takeover.contender))
}

fn has_any(figures: &Figures, contender: Contender) -> bool {
    mentioned(figures).any(|other| other == contender)
}

fn row(figures: &Figures, contender: Contender) -> Vec<String> {
    let hanging = figures.hanging.iter().filter(|hanging| hanging.contender == contender);
    let takeovers: Vec<_> = figures.takeovers.iter().filter(|one| one.contender == contender).collect();
    vec![
        contender.name().to_owned(),
        cell(figures.latency(contender, |us| us.p50), 2),
        cell(figures.latency(contender, |us| us.p99), 2),
        hanging.map(rate).next().unwrap_or_else(|| "–".to_owned()),
        again(&takeovers),
        missing(&takeovers),
    ]
}

fn rate(hanging: &Hanging) -> String {
    format!("{:.0}", hanging.per_second)
}

fn again(takeovers: &[&TakeOver]) -> String {
    let complete = takeovers.iter().all(|takeover| takeover.missing == 0);
    if takeovers.is_empty() || complete {
        return cell(Spread::of(takeovers.iter().filter_map(|takeover| takeover.seconds)), 1);
    }
    format!("not within {}", MAX_WAIT.as_secs())
}

fn missing(takeovers: &[&TakeOver]) -> String {
    if takeovers.is_empty() {
        return "–".to_owned();
    }
    let sum = |count: fn(&TakeOver) -> u64| takeovers.iter().copied().map(count).sum::<u64>();
    format!("{} of {}", sum(|takeover| takeover.missing), sum(|takeover| takeover.in_flight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takeover(seconds: Option<f64>, missing: u64) -> TakeOver {
        TakeOver { contender: Contender::Omniqueue, in_flight: 256, seconds, missing, repeated: 0 }
    }

    #[test]
    fn a_queue_that_did_not_finish_is_told_as_such() {
        let (whole, part) = (takeover(Some(45.0), 0), takeover(Some(60.0), 7));
        assert_eq!(again(&[&whole]), "45.0");
        assert_eq!(again(&[&whole, &part]), "not within 100");
        assert_eq!(missing(&[&whole, &part]), "7 of 512");
        assert_eq!((again(&[]), missing(&[])), ("–".to_owned(), "–".to_owned()));
    }
}
