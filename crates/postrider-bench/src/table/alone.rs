//! What only Postrider was measured by.

use super::mebibytes;
use crate::figures::Figures;
use crate::markdown::{cell, table};
use crate::measure::api::Asked;
use crate::measure::isolation::{self, Isolation, MIXES, Mix};
use crate::measure::{features, lateness};
use crate::stats::Spread;

/// All of it.
pub(super) fn of(figures: &Figures) -> String {
    let tables = [isolated, backlogs, waiting, scaled, featured, fanned_out, asked];
    tables.iter().map(|table| table(figures)).collect()
}

fn isolated(figures: &Figures) -> String {
    let latency = format!("p99 at {} healthy jobs/s, ms, all answer", isolation::PER_SECOND);
    let beside = "some hang";
    let head = [
        "destinations",
        "in flight",
        "deliveries/s to healthy ones, all answer",
        "some hang",
        "share",
        &latency,
        beside,
    ];
    let row = |mix: Mix| {
        let of = |figure: fn(&Isolation) -> f64| figures.isolation(mix, figure);
        vec![
            format!("{}, of which {} hang", mix.destinations, mix.hanging),
            mix.concurrency.to_string(),
            cell(of(|round| round.alone.per_second), 0),
            cell(of(|round| round.beside.per_second), 0),
            cell(of(|round| round.beside.per_second / round.alone.per_second), 2),
            cell(of(|round| round.alone.latency.p99 as f64 / 1e3), 2),
            cell(of(|round| round.beside.latency.p99 as f64 / 1e3), 2),
        ]
    };
    let measured = MIXES.into_iter().filter(|mix| figures.isolations.iter().any(|round| round.mix == *mix));
    table(&head, &measured.map(row).collect::<Vec<_>>())
}

fn backlogs(figures: &Figures) -> String {
    let head = [
        "jobs in the stream",
        "CPU per delivery, µs",
        "Redis CPU per job, µs",
        "peak memory of the worker, MiB",
    ];
    let row = |jobs: u64| {
        vec![
            jobs.to_string(),
            cell(figures.backlog(jobs, |round| round.cpu_us), 1),
            cell(figures.backlog(jobs, |round| round.redis_us), 1),
            cell(figures.backlog(jobs, |round| mebibytes(round.peak_kib)), 1),
        ]
    };
    let sizes = figures.plan.backlogs.iter().filter(|_| !figures.backlogs.is_empty());
    table(&head, &sizes.map(|jobs| row(*jobs)).collect::<Vec<_>>())
}

fn waiting(figures: &Figures) -> String {
    let mut text = String::new();
    if let Some(found) = figures.promotion {
        text = format!(
            "{} waiting jobs that fell due at once were sent at {:.0} a second, for {:.1} µs of Redis' CPU and {:.1} µs of the worker's each; its memory peaked at {:.1} MiB.\n\n",
            found.jobs,
            found.per_second,
            found.redis_us,
            found.cpu_us,
            mebibytes(found.peak_kib),
        );
    }
    if let Some(us) = figures.lateness {
        let ms = |us: i64| format!("{:.2}", us as f64 / 1e3);
        let head = format!("lateness of a retry at {} jobs/s, samples", lateness::PER_SECOND);
        let row = vec![us.samples.to_string(), ms(us.min), ms(us.p50), ms(us.p99), ms(us.max)];
        text.push_str(&table(&[&head, "least, ms", "p50, ms", "p99, ms", "most, ms"], &[row]));
    }
    text
}

fn scaled(figures: &Figures) -> String {
    let head = ["workers on one Redis", "deliveries/s", "CPU per delivery, µs", "Redis CPU per job, µs"];
    let row = |workers: &u32| {
        let rounds =
            || figures.scalings.iter().filter(|round| round.workers == *workers).map(|round| round.cost);
        vec![
            workers.to_string(),
            cell(Spread::of(rounds().map(|cost| cost.per_second)), 0),
            cell(Spread::of(rounds().map(|cost| cost.cpu_us)), 1),
            cell(Spread::of(rounds().map(|cost| cost.redis_us)), 1),
        ]
    };
    let workers = figures.plan.workers.iter().filter(|_| !figures.scalings.is_empty());
    table(&head, &workers.map(row).collect::<Vec<_>>())
}

fn featured(figures: &Figures) -> String {
    let head = ["worker", "deliveries/s", "CPU per delivery, µs", "Redis CPU per job, µs"];
    let row = |name: &str| {
        let rounds =
            || figures.features.iter().filter(|round| round.variant.name == name).map(|round| round.cost);
        vec![
            name.to_owned(),
            cell(Spread::of(rounds().map(|cost| cost.per_second)), 0),
            cell(Spread::of(rounds().map(|cost| cost.cpu_us)), 1),
            cell(Spread::of(rounds().map(|cost| cost.redis_us)), 1),
        ]
    };
    let variants = features::VARIANTS.iter().filter(|_| !figures.features.is_empty());
    table(&head, &variants.map(|variant| row(variant.name)).collect::<Vec<_>>())
}

fn fanned_out(figures: &Figures) -> String {
    let head = ["hooks that want the event", "events/s", "CPU per event, µs", "Redis CPU per event, µs"];
    let rows: Vec<_> = figures
        .fan_outs
        .iter()
        .map(|run| {
            vec![
                run.hooks.to_string(),
                format!("{:.0}", run.per_second),
                format!("{:.1}", run.cpu_us),
                format!("{:.1}", run.redis_us),
            ]
        })
        .collect();
    table(&head, &rows)
}

fn asked(figures: &Figures) -> String {
    let Some(first) = figures.api.first() else { return String::new() };
    let head = format!("the API with {} waiting jobs and as many dead letters", first.kept);
    let ms = |us: i64| format!("{:.1}", us as f64 / 1e3);
    let row =
        |asked: &Asked| vec![asked.what.to_owned(), ms(asked.us.p50), ms(asked.us.p99), ms(asked.us.max)];
    let rows: Vec<_> = figures.api.iter().map(row).collect();
    table(&[&head, "p50, ms", "p99, ms", "most, ms"], &rows)
}
