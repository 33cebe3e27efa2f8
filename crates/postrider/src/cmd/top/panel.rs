//! The tables of `top`: which rows each has, made of a look. Knows nothing of screens.

use std::time::Duration;

use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::attempts::Attempt;
use postrider_store::retries::Waiting;

use super::look::{Look, QueueLook, WorkerLook};
use crate::cmd::destinations::row::Row as Destination;
use crate::cmd::operator::{hook, or_dash};
use crate::cmd::queue::print::in_words;
use crate::columns::Column;
use crate::terminal::harmless;

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Queues,
    Workers,
    Destinations,
    Failures,
    Waiting,
}

/// How a row is meant: a colour beside its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Plain,
    Warning,
    Bad,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What it is about, whatever else changes.
    pub(super) key: Key,
    pub(super) cells: Vec<String>,
    pub(super) mood: Mood,
}

/// What a row is about: a queue, and of the queue a worker, destination, attempt or job.
pub(super) type Key = (QueueName, String);

impl Panel {
    pub(super) const ALL: [Self; 5] =
        [Self::Queues, Self::Workers, Self::Destinations, Self::Failures, Self::Waiting];

    /// What operators call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Workers => "workers",
            Self::Destinations => "destinations",
            Self::Failures => "failures",
            Self::Waiting => "waiting",
        }
    }

    /// What stands where it has no row.
    pub(super) fn emptiness(self) -> &'static str {
        match self {
            Self::Queues => "no queue",
            Self::Workers => "no worker: nothing is sent",
            Self::Destinations => "nothing is under way or held back",
            Self::Failures => "no failed attempt in the log",
            Self::Waiting => "no job waits",
        }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Queues => &QUEUES,
            Self::Workers => &WORKERS,
            Self::Destinations => &DESTINATIONS,
            Self::Failures => &FAILURES,
            Self::Waiting => &WAITING,
        }
    }

    pub(super) fn rows(self, look: &Look) -> Vec<Row> {
        match self {
            Self::Queues => look.queues.iter().map(queue).collect(),
            Self::Workers => look.workers.iter().map(worker).collect(),
            Self::Destinations => look.destinations.iter().filter_map(destination).collect(),
            Self::Failures => look.failures.iter().map(|one| failure(one, look.at)).collect(),
            Self::Waiting => look.waiting.iter().map(|one| waiting(one, look.at)).collect(),
        }
    }
}

const QUEUES: [Column; 11] = [
    Column::text("QUEUE", 20, 0),
    Column::whole("STATE", 0),
    Column::number("READY", 0),
    Column::number("LEASED", 6),
    Column::number("WAITING", 3),
    Column::number("DEAD", 1),
    Column::number("SENT/S", 2),
    Column::number("RETRY/S", 4),
    Column::number("DEAD/S", 5),
    Column::whole("OLDEST", 8),
    Column::whole("DUE", 9),
];

fn queue(QueueLook { name, figures, per_second }: &QueueLook) -> Row {
    let sample = &figures.sample;
    let rate = |outcome: &str| per_second.map_or_else(|| "-".to_owned(), |rates| rate(rates.of(outcome)));
    let oldest = (sample.ready > 0).then(|| in_words(Duration::from_millis(sample.oldest_ready_millis)));
    let due = figures.next_due.map(|due| wait(due, figures.now));
    let cells = vec![
        name.to_string(),
        if figures.paused { "paused" } else { "on" }.to_owned(),
        count(sample.ready),
        count(sample.leased),
        count(sample.waiting),
        count(sample.dead),
        rate("delivered"),
        rate("retried"),
        rate("dead"),
        oldest.unwrap_or_else(|| "-".to_owned()),
        due.unwrap_or_else(|| "-".to_owned()),
    ];
    let is_stuck = figures.living_workers == 0 && sample.ready + sample.leased > 0;
    let mood = if is_stuck {
        Mood::Bad
    } else if figures.paused {
        Mood::Warning
    } else {
        Mood::Plain
    };
    Row { key: (name.clone(), String::new()), cells, mood }
}

const WORKERS: [Column; 5] = [
    Column::text("WORKER", 16, 0),
    Column::number("IN FLIGHT", 2),
    Column::number("LEASED", 1),
    Column::whole("HEARTBEAT", 0),
    Column::text("QUEUE", 14, 3),
];

fn worker(worker: &WorkerLook) -> Row {
    let heartbeat = match worker.silence {
        None => "none".to_owned(),
        Some(silence) if silence < Duration::from_secs(1) => "now".to_owned(),
        Some(silence) if worker.is_living => format!("{} ago", in_words(silence)),
        Some(silence) => format!("LOST {} ago", in_words(silence)),
    };
    let cells = vec![
        harmless(&worker.name),
        count(worker.in_flight),
        count(worker.leased as u64),
        heartbeat,
        worker.queue.to_string(),
    ];
    let mood = if worker.is_living { Mood::Plain } else { Mood::Bad };
    Row { key: (worker.queue.clone(), worker.name.clone()), cells, mood }
}

const DESTINATIONS: [Column; 8] = [
    Column::text("DESTINATION", 16, 0),
    Column::text("STATE", 21, 0),
    Column::number("IN FLIGHT", 2),
    Column::whole("RATE", 7),
    Column::number("IN LINE", 3),
    Column::number("FAILURES", 4),
    Column::text("LAST FAILURE", 14, 5),
    Column::text("WORKER", 10, 8),
];

fn destination(destination: &Destination) -> Option<Row> {
    let queue = QueueName::parse(destination.queue()).ok()?;
    let mut cells: Vec<String> = destination.cells().iter().map(|cell| harmless(cell)).collect();
    // Deferred jobs stand among those that wait.
    cells.remove(5);
    let mood = match destination.text("state") {
        "tripped" => Mood::Bad,
        _ if destination.is_held_back() => Mood::Warning,
        _ => Mood::Plain,
    };
    Some(Row { key: (queue, format!("{}\n{}", destination.name(), destination.text("worker"))), cells, mood })
}

const FAILURES: [Column; 8] = [
    Column::whole("AGO", 1),
    Column::whole("OUTCOME", 0),
    Column::number("STATUS", 2),
    Column::whole("JOB", 0),
    Column::number("ATTEMPT", 5),
    Column::text("DESTINATION", 16, 4),
    Column::text("HOOK", 10, 6),
    Column::text("ERROR", 14, 3),
];

fn failure((queue, attempt): &(QueueName, Attempt), now: Timestamp) -> Row {
    let cells = vec![
        in_words(now.since(attempt.at)),
        attempt.outcome.clone(),
        attempt.status.to_string(),
        harmless(&attempt.job),
        attempt.attempt.to_string(),
        harmless(&or_dash(&attempt.destination)),
        harmless(&hook(&attempt.user_id, &attempt.hook_id)),
        harmless(&attempt.error),
    ];
    let mood = if attempt.outcome == "dead" { Mood::Bad } else { Mood::Warning };
    // Many attempts may be of one job.
    Row { key: (queue.clone(), format!("{}\n{}", attempt.job, attempt.entry)), cells, mood }
}

const WAITING: [Column; 6] = [
    Column::whole("DUE", 0),
    Column::whole("JOB", 0),
    Column::number("ATTEMPTS", 2),
    Column::text("HOOK", 10, 1),
    Column::text("DESTINATION", 16, 3),
    Column::text("QUEUE", 14, 4),
];

fn waiting((queue, job): &(QueueName, Waiting), now: Timestamp) -> Row {
    let due = if job.held_for.is_some() { "held".to_owned() } else { wait(job.due, now) };
    let cells = vec![
        due,
        harmless(&job.job),
        job.state.attempts.to_string(),
        harmless(&hook(&job.user_id, &job.hook_id)),
        harmless(&or_dash(&job.destination)),
        queue.to_string(),
    ];
    Row { key: (queue.clone(), job.job.clone()), cells, mood: Mood::Plain }
}

/// The job that a row is about.
pub(super) fn job_of((_, about): &Key) -> &str {
    about.split('\n').next().unwrap_or_default()
}

fn wait(due: Timestamp, now: Timestamp) -> String {
    match due.since(now) {
        Duration::ZERO => "now".to_owned(),
        wait => format!("in {}", in_words(wait)),
    }
}

/// Five characters at most up to a billion: `9999`, `12.3k`, `1.2M`.
fn count(count: u64) -> String {
    let short = |unit: f64, letter: char| {
        let number = count as f64 / unit;
        if number < 100.0 { format!("{number:.1}{letter}") } else { format!("{number:.0}{letter}") }
    };
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => short(1e3, 'k'),
        1_000_000..1_000_000_000 => short(1e6, 'M'),
        _ => short(1e9, 'G'),
    }
}

/// With one place behind the point as long as that says anything.
fn rate(rate: f64) -> String {
    if rate == 0.0 || rate >= 100.0 { count(rate.round() as u64) } else { format!("{rate:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short() {
        let counts = [0, 9_999, 10_000, 123_456, 999_400, 1_000_000, 12_345_678, 3_000_000_000].map(count);
        assert_eq!(counts, ["0", "9999", "10.0k", "123k", "999k", "1.0M", "12.3M", "3.0G"]);
        assert_eq!([0.0, 0.04, 12.34, 123.4, 12_345.0].map(rate), ["0", "0.0", "12.3", "123", "12.3k"]);
    }
}
