//! How figures of queues are shown: two tables for people, an object a queue for programs.

use std::time::Duration;

use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::figures::{Counts, Figures};
use serde_json::{Map, Value, json};

use crate::cmd::tell;
use crate::exit::Failure;

const HEADS: [&str; 10] =
    ["QUEUE", "STATE", "READY", "LEASED", "WAITING", "HELD", "DEAD", "WORKERS", "OLDEST READY", "NEXT DUE"];

/// Prints the figures of these queues.
pub(super) fn stats(queues: &[(QueueName, Figures)], json: bool) -> Result<(), Failure> {
    if json {
        return tell::json_lines(
            &queues.iter().map(|(queue, figures)| object(queue, figures)).collect::<Vec<_>>(),
        );
    }
    let heads = HEADS.map(str::to_owned).to_vec();
    tell::table(&std::iter::once(heads).chain(queues.iter().map(cells)).collect::<Vec<_>>())?;
    let settled = settled(queues);
    if settled.len() == 1 {
        return Ok(());
    }
    tell::done("")?;
    tell::table(&settled)
}

/// A queue as programs see it.
pub(in crate::cmd) fn object(queue: &QueueName, figures: &Figures) -> Map<String, Value> {
    let Figures { sample, .. } = figures;
    let object = json!({
        "queue": queue.as_str(),
        "paused": figures.paused,
        "ready": sample.ready,
        "leased": sample.leased,
        "waiting": sample.waiting,
        "held": figures.held,
        "dead": sample.dead,
        "workers": figures.living_workers,
        "oldestReadyMs": sample.oldest_ready_millis,
        "nextDueAt": figures.next_due.map(Timestamp::as_millis),
        "thisHour": counts(figures.this_hour),
        "today": counts(figures.today),
    });
    object.as_object().cloned().unwrap_or_default()
}

fn counts(counts: Counts) -> Value {
    counts.iter().map(|(outcome, count)| (outcome.to_owned(), count.into())).collect::<Map<_, _>>().into()
}

fn cells((queue, figures): &(QueueName, Figures)) -> Vec<String> {
    let Figures { sample, .. } = figures;
    let has_ready = sample.ready > 0;
    let oldest = has_ready.then(|| in_words(Duration::from_millis(sample.oldest_ready_millis)));
    let next = figures.next_due.map(|due| match due.since(figures.now) {
        Duration::ZERO => "now".to_owned(),
        wait => format!("in {}", in_words(wait)),
    });
    let counts =
        [sample.ready, sample.leased, sample.waiting, figures.held, sample.dead, figures.living_workers];
    let state = if figures.paused { "paused" } else { "running" };
    let mut cells = vec![queue.to_string(), state.to_owned()];
    cells.extend(counts.map(|count| count.to_string()));
    cells.extend([oldest, next].map(|cell| cell.unwrap_or_else(|| "-".to_owned())));
    cells
}

/// With heads; a queue of which nothing was settled today has no row.
fn settled(queues: &[(QueueName, Figures)]) -> Vec<Vec<String>> {
    let heads = ["SETTLED", "SINCE"].map(str::to_owned).into_iter();
    let heads = heads.chain(Counts::OUTCOMES.map(str::to_uppercase)).collect();
    let row = |queue: &QueueName, since: &str, counts: Counts| {
        let name = [queue.to_string(), since.to_owned()].into_iter();
        name.chain(counts.iter().map(|(_, count)| count.to_string())).collect()
    };
    let rows = queues.iter().filter(|(_, figures)| !figures.today.is_empty()).flat_map(|(queue, figures)| {
        [row(queue, "this hour", figures.this_hour), row(queue, "today (UTC)", figures.today)]
    });
    std::iter::once(heads).chain(rows).collect()
}

/// The two largest units at most: `450ms`, `5s`, `2m 3s`, `1h 20m`, `3d 4h`.
pub(in crate::cmd) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use postrider_store::queue::Sample;

    use super::*;

    fn figures() -> Figures {
        Figures {
            now: Timestamp::from_millis(1_000),
            sample: Sample::default(),
            next_due: None,
            held: 0,
            living_workers: 0,
            paused: false,
            this_hour: Counts::default(),
            today: Counts::default(),
        }
    }

    fn queue() -> QueueName {
        QueueName::parse("q").unwrap()
    }

    #[test]
    fn a_queue_has_its_figures_in_its_row() {
        let sample =
            Sample { ready: 1, leased: 2, waiting: 3, dead: 5, workers: 9, oldest_ready_millis: 61_000 };
        let next_due = Some(Timestamp::from_millis(6_000));
        let busy = Figures { sample, next_due, held: 4, living_workers: 6, paused: true, ..figures() };
        assert_eq!(cells(&(queue(), busy)).join(" "), "q paused 1 2 3 4 5 6 1m 1s in 5s");
        assert_eq!(cells(&(queue(), figures())).join(" "), "q running 0 0 0 0 0 0 - -");
        let overdue = Figures { next_due: Some(Timestamp::from_millis(900)), ..figures() };
        assert_eq!(cells(&(queue(), overdue))[9], "now");
    }

    #[test]
    fn a_queue_that_did_nothing_today_has_no_counters() {
        assert_eq!(settled(&[(queue(), figures())]).len(), 1);
    }

    #[test]
    fn times_are_told_in_two_units_at_most() {
        for (millis, expected) in [
            (0, "0ms"),
            (999, "999ms"),
            (59_999, "59s"),
            (3_599_000, "59m 59s"),
            (4_800_000, "1h 20m"),
            (277_200_000, "3d 5h"),
        ] {
            assert_eq!(in_words(Duration::from_millis(millis)), expected);
        }
    }
}
