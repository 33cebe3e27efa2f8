//! Figures as Markdown, which reads as well on a terminal.

use std::fmt::Write;

use crate::measure::load::{Run, Subject};
use crate::measure::{latency, lateness};
use crate::report::Figures;
use crate::stats::{Quantiles, Spread};

/// One run, as it ends.
pub(crate) fn line(run: &Run) -> String {
    format!(
        "{:<34} C={:<4} {:>7.0}/s  {:>6.2} µs",
        name(run.subject),
        run.concurrency,
        run.per_second,
        run.cpu_us
    )
}

/// All of it.
pub(crate) fn of(figures: &Figures) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write!(
        text,
        "{}\n{}\n{}\n{}",
        conditions(figures),
        loads(figures),
        fan_outs(figures),
        times(figures)
    );
    text
}

fn conditions(figures: &Figures) -> String {
    let (machine, plan) = (&figures.machine, &figures.plan);
    format!(
        "Measured at {} on {} ({} cores), Linux {}, Redis {}; load before the run {}.\n\
         Command: `cargo run --release -p postrider-bench -- --jobs {} --runs {}`\n",
        figures.at,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.redis,
        machine.load_before,
        plan.jobs,
        plan.runs,
    )
}

fn loads(figures: &Figures) -> String {
    let mut text = String::from(
        "| sender | in flight | deliveries/s | CPU per delivery, µs | ratio to the floor | Redis CPU per job, µs | jobs a read | jobs a settle | peak memory, MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for &concurrency in &figures.plan.concurrencies {
        for subject in [Subject::Floor, Subject::Worker, Subject::WorkerWithoutRecords] {
            text.push_str(&row(figures, subject, concurrency));
        }
    }
    text
}

fn row(figures: &Figures, subject: Subject, concurrency: u32) -> String {
    let of = |figure: fn(&Run) -> Option<f64>| figures.spread(subject, concurrency, figure);
    let ratio = figures.ratio(subject, concurrency).filter(|_| subject != Subject::Floor);
    format!(
        "| {} | {concurrency} | {} | {} | {} | {} | {} | {} | {} |\n",
        name(subject),
        cell(of(|run| Some(run.per_second)), 0),
        cell(of(|run| Some(run.cpu_us)), 1),
        cell(ratio, 2),
        cell(of(|run| run.redis_us), 1),
        cell(of(|run| run.jobs_per_read), 1),
        cell(of(|run| run.jobs_per_settle), 1),
        cell(of(|run| run.peak_kib.map(|kib| kib as f64 / 1024.0)), 1),
    )
}

fn fan_outs(figures: &Figures) -> String {
    let mut text = String::from(
        "| hooks that want the event | events/s | CPU per event, µs | Redis CPU per event, µs |\n| --- | --- | --- | --- |\n",
    );
    for run in &figures.fan_outs {
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.1} | {:.1} |",
            run.hooks, run.per_second, run.cpu_us, run.redis_us
        );
    }
    text
}

fn times(figures: &Figures) -> String {
    let mut text =
        String::from("| time | samples | min | p50 | p99 | max |\n| --- | --- | --- | --- | --- | --- |\n");
    let latency = format!("enqueue to receiver at {} jobs/s, ms", latency::PER_SECOND);
    let lateness = format!("lateness of a retry at {} jobs/s, ms", lateness::PER_SECOND);
    text.push_str(&quantiles(&latency, figures.latency));
    text.push_str(&quantiles(&lateness, figures.lateness));
    text.push_str(&takeovers(figures));
    text
}

fn quantiles(what: &str, found: Quantiles) -> String {
    let ms = |us: i64| format!("{:.2}", us as f64 / 1e3);
    let Quantiles { samples, min, p50, p99, max } = found;
    format!("| {what} | {samples} | {} | {} | {} | {} |\n", ms(min), ms(p50), ms(p99), ms(max))
}

fn takeovers(figures: &Figures) -> String {
    let sum = |count: fn(&crate::measure::takeover::TakeOver) -> u64| {
        figures.takeovers.iter().map(count).sum::<u64>()
    };
    let seconds = Spread::of(figures.takeovers.iter().map(|takeover| takeover.seconds));
    format!(
        "\nAfter kill -9 of a worker ({} times, {} jobs in flight in all) the last job was sent again by another after \
         {} s; lost: {}, sent more than twice: {}.\n",
        figures.takeovers.len(),
        sum(|takeover| takeover.in_flight),
        cell(seconds, 1),
        sum(|takeover| takeover.lost),
        sum(|takeover| takeover.repeated),
    )
}

fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Floor => "raw reqwest loop (the floor)",
        Subject::Worker => "postrider",
        Subject::WorkerWithoutRecords => "postrider without attempt records",
    }
}

/// The median, and the least and most of several.
fn cell(spread: Option<Spread>, decimals: usize) -> String {
    match spread {
        None => "–".to_owned(),
        Some(Spread { median, least, most }) if least == most => format!("{median:.decimals$}"),
        Some(Spread { median, least, most }) => {
            format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_median_and_the_range() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(cell(spread(&[1.0, 4.0, 2.0]), 1), "2.0 (1.0–4.0)");
        assert_eq!(cell(spread(&[1.0]), 2), "1.00");
        assert_eq!(cell(None, 1), "–");
    }
}
