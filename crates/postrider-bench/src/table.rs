//! Figures as tables.

mod alone;
mod rivals;

use crate::contender::Contender;
use crate::figures::Figures;
use crate::markdown::{cell, table};
use crate::measure::load::Run;
use crate::targets;

/// One run, as it ends.
pub(crate) fn line(run: &Run) -> String {
    format!(
        "{:<34} C={:<4} {:>7.0}/s  {:>6.2} µs",
        run.contender.name(),
        run.concurrency,
        run.per_second,
        run.cpu_us
    )
}

/// All of it.
pub(crate) fn of(figures: &Figures) -> String {
    let sections = [
        ("", conditions(figures)),
        ("## Beside others", rivals::of(figures)),
        ("## Postrider alone", alone::of(figures)),
        ("## Targets", targets::table_of(figures)),
    ];
    let told = sections.iter().filter(|(_, text)| !text.is_empty());
    let text: String = told.map(|(title, text)| format!("{title}\n\n{}\n\n", text.trim_end())).collect();
    format!("{}\n", text.trim())
}

fn conditions(figures: &Figures) -> String {
    let (machine, plan) = (&figures.machine, &figures.plan);
    format!(
        "Measured at {} on {} ({} cores), Linux {}, Redis {}; load before the run {}; {} rounds of {} deliveries, {} of peers.\n",
        figures.at,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.redis,
        machine.load_before,
        plan.runs,
        plan.jobs,
        plan.peer_jobs,
    )
}

/// Deliveries and what they cost, by sender and load.
fn loads(figures: &Figures) -> String {
    let head = [
        "sender",
        "in flight",
        "deliveries/s",
        "CPU per delivery, µs",
        "ratio to the floor",
        "Redis CPU per job, µs",
        "jobs a read",
        "jobs a settle",
        "peak memory, MiB",
    ];
    let rows: Vec<_> = figures.loads().into_iter().map(|load| row(figures, load)).collect();
    table(&head, &rows)
}

fn row(figures: &Figures, (contender, concurrency): (Contender, u32)) -> Vec<String> {
    let of = |figure: fn(&Run) -> Option<f64>| figures.spread(contender, concurrency, figure);
    let ratio = figures.ratio((contender, Contender::Floor), concurrency, |run| run.cpu_us);
    vec![
        contender.name().to_owned(),
        concurrency.to_string(),
        cell(of(|run| Some(run.per_second)), 0),
        cell(of(|run| Some(run.cpu_us)), 1),
        cell(ratio.filter(|_| contender != Contender::Floor), 2),
        cell(of(|run| run.redis_us), 1),
        cell(of(|run| run.jobs_per_read), 1),
        cell(of(|run| run.jobs_per_settle), 1),
        cell(of(|run| run.peak_kib.map(mebibytes)), 1),
    ]
}

fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
