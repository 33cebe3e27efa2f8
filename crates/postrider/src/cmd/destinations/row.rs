//! One destination in one worker, as that tells of it. Reads only what it shows: more may come with later versions.

use std::cmp::Ordering;

use postrider_core::queue_name::QueueName;
use serde_json::{Map, Value};

const HEADS: [&str; 9] = [
    "DESTINATION",
    "STATE",
    "IN FLIGHT",
    "RATE",
    "IN LINE",
    "DEFERRED",
    "FAILURES",
    "LAST FAILURE",
    "WORKER",
];

/// What a worker tells of a destination.
#[derive(Clone, Debug)]
pub(in crate::cmd) struct Row(Map<String, Value>);

/// What a worker of a queue tells; none where that can't be read.
pub(in crate::cmd) fn read(queue: &QueueName, worker: &str, json: &[u8]) -> Option<Vec<Row>> {
    let told: Vec<Map<String, Value>> = serde_json::from_slice(json).ok()?;
    let named = |mut told: Map<String, Value>| {
        told.insert("worker".to_owned(), worker.into());
        told.insert("queue".to_owned(), queue.as_str().into());
        Row(told)
    };
    Some(told.into_iter().map(named).collect())
}

/// As JSON.
pub(in crate::cmd) fn objects(rows: Vec<Row>) -> Vec<Map<String, Value>> {
    rows.into_iter().map(|row| row.0).collect()
}

/// With heads; the queue only where there are several.
pub(in crate::cmd) fn table(rows: &[Row]) -> Vec<Vec<String>> {
    let heads = HEADS.map(str::to_owned).to_vec();
    let mut table: Vec<_> = std::iter::once(heads).chain(rows.iter().map(Row::cells)).collect();
    if rows.iter().any(|row| row.queue() != rows[0].queue()) {
        let queues = std::iter::once("QUEUE").chain(rows.iter().map(Row::queue));
        table.iter_mut().zip(queues).for_each(|(cells, queue)| cells.push(queue.to_owned()));
    }
    table
}

impl Row {
    /// What operators call it.
    pub(in crate::cmd) fn name(&self) -> &str {
        self.text("destination")
    }

    /// Whether it gets less than it might.
    pub(in crate::cmd) fn is_held_back(&self) -> bool {
        self.text("state") != "flowing"
            || self.is("paused")
            || self.is("silent")
            || self.number("limit") < self.number("maxInFlight")
    }

    /// Those that are held back first, then by name.
    pub(in crate::cmd) fn compare(&self, other: &Self) -> Ordering {
        let place = |row: &Self| (!row.is_held_back(), row.name().to_owned(), row.text("worker").to_owned());
        place(self).cmp(&place(other))
    }

    pub(in crate::cmd) fn queue(&self) -> &str {
        self.text("queue")
    }

    /// In the order of the heads.
    pub(in crate::cmd) fn cells(&self) -> Vec<String> {
        let number = |key| self.number(key).to_string();
        let last_failure = self.text("lastFailure");
        vec![
            self.name().to_owned(),
            self.state(),
            format!("{}/{}", self.number("inFlight"), self.number("limit")),
            self.rate(),
            number("inLine"),
            number("deferred"),
            number("failuresInARow"),
            if last_failure.is_empty() { "-" } else { last_failure }.to_owned(),
            self.text("worker").to_owned(),
        ]
    }

    fn state(&self) -> String {
        if self.is("paused") {
            return "paused".to_owned();
        }
        let state = self.text("state");
        match self.0.get("triedInMs").and_then(Value::as_u64) {
            Some(wait) => format!("{state}, tried in {}s", wait.div_ceil(1000)),
            None if self.is("silent") => format!("{state}, silent"),
            None => state.to_owned(),
        }
    }

    fn rate(&self) -> String {
        let rate = self.0.get("rate").and_then(Value::as_f64);
        rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate}/s"))
    }

    fn is(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A text that it tells, or an empty one.
    pub(in crate::cmd) fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number that it tells, or 0.
    pub(in crate::cmd) fn number(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(queue: &str, json: &str) -> Vec<Row> {
        read(&QueueName::parse(queue).unwrap(), "w", json.as_bytes()).unwrap()
    }

    fn rows(json: &str) -> Vec<Row> {
        rows_of("q", json)
    }

    #[test]
    fn those_that_are_held_back_come_first_then_names() {
        let mut rows = rows(
            r#"[{"destination":"c","state":"flowing","limit":2,"maxInFlight":2},
                {"destination":"b","state":"flowing","limit":1,"maxInFlight":2},
                {"destination":"a","state":"flowing","limit":2,"maxInFlight":2},
                {"destination":"d","state":"flowing","silent":true},
                {"destination":"e","state":"probing"},
                {"destination":"f","state":"flowing","paused":true}]"#,
        );
        rows.sort_by(Row::compare);
        assert_eq!(rows.iter().map(Row::name).collect::<Vec<_>>(), ["b", "d", "e", "f", "a", "c"]);
    }

    #[test]
    fn a_row_tells_in_words_and_bears_with_what_is_missing() {
        let rows = rows(
            r#"[{"destination":"u/h","state":"tripped","inFlight":0,"limit":1,"rate":2.5,"inLine":3,"deferred":4,
                 "failuresInARow":20,"lastFailure":"it answered 500","triedInMs":1200}, {}]"#,
        );
        let told = ["u/h", "tripped, tried in 2s", "0/1", "2.5/s", "3", "4", "20", "it answered 500", "w"];
        assert_eq!(rows[0].cells(), told);
        assert_eq!(rows[1].cells(), ["", "", "0/0", "-", "0", "0", "0", "-", "w"]);
    }

    #[test]
    fn the_queue_is_told_where_there_are_several() {
        let mut rows = rows_of("q", "[{}]");
        assert_eq!(table(&rows)[1].len(), HEADS.len());
        rows.append(&mut rows_of("r", "[{}]"));
        let last: Vec<_> = table(&rows).into_iter().map(|mut cells| cells.pop().unwrap()).collect();
        assert_eq!(last, ["QUEUE", "q", "r"]);
    }

    #[test]
    fn what_is_no_list_of_destinations_is_not_read() {
        for json in ["", "{}", "[1]", "nonsense"] {
            assert!(read(&QueueName::parse("q").unwrap(), "w", json.as_bytes()).is_none(), "{json}");
        }
    }
}
