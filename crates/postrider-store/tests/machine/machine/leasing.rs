//! Producing, and coming to hold what was produced.

use postrider_core::entry_id::EntryId;
use postrider_store::entry::LeasedEntry;
use postrider_store::keys::GROUP;
use postrider_store::queue::MAX_SCRIPT_FIELDS;
use postrider_store::reader::{Reader, Wait};
use redis::Value;

use super::{Machine, Told, class};
use crate::ledger::token_of;
use crate::look::QUEUES;
use crate::model::{Answer, Handed};
use crate::state::{Field, Text};
use crate::steps::{EVENTS, SeenBeat, Shape, Step, WORKERS};

/// More than one call copies: no other job goes with it.
const OVERSIZED: usize = (4 << 20) + 1000;

/// With the other fields, not quite as many as a script can carry; and more.
const BROAD: usize = MAX_SCRIPT_FIELDS - 8;
const WIDE: usize = MAX_SCRIPT_FIELDS + 300;

impl Machine {
    pub(super) async fn lease(&mut self, step: &Step) -> Option<Told> {
        match *step {
            Step::Produce { queue, shape, id } => Some(self.produce(queue, shape, id).await),
            Step::Read { queue, worker, count } if self.may_read(queue) => {
                Some(self.read(queue, worker, count).await)
            }
            Step::LoseRead { queue, worker, count } if self.may_read(queue) => {
                Some(self.lose_read(queue, worker, count).await)
            }
            Step::Fetch { queue, worker, odd } => self.fetch(queue, worker, odd).await,
            Step::TakeOver { queue, worker, lost, beat, most } if worker != lost => {
                Some(self.take_over((queue, worker), lost, beat, most).await)
            }
            Step::CountCrash { queue, worker, pick, deliveries } => {
                let entry = self.hands.pick(queue, worker, pick)?.entry;
                let (seen, me) = (self.queue(queue, worker), WORKERS[worker]);
                let actual = class(seen.count_crash(&mut self.link, entry, deliveries).await);
                Some(Told::new(self.state(queue).count_crash(me, entry, deliveries), actual))
            }
            _ => None,
        }
    }

    async fn produce(&mut self, queue: usize, shape: Shape, id: Option<u8>) -> Told {
        let fields = fields_of(queue, shape, id, self.ledger.next_number());
        let mut add = redis::cmd("XADD");
        add.arg(QUEUES[queue]).arg("*");
        for (name, value) in &fields {
            add.arg(&name.0).arg(&value.0);
        }
        let added: redis::RedisResult<String> = add.query_async(&mut self.raw).await;
        if !self.is_full {
            self.ledger.begins(token_of(&fields));
            self.state(queue).add(fields, None);
        }
        let code = added.as_ref().err().and_then(|error| error.code());
        Told::new(self.is_full.then_some("OOM"), code)
    }

    /// Where nothing is unread, the library would sleep, and the versions of Redis differ in whom they list then.
    fn may_read(&self, queue: usize) -> bool {
        let state = &self.model.queues[queue];
        state.group.is_none() || state.unread() > 0
    }

    async fn read(&mut self, queue: usize, worker: usize, count: usize) -> Told {
        let seen = self.queue(queue, worker);
        let direct = &self.direct;
        let reader = self.readers.entry((queue, worker)).or_insert_with(|| Reader::new(direct.clone()));
        let actual = class(reader.read(&seen, count, Wait::ForEntries, || false).await);
        let expected = self.state(queue).read(WORKERS[worker], count);
        self.told_entries(queue, worker, expected, actual)
    }

    async fn lose_read(&mut self, queue: usize, worker: usize, count: usize) -> Told {
        let words = ["XREADGROUP", "GROUP", GROUP, WORKERS[worker], "COUNT"];
        let mut read = redis::cmd(words[0]);
        read.arg(&words[1..]).arg(count).arg("STREAMS").arg(QUEUES[queue]).arg(">");
        let read: redis::RedisResult<Value> = read.query_async(&mut self.raw).await;
        let expected = self.state(queue).read(WORKERS[worker], count);
        Told::new(expected.is_ok(), read.is_ok())
    }

    /// As a worker looks for lost replies: what is pending for it and isn't known to it; and, odd as it is, one more.
    async fn fetch(&mut self, queue: usize, worker: usize, odd: usize) -> Option<Told> {
        let pending = self.state(queue).pending_of(WORKERS[worker]);
        let hands = self.hands.of(queue, worker);
        let is_new = |id: &EntryId| hands.iter().all(|hand| hand.entry != *id);
        let mut ids: Vec<_> = pending.into_iter().filter(is_new).collect();
        ids.extend(self.hands.pick(queue, odd % 3, odd).map(|hand| hand.entry));
        if ids.is_empty() {
            return None;
        }
        let seen = self.queue(queue, worker);
        let actual = class(seen.fetch(&mut self.link, &ids).await);
        let expected = self.state(queue).fetch(WORKERS[worker], &ids);
        Some(self.told_entries(queue, worker, expected, actual))
    }

    async fn take_over(
        &mut self,
        (queue, worker): (usize, usize),
        lost: usize,
        beat: SeenBeat,
        most: usize,
    ) -> Told {
        let latest = self.state(queue).seen.get(WORKERS[lost]).map(|beat| beat.millis());
        let beat = match beat {
            SeenBeat::Latest => latest,
            SeenBeat::Older => Some(latest.unwrap_or(5_000) - 1_000),
            SeenBeat::None => None,
        };
        let seen = self.queue(queue, worker);
        let taken = class(seen.take_over(&mut self.link, WORKERS[lost], beat, most).await);
        let expected = self.state(queue).take_over(WORKERS[worker], WORKERS[lost], beat, most);
        let finished = (expected.as_ref().map(|taken| taken.1), taken.as_ref().map(|taken| taken.finished));
        let finished = Told::new(finished.0, finished.1);
        let entries = taken.map(|taken| taken.entries);
        let told = self.told_entries(queue, worker, expected.map(|taken| taken.0), entries);
        Told {
            expected: finished.expected + &told.expected,
            actual: finished.actual + &told.actual,
            next_due: None,
        }
    }

    fn told_entries(
        &mut self,
        queue: usize,
        worker: usize,
        expected: Answer<Vec<Handed>>,
        actual: Answer<Vec<LeasedEntry>>,
    ) -> Told {
        if let Ok(handed) = &expected {
            self.hands.remember(queue, worker, handed);
        }
        let actual = actual.map(|entries| entries.into_iter().map(handed).collect::<Vec<_>>());
        Told::new(expected, actual)
    }
}

fn handed(entry: LeasedEntry) -> Handed {
    let fields = entry.fields.unwrap_or_default();
    let fields = fields.into_iter().map(|(name, value)| (Text(name), Text(value))).collect();
    Handed { id: entry.id, deliveries: entry.deliveries, taken_over: entry.taken_over, fields }
}

/// What a producer adds. The content begins with the job's number, and is inherited by the jobs of an event.
fn fields_of(queue: usize, shape: Shape, id: Option<u8>, number: usize) -> Vec<Field> {
    let text = |name: &str, value: &str| (Text::from(name), Text::from(value));
    let mut fields = vec![text("userId", "u"), text("type", "note")];
    let mut content = format!("{number};").into_bytes();
    match shape {
        Shape::Plain => {}
        Shape::Timed => fields.extend([text("notBefore", "32503680000000"), text("expiresAt", "1000")]),
        Shape::Binary => {
            content.extend(0..=255);
            fields.push((Text(b"na\xffme".to_vec()), Text(b"\0\r\n\xfe".to_vec())));
        }
        Shape::Nameless => fields.insert(0, text("", "")),
        Shape::Odd => fields.extend([
            text("x", "1"),
            text("x", "2"),
            text("_job", "garbage"),
            text("_reason", "mine"),
            text("header:A", "b"),
        ]),
        Shape::Oversized => content.resize(OVERSIZED, b'x'),
        Shape::Broad => fields.extend((0..BROAD).map(|field| text(&format!("x{field}"), ""))),
        Shape::Wide => fields.extend((0..WIDE).map(|field| text(&format!("x{field}"), ""))),
    }
    fields.push((Text::from("content"), Text(content)));
    let name = if queue == EVENTS { "e" } else { "j" };
    fields.extend(id.map(|id| text("id", &format!("{name}{id}"))));
    fields
}
