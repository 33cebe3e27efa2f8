//! Looks at Redis: everything in one step, as the values that the model has too.

use std::collections::BTreeMap;

use postrider_core::entry_id::EntryId;
use redis::aio::MultiplexedConnection;

use crate::state::{
    Attempt, Entry, Field, Group, Health, Lease, Letter, Moment, QueueState, Record, Registry, Text, World,
};

/// The two queues.
pub(crate) const QUEUES: [&str; 2] = ["q", "e"];

const SCRIPT: &str = include_str!("look.lua");

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
type Scores = Vec<(String, f64)>;
type Entries = Vec<(String, Pairs)>;
type RawStream = (bool, Entries, Vec<String>, Vec<(String, String, u64, u32)>, Vec<String>);
type RawWaiting = (Scores, Vec<(String, Vec<u8>, Pairs)>, Scores, Vec<(String, Scores)>);
type RawPast = (Entries, Entries, Vec<(String, u64)>);
type RawQueue = (RawStream, RawWaiting, RawPast, (Scores, Vec<String>), Vec<String>);
type RawHooks = (Vec<(String, Vec<u8>)>, Vec<(String, Vec<u8>)>, Vec<(String, String)>);

/// What was seen.
pub(crate) struct Look {
    /// Redis' clock, in microseconds.
    pub(crate) time: i64,
    pub(crate) world: World,
    pub(crate) keys: Vec<String>,
}

/// Looks.
pub(crate) async fn look(redis: &mut MultiplexedConnection) -> Look {
    let mut command = redis::cmd("EVAL");
    command.arg(SCRIPT).arg(0).arg(&QUEUES);
    let raw: (i64, i64, (RawQueue, RawQueue), RawHooks, Vec<String>) =
        command.query_async(redis).await.expect("Redis can be looked at");
    let (seconds, micros, (jobs, events), hooks, keys) = raw;
    let world = World { queues: [queue(jobs), queue(events)], hooks: registry(hooks) };
    Look { time: seconds * 1_000_000 + micros, world, keys }
}

fn queue(raw: RawQueue) -> QueueState {
    let ((exists, entries, last, pending, consumers), waiting, past, (seen, workers), broken) = raw;
    let (retry, records, held, lists) = waiting;
    let (dead, attempts, counts) = past;
    let lease =
        |(entry, owner, _, deliveries): (String, String, u64, u32)| (id(&entry), Lease { owner, deliveries });
    let group = last.first().map(|last| Group {
        last: id(last),
        pending: pending.into_iter().map(lease).collect(),
        consumers: consumers.into_iter().collect(),
    });
    QueueState {
        exists,
        entries: entries.into_iter().map(entry).collect(),
        group,
        retry: moments(retry),
        records: records.into_iter().map(record).collect(),
        held: moments(held),
        lists: lists.into_iter().map(|(hook, list)| (hook, ages(list))).collect(),
        dead: dead.into_iter().map(letter).collect(),
        attempts: attempts.into_iter().map(attempt).collect(),
        counts: totals(counts),
        seen: moments(seen),
        workers: workers.into_iter().collect(),
        broken: broken.into_iter().collect(),
    }
}

fn id(text: &str) -> EntryId {
    EntryId::parse(text.as_bytes()).expect("Redis gives ids of entries")
}

fn fields(pairs: Pairs) -> Vec<Field> {
    pairs.into_iter().map(|(name, value)| (Text(name), Text(value))).collect()
}

fn moments(scores: Scores) -> BTreeMap<String, Moment> {
    scores.into_iter().map(|(name, score)| (name, Moment::At(score as i64))).collect()
}

fn ages(scores: Scores) -> BTreeMap<String, i64> {
    scores.into_iter().map(|(name, score)| (name, score as i64)).collect()
}

fn entry((entry, pairs): (String, Pairs)) -> Entry {
    let (fields, due) = without_due(fields(pairs));
    Entry { id: id(&entry), fields, due }
}

/// Takes the `due` off a state that a worker has written.
fn without_due(mut fields: Vec<Field>) -> (Vec<Field>, Option<Moment>) {
    let Some((name, value)) = fields.last_mut() else { return (fields, None) };
    let text = std::str::from_utf8(&value.0).unwrap_or_default();
    let due = text.rsplit_once(" due=").filter(|_| name.0 == b"_job");
    let Some((state, due)) = due.map(|(state, due)| (Text::from(state), due.parse())) else {
        return (fields, None);
    };
    *value = state;
    (fields, due.ok().map(Moment::At))
}

fn record((job, head, pairs): (String, Vec<u8>, Pairs)) -> (String, Record) {
    if pairs.is_empty() {
        return (job, Record::Unreadable(Text(head)));
    }
    let head = String::from_utf8(head).expect("a head is an id and a hook");
    let (origin, hook) =
        head.split_once('@').map_or((&*head, None), |(id, hook)| (id, Some(hook.to_owned())));
    let (fields, due) = without_due(fields(pairs));
    (job, Record::Job { origin: id(origin), hook, fields, due: due.expect("a waiting job is due once") })
}

fn letter((_, pairs): (String, Pairs)) -> Letter {
    let mut fields = fields(pairs);
    let died = fields.pop().filter(|(name, _)| name.0 == b"_diedAt").map(|(_, at)| number(&at.0));
    Letter { fields, died: Moment::At(died.expect("a dead letter ends with the time of its death")) }
}

fn attempt((_, pairs): (String, Pairs)) -> Attempt {
    let found = |wanted: &str| {
        let value = pairs.iter().find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value.clone());
        value.unwrap_or_default()
    };
    let text = |wanted| String::from_utf8_lossy(&found(wanted)).into_owned();
    Attempt {
        job: text("job"),
        number: text("attempt"),
        outcome: text("outcome"),
        worker: text("worker"),
        at: Moment::At(number(&found("at"))),
    }
}

fn number(text: &[u8]) -> i64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("a time is a whole number")
}

/// Over all minutes: `<minute>:<outcome>` to count.
fn totals(counts: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut totals = BTreeMap::new();
    for (name, count) in counts {
        let outcome = name.split_once(':').map_or(&*name, |(_, outcome)| outcome);
        *totals.entry(outcome.to_owned()).or_default() += count;
    }
    totals
}

fn registry((records, latest, health): RawHooks) -> Registry {
    let texts =
        |pairs: Vec<(String, Vec<u8>)>| pairs.into_iter().map(|(id, text)| (id, Text(text))).collect();
    Registry {
        records: texts(records),
        latest: texts(latest),
        health: health.into_iter().map(|(hook, text)| (hook, health_of(&text))).collect(),
    }
}

fn health_of(text: &str) -> Health {
    let words: Vec<&str> = text.split(' ').collect();
    let [failures, since, told] = words[..] else { panic!("health has three words: {text}") };
    Health {
        failures: failures.parse().expect("failures are counted"),
        since: Moment::At(number(since.as_bytes())),
        told: told == "1",
    }
}
