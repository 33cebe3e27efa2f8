//! `top` without a screen: plain lines for people, one object for programs.

use serde_json::{Map, Value, json};

use super::look::{Look, QueueLook, WorkerLook};
use super::panel::Panel;
use crate::cmd::{queue, retries, tail, tell};
use crate::columns::Fit;
use crate::exit::Failure;
use crate::terminal::columns_of;

/// All tables, one below the other.
pub(super) fn plain(look: &Look) -> Result<(), Failure> {
    let room = columns_of(&std::io::stdout());
    let tables: Vec<String> = Panel::ALL.iter().map(|panel| table(*panel, look, room)).collect();
    tell::print(&format!("{}\n\n{}", look.at.to_rfc3339(), tables.join("\n")))
}

fn table(panel: Panel, look: &Look, room: Option<usize>) -> String {
    let (rows, columns) = (panel.rows(look), panel.columns());
    if rows.is_empty() {
        return format!("{}\n", panel.emptiness());
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells.clone()).collect();
    let fit = Fit::new(columns, &cells, room);
    let heads = fit.line(columns, |index| columns[index].head.to_owned());
    let lines = cells.iter().map(|cells| fit.line(columns, |index| cells[index].clone()));
    std::iter::once(heads).chain(lines).map(|line| line + "\n").collect()
}

/// All in one object.
pub(super) fn json(look: &Look) -> Result<(), Failure> {
    let Look { at, queues, workers, destinations, failures, waiting } = look;
    let of_queue = |queue: &str, mut object: Map<String, Value>| {
        object.insert("queue".into(), queue.into());
        object
    };
    let object = json!({
        "at": at.as_millis(),
        "queues": queues.iter().map(queue_object).collect::<Vec<_>>(),
        "workers": workers.iter().map(worker_object).collect::<Vec<_>>(),
        "destinations": queue_rows(destinations),
        "failures": failures.iter().map(|(queue, one)| of_queue(queue.as_str(), tail::object(one))).collect::<Vec<_>>(),
        "waiting": waiting.iter().map(|(queue, one)| of_queue(queue.as_str(), retries::object(one))).collect::<Vec<_>>(),
    });
    tell::json_lines(&[object.as_object().cloned().unwrap_or_default()])
}

fn queue_rows(destinations: &[crate::cmd::destinations::row::Row]) -> Vec<Map<String, Value>> {
    crate::cmd::destinations::row::objects(destinations.to_vec())
}

fn queue_object(QueueLook { name, figures, per_second }: &QueueLook) -> Map<String, Value> {
    let mut object = queue::print::object(name, figures);
    let rates =
        per_second.map(|rates| rates.iter().map(|(what, rate)| (what.to_owned(), json!(rate))).collect());
    object.insert("perSecond".into(), rates.map_or(Value::Null, Value::Object));
    object
}

fn worker_object(worker: &WorkerLook) -> Value {
    json!({
        "worker": worker.name,
        "queue": worker.queue.as_str(),
        "inFlight": worker.in_flight,
        "leased": worker.leased,
        "heartbeatMsAgo": worker.silence.map(|silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
        "living": worker.is_living,
    })
}
