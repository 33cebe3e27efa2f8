//! What Postrider is meant to reach, beside what was measured.

use crate::contender::Contender;
use crate::figures::Figures;
use crate::markdown::{cell, table};
use crate::measure::isolation::{Isolation, MIXES};
use crate::measure::load::Run;
use crate::stats::Spread;

/// Where a figure has to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One target.
#[derive(Debug)]
struct Target {
    what: &'static str,
    bound: Bound,
    measured: Option<Spread>,
}

use Bound::{AtLeast, AtMost};
use Contender::{BullMqAsMisskey, BullMqWithAgent, Floor, Omniqueue, Postrider, PostriderWithoutRecords};

/// The table; nothing where none was measured.
pub(crate) fn table_of(figures: &Figures) -> String {
    let rows: Vec<_> = all(figures).iter().filter(|target| target.measured.is_some()).map(row).collect();
    table(&["what", "target", "measured", "met"], &rows)
}

/// By its median.
fn row(target: &Target) -> Vec<String> {
    let met = target.measured.is_some_and(|spread| target.bound.holds(spread.median));
    vec![
        target.what.to_owned(),
        target.bound.told(),
        cell(target.measured, 2),
        if met { "yes" } else { "**no**" }.to_owned(),
    ]
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn told(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
        }
    }
}

fn all(figures: &Figures) -> Vec<Target> {
    [costs(figures), rates(figures), isolation(figures), times(figures), backlogs(figures)]
        .into_iter()
        .flatten()
        .collect()
}

fn target(what: &'static str, bound: Bound, measured: Option<Spread>) -> Target {
    Target { what, bound, measured }
}

fn costs(figures: &Figures) -> Vec<Target> {
    let ratio = |concurrency| figures.ratio((Postrider, Floor), concurrency, |run| run.cpu_us);
    let redis = |contender| figures.spread(contender, 64, |run| run.redis_us);
    vec![
        target("worker CPU per delivery, of the raw loop's, 64 in flight", AtMost(1.2), ratio(64)),
        target("worker CPU per delivery, of the raw loop's, 256 in flight", AtMost(1.2), ratio(256)),
        target("Redis CPU per job without attempt records, µs", AtMost(8.0), redis(PostriderWithoutRecords)),
        target("Redis CPU per job with attempt records, µs", AtMost(12.0), redis(Postrider)),
    ]
}

fn rates(figures: &Figures) -> Vec<Target> {
    let beside = |rival| figures.ratio((Postrider, rival), 64, |run: &Run| run.per_second);
    vec![
        target("deliveries/s, of BullMQ's as Misskey runs it", AtLeast(15.0), beside(BullMqAsMisskey)),
        target("deliveries/s, of BullMQ's with node's http agent", AtLeast(6.0), beside(BullMqWithAgent)),
        target("deliveries/s, of omniqueue's", AtLeast(2.2), beside(Omniqueue)),
    ]
}

fn isolation(figures: &Figures) -> Vec<Target> {
    let rate = |round: &Isolation| round.beside.per_second / round.alone.per_second;
    let p99 = |round: &Isolation| round.beside.latency.p99 as f64 / round.alone.latency.p99 as f64;
    let [few, many] = MIXES;
    vec![
        target(
            "share of their rate that healthy destinations keep, 1 of 10 hangs, 64 in flight",
            AtLeast(0.95),
            figures.isolation(few, rate),
        ),
        target("their p99 latency, of that without", AtMost(2.0), figures.isolation(few, p99)),
        target(
            "share of their rate that healthy destinations keep, 100 of 500 hang, 256 in flight",
            AtLeast(0.9),
            figures.isolation(many, rate),
        ),
    ]
}

fn times(figures: &Figures) -> Vec<Target> {
    let slowest = figures.api.iter().map(|asked| asked.us.p99 as f64 / 1e3).reduce(f64::max);
    let lateness = Spread::of(figures.lateness.map(|us| us.p99 as f64 / 1e3));
    vec![
        target(
            "enqueue to receiver at 200 jobs/s, p99, ms",
            AtMost(0.5),
            figures.latency(Postrider, |us| us.p99),
        ),
        target("lateness of a retry, p99, ms", AtMost(20.0), lateness),
        target("answer of the API, p99 of the slowest question, ms", AtMost(50.0), Spread::of(slowest)),
    ]
}

/// The longest backlog beside the shortest.
fn backlogs(figures: &Figures) -> Vec<Target> {
    let sizes = &figures.plan.backlogs;
    let (Some(&least), Some(&most)) = (sizes.iter().min(), sizes.iter().max()) else { return Vec::new() };
    let ratio = |figure: fn(&crate::measure::backlog::Backlog) -> f64| {
        let (long, short) = (figures.backlog(most, figure)?, figures.backlog(least, figure)?);
        Spread::of([long.median / short.median])
    };
    let peak = Spread::of(figures.backlogs.iter().map(|round| round.peak_kib as f64 * 1024.0 / 1e6));
    // Of the worst, not of the median: it holds at any backlog.
    let worst = peak.and_then(|peak| Spread::of([peak.most]));
    vec![
        target(
            "worker CPU per delivery, longest backlog, of that with the shortest",
            AtMost(1.1),
            ratio(|round| round.cpu_us),
        ),
        target("Redis CPU per job, likewise", AtMost(1.1), ratio(|round| round.redis_us)),
        target("memory of the worker at any backlog, MB", AtMost(25.0), worst),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_by_its_median() {
        let spread = Spread::of([1.1, 1.2, 9.0]);
        assert_eq!(row(&target("cost", AtMost(1.2), spread)), ["cost", "≤ 1.2", "1.20 (1.10–9.00)", "yes"]);
        assert_eq!(row(&target("rate", AtLeast(2.2), spread))[3], "**no**");
    }
}
