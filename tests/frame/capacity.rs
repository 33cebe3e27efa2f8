//! `docs/capacity.md`: its tables are computed from the figures of `docs/benchmarks.md`, so that they can't be older than those.

use crate::{read, root};

const DOCUMENT: &str = "docs/capacity.md";
const START: &str = "<!-- computed by tests/frame/capacity.rs -->\n";
const END: &str = "<!-- end -->\n";

/// What the benchmarks don't measure; measured apart, as the document tells.
const ADDING_MICROS: f64 = 3.7;
const BYTES_ADDED: f64 = 1220.0;
const BYTES_READ: f64 = 1207.0;
const BYTES_SETTLED: f64 = 50.0;
const BYTES_TO_FILE: f64 = 1236.0 + 694.0;
const BYTES_OF_REQUEST: f64 = 1600.0;
const BYTES_OF_ANSWER: f64 = 200.0;
const BYTES_READY: f64 = 1204.0;

/// How much of a core is planned with: the rest is for peaks, and for a second worker's or primary's work when it dies.
const WORKER_SHARE: f64 = 0.7;
const REDIS_SHARE: f64 = 0.6;

/// How long receivers take to answer, seconds; and the default of `worker.concurrency`.
const ANSWER_SECONDS: f64 = 0.1;
const SLOTS: f64 = 256.0;
const CONNECTIONS_OF_WORKER: f64 = 12.0;

const RATES: [f64; 6] = [1e3, 1e4, 3e4, 1e5, 3e5, 1e6];

/// The figure in a cell, without what was least and most.
fn figure(cells: &[&str], column: usize) -> f64 {
    let cell = cells[column].split_whitespace().next().unwrap_or_default();
    cell.parse().unwrap_or_else(|_| panic!("{cell:?} of {cells:?} is no number"))
}

/// Worker and Redis, µs of CPU a delivery, at 256 requests in flight and with attempt records.
struct Costs {
    worker: f64,
    redis: f64,
    without_records: f64,
    memory_mib: f64,
}

fn costs() -> Costs {
    let page = read("docs/benchmarks.md");
    let row = |name: &str| {
        let start = format!("| {name} | 256 |");
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/benchmarks.md has no row {start}"));
        row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>()
    };
    let (plain, without) = (row("postrider"), row("postrider without attempt records"));
    Costs {
        worker: figure(&plain, 3),
        redis: figure(&plain, 5),
        without_records: figure(&without, 5),
        memory_mib: figure(&plain, 8),
    }
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two figures that count.
fn rounded(number: f64) -> String {
    match number {
        n if n < 0.1 => format!("{n:.3}"),
        n if n < 1.0 => format!("{n:.2}"),
        n if n < 10.0 => format!("{n:.1}"),
        n => grouped(n),
    }
}

fn row(rate: f64, costs: &Costs) -> String {
    let cores = (rate * costs.worker / 1e6 / WORKER_SHARE).ceil();
    let primaries = (rate * (costs.redis + ADDING_MICROS) / 1e6 / REDIS_SHARE).ceil();
    let under_way = rate * ANSWER_SECONDS;
    let workers = cores.max((under_way / SLOTS).ceil()).max(2.0 * primaries);
    let gbit = |bytes: f64| rounded(rate * bytes * 8.0 / 1e9);
    let cells = [
        grouped(rate),
        grouped(cores),
        grouped(primaries),
        grouped(under_way),
        grouped(workers),
        grouped(workers * CONNECTIONS_OF_WORKER),
        gbit(BYTES_OF_REQUEST + BYTES_OF_ANSWER),
        gbit(BYTES_ADDED + BYTES_READ + BYTES_SETTLED),
        rounded(rate * BYTES_TO_FILE / 1e6),
        rounded(rate * BYTES_READY * 60.0 / 1e9),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn tables() -> String {
    let costs = costs();
    let Costs { worker, redis, without_records, memory_mib } = &costs;
    let (of_worker, of_redis) = (1e6 / worker, 1e6 / (redis + ADDING_MICROS));
    let mut text = format!(
        "| one delivery of 1 KB | costs | so a core carries, a second |\n| --- | --- | --- |\n\
         | CPU of the worker | {worker:.1} µs | {} |\n\
         | CPU of Redis, reading, settling and recording | {redis:.1} µs | |\n\
         | the same with `attempts.max_entries = 0` | {without_records:.1} µs | |\n\
         | CPU of Redis, with adding in pipelines | {:.1} µs | {} |\n\
         | memory of a worker at its peak | {memory_mib:.0} MiB | |\n\n",
        grouped(of_worker),
        redis + ADDING_MICROS,
        grouped(of_redis),
    );
    text += "| deliveries/s | cores of workers | primaries of Redis | requests under way | workers | their connections to Redis | \
             with receivers, Gbit/s | with Redis, Gbit/s | written by Redis, MB/s | memory a minute of standstill takes, GB |\n";
    text += &format!("|{}\n", " --- |".repeat(10));
    RATES.iter().for_each(|rate| text += &row(*rate, &costs));
    text
}

/// With `POSTRIDER_WRITE_DOCUMENT` set, writes them instead.
#[test]
fn the_tables_of_capacity_follow_from_the_benchmarks() {
    let document = read(DOCUMENT);
    let (before, rest) = document.split_once(START).expect("the document has a place for its tables");
    let (shown, after) = rest.split_once(END).expect("the place has an end");
    let tables = tables();
    if std::env::var_os("POSTRIDER_WRITE_DOCUMENT").is_some() {
        std::fs::write(root().join(DOCUMENT), format!("{before}{START}{tables}{END}{after}")).unwrap();
        return;
    }
    assert!(
        shown == tables,
        "{DOCUMENT} is out of date: POSTRIDER_WRITE_DOCUMENT=1 cargo test -p postrider-tests --test frame capacity"
    );
}

/// What was measured apart is told beside the tables.
#[test]
fn the_figures_that_were_measured_apart_are_told() {
    let document = read(DOCUMENT);
    for figure in [ADDING_MICROS, BYTES_ADDED, BYTES_READ, BYTES_SETTLED, BYTES_TO_FILE, BYTES_READY] {
        let figure = if figure.fract() == 0.0 { grouped(figure) } else { figure.to_string() };
        assert!(document.contains(&figure), "{DOCUMENT} doesn't tell {figure}");
    }
}
