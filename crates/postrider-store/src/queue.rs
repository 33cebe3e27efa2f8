//! Every change of a job's state: one script each, on a link that the caller brings.

use std::sync::LazyLock;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use redis::{Cmd, Value};

use crate::dead::{counter_of, time_to_keep};
use crate::entry::{LeasedEntry, bytes, entries_of_takeover, integer};
use crate::fault::{FaultClass, StoreError};
use crate::keys::{GROUP, QueueKeys};
use crate::link::Link;
use crate::presence::{due, moment, number};
use crate::script::NamedScript;
use crate::settle_call::SettleCall;
use crate::settlement::{Destination, Settled, Settlement};

/// Most jobs that one call promotes: under a millisecond of Redis' time.
const PROMOTE_BATCH: usize = 256;

/// Ready jobs from which on due ones go a few at a time, lest new jobs stand behind a mass of late retries: what a worker
/// sends in some 50 ms when all is well.
const CROWDED: usize = 2_000;

/// So few, lest late retries stand behind a mass of new jobs for ever: over a thousand a second and worker.
const PROMOTE_INTO_A_CROWD: usize = 16;

/// Most bytes that one call copies inside Redis.
pub(crate) const MAX_COPY_BYTES: usize = 4 << 20;

/// More fields than this can't be carried by one call inside a script: Lua's stack ends at 8,000 values.
pub const MAX_SCRIPT_FIELDS: usize = 3_900;

macro_rules! script {
    ($constant:ident, $name:literal) => {
        static $constant: LazyLock<NamedScript> =
            LazyLock::new(|| NamedScript::new($name, include_str!(concat!("scripts/", $name, ".lua"))));
    };
}

script!(SETTLE, "settle");
script!(PROMOTE, "promote");
script!(RECALL, "recall");
script!(TAKE_OVER, "take_over");
script!(FETCH, "fetch");
script!(COUNT_CRASH, "count_crash");
script!(ENSURE_GROUP, "ensure_group");
script!(SIGN_OFF, "sign_off");
script!(SAMPLE, "sample");

/// One queue, seen by one worker.
#[derive(Clone, Debug)]
pub struct Queue {
    name: QueueName,
    keys: QueueKeys,
    consumer: Box<str>,
    max_attempt_records: u64,
}

/// What a settle call brought back.
#[derive(Debug)]
pub struct SettleReply {
    /// When the next waiting job is due.
    pub next_due: Option<Timestamp>,
    /// What became of each job, in the order given.
    pub results: Vec<Settled>,
}

/// What a promote call brought back.
#[derive(Clone, Copy, Debug)]
pub struct PromoteReply {
    /// Redis' clock.
    pub now: Timestamp,
    /// When the next waiting job is due.
    pub next_due: Option<Timestamp>,
    /// Jobs that moved to the stream.
    pub promoted: usize,
    /// Ids that had no job and were removed.
    pub orphans: usize,
    /// Jobs whose record could not be read; they are dead letters now.
    pub unreadable: usize,
    /// Jobs that a newer version wrote: they are left to its workers.
    pub left_to_newer: usize,
    /// Whether so many jobs are ready that those which are due go a few at a time.
    pub is_crowded: bool,
}

/// Jobs taken over from a lost worker.
#[derive(Debug)]
pub struct TakeOver {
    /// The entries, now this worker's.
    pub entries: Vec<LeasedEntry>,
    /// Whether the lost worker has nothing left and its consumer is removed.
    pub finished: bool,
}

/// A consumer of the group, as Redis lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Box<str>,
    /// Entries pending for it.
    pub pending: usize,
}

/// How many jobs are in which state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// In the stream and unread.
    pub ready: u64,
    /// In the stream and pending for a worker.
    pub leased: u64,
    /// Waiting for a retry or their time.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// Workers with a heartbeat, living or not yet found dead.
    pub workers: u64,
    /// Age of the oldest unread entry, in milliseconds; 0 where there is none, and for ids in the future.
    pub oldest_ready_millis: u64,
}

impl Queue {
    /// A queue as `consumer` serves it; at most about `max_attempt_records` are kept in its attempt log, 0: none.
    pub fn new(name: QueueName, consumer: &str, max_attempt_records: u64) -> Self {
        Self { keys: QueueKeys::new(&name), name, consumer: consumer.into(), max_attempt_records }
    }

    /// Its name.
    pub fn name(&self) -> &QueueName {
        &self.name
    }

    /// Its keys.
    pub fn keys(&self) -> &QueueKeys {
        &self.keys
    }

    /// This worker's consumer name.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Whether attempts are recorded at all.
    pub fn records_attempts(&self) -> bool {
        self.max_attempt_records > 0
    }

    /// Makes stream and group where they are missing; tells whether it had to.
    pub async fn ensure_group(&self, link: &mut Link) -> Result<bool, StoreError> {
        let mut call = ENSURE_GROUP.call(1);
        call.arg(&self.keys.stream).arg(GROUP);
        let reply =
            link.run(&ENSURE_GROUP, &call, || format!("make the consumer group of {}", self.name)).await?;
        Ok(integer(&reply) == Some(1))
    }

    /// Settles a batch in one step, of which each job's part is checked for itself. `most_pending` is more than this
    /// worker can hold. Repeating a call whose reply was lost changes nothing; `is_repeat` says so, and keeps its attempts from
    /// being recorded twice.
    pub async fn settle(
        &self,
        link: &mut Link,
        batch: &[Settlement],
        most_pending: usize,
        is_repeat: bool,
    ) -> Result<SettleReply, StoreError> {
        let settling = SettleCall::new(batch);
        let (keys, (lowest, highest)) = (&self.keys, settling.range());
        let mut call = SETTLE.call(7);
        call.arg(&keys.stream)
            .arg(&keys.retry)
            .arg(&keys.retry_jobs)
            .arg(&keys.dead)
            .arg(&keys.attempts)
            .arg(&keys.stats)
            .arg(&keys.held);
        call.arg(GROUP).arg(&*self.consumer).arg(lowest).arg(highest);
        call.arg(most_pending).arg(self.max_attempt_records).arg(u8::from(is_repeat));
        settling.append_to(&mut call);
        let operation = || format!("settle {} jobs of {}", batch.len(), self.name);
        Ok(settling.read(link.run(&SETTLE, &call, operation).await?))
    }

    /// Buries an entry with more fields than a script can carry. The one move that is a transaction instead: its
    /// dead letter holds everything that the producer gave. A transaction isn't undone where one of its commands fails, so
    /// what could fail is looked at before.
    pub async fn bury_whole(
        &self,
        link: &mut Link,
        settlement: &Settlement,
        fields: &[Field],
    ) -> Result<Settled, StoreError> {
        let Destination::Dead { reason, made, error } = &settlement.destination else {
            return Ok(Settled::Gone);
        };
        let id = settlement.entry.to_string();
        if let Some(settled) = self.cannot_bury(link, &id).await? {
            return Ok(settled);
        }
        let mut letter = Cmd::new();
        letter.arg("XADD").arg(&self.keys.dead).arg("*");
        for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(b"_")) {
            letter.arg(name).arg(value);
        }
        if let Some(created_at) = time_to_keep(settlement.entry, fields) {
            letter.arg("_createdAt").arg(created_at);
        }
        letter.arg("_id").arg(&*settlement.job_id).arg("_reason").arg(reason.as_str());
        letter.arg("_status").arg(made.status).arg("_error").arg(error);
        letter.arg("_attempts").arg(made.attempts);
        letter.arg("_diedAt").arg(self.redis_now(link).await?.as_millis());
        let mut transaction = redis::pipe();
        transaction.atomic().add_command(letter);
        // Its place isn't listed, since its id isn't known yet: it is found by a look.
        transaction
            .cmd("HINCRBY")
            .arg(&self.keys.dead_counts)
            .arg(counter_of(reason.as_str(), fields))
            .arg(1);
        transaction.cmd("XACK").arg(&self.keys.stream).arg(GROUP).arg(&id);
        transaction.cmd("XDEL").arg(&self.keys.stream).arg(&id);
        link.transact(&transaction, || format!("bury entry {id} of {}", self.name)).await?;
        Ok(Settled::Applied)
    }

    /// Why an entry can't be buried: it is gone, another's, or there is no stream to bury it in.
    async fn cannot_bury(&self, link: &mut Link, id: &str) -> Result<Option<Settled>, StoreError> {
        let operation = || format!("look at entry {id} of {}", self.name);
        let mut look = redis::cmd("XRANGE");
        look.arg(&self.keys.stream).arg(id).arg(id);
        if matches!(link.send(&look, operation).await?, Value::Array(found) if found.is_empty()) {
            return Ok(Some(Settled::Gone));
        }
        let mut ask = redis::cmd("XPENDING");
        ask.arg(&self.keys.stream).arg(GROUP).arg(id).arg(id).arg(1).arg(&*self.consumer);
        if matches!(link.send(&ask, operation).await?, Value::Array(mine) if mine.is_empty()) {
            return Ok(Some(Settled::Refused));
        }
        let kind = link.send(redis::cmd("TYPE").arg(&self.keys.dead), operation).await?;
        let kind = bytes(kind).unwrap_or_default();
        let fits = kind == b"stream" || kind == b"none";
        Ok((!fits).then(|| Settled::Failed(format!("WRONGTYPE {} is not a stream", self.keys.dead))))
    }

    /// Redis' clock.
    pub(crate) async fn redis_now(&self, link: &mut Link) -> Result<Timestamp, StoreError> {
        let reply = link.send(&redis::cmd("TIME"), || "ask Redis for the time".to_owned()).await?;
        let Value::Array(parts) = reply else { return Ok(Timestamp::default()) };
        let part = |index: usize| parts.get(index).and_then(integer).unwrap_or(0);
        Ok(moment(part(0) * 1000 + part(1) / 1000))
    }

    /// Moves jobs that are due to the stream, up to a batch; call again while `promoted` is above zero.
    pub async fn promote(&self, link: &mut Link) -> Result<PromoteReply, StoreError> {
        let mut call = PROMOTE.call(5);
        call.arg(&self.keys.stream)
            .arg(&self.keys.retry)
            .arg(&self.keys.retry_jobs)
            .arg(&self.keys.held)
            .arg(&self.keys.dead);
        call.arg(PROMOTE_BATCH).arg(MAX_COPY_BYTES).arg(GROUP).arg(CROWDED).arg(PROMOTE_INTO_A_CROWD);
        let reply = link.run(&PROMOTE, &call, || format!("promote waiting jobs of {}", self.name)).await?;
        let numbers = numbers(&reply);
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
        Ok(PromoteReply {
            now: moment(at(0)),
            next_due: due(at(1)),
            promoted: usize::try_from(at(2)).unwrap_or(0),
            orphans: usize::try_from(at(3)).unwrap_or(0),
            unreadable: usize::try_from(at(4)).unwrap_or(0),
            is_crowded: at(5) == 1,
            left_to_newer: usize::try_from(at(6)).unwrap_or(0),
        })
    }

    /// Makes deferred jobs due now: each by its id, and the entry that it was when it was deferred. Gives their number.
    pub async fn recall(&self, link: &mut Link, jobs: &[(&str, EntryId)]) -> Result<usize, StoreError> {
        let mut call = RECALL.call(2);
        call.arg(&self.keys.retry).arg(&self.keys.retry_jobs);
        for (job, entry) in jobs {
            call.arg(job).arg(entry.to_string());
        }
        let reply = link.run(&RECALL, &call, || format!("recall deferred jobs of {}", self.name)).await?;
        Ok(integer(&reply).and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// Takes over up to `most` entries of `lost`, a consumer that was found dead with `beat` as its last heartbeat; none
    /// where it has had another one since.
    pub async fn take_over(
        &self,
        link: &mut Link,
        lost: &str,
        beat: Option<i64>,
        most: usize,
    ) -> Result<TakeOver, StoreError> {
        let mut call = TAKE_OVER.call(3);
        call.arg(&self.keys.stream).arg(&self.keys.workers).arg(&self.keys.seen);
        call.arg(GROUP).arg(&*self.consumer).arg(lost).arg(most).arg(MAX_COPY_BYTES);
        call.arg(beat.map_or(String::new(), |beat| beat.to_string()));
        let reply =
            link.run(&TAKE_OVER, &call, || format!("take over the jobs of {lost} in {}", self.name)).await?;
        let Value::Array(mut items) = reply else {
            return Ok(TakeOver { entries: Vec::new(), finished: false });
        };
        let entries = items.split_off(1.min(items.len()));
        let finished = items.first().and_then(integer) == Some(1);
        Ok(TakeOver { entries: entries_of_takeover(Value::Array(entries)), finished })
    }

    /// Ids that are pending for this worker, oldest first, at most `most`.
    pub async fn own_pending(&self, link: &mut Link, most: usize) -> Result<Vec<EntryId>, StoreError> {
        let mut command = redis::cmd("XPENDING");
        command.arg(&self.keys.stream).arg(GROUP).arg("-").arg("+").arg(most).arg(&*self.consumer);
        let reply = link.send(&command, || format!("list the own leases in {}", self.name)).await?;
        let Value::Array(items) = reply else { return Ok(Vec::new()) };
        Ok(items.into_iter().filter_map(first_id).collect())
    }

    /// Fetches entries that are pending for this worker but never reached it. Their delivery counts stay.
    pub async fn fetch(&self, link: &mut Link, ids: &[EntryId]) -> Result<Vec<LeasedEntry>, StoreError> {
        let mut call = FETCH.call(1);
        call.arg(&self.keys.stream).arg(GROUP).arg(&*self.consumer).arg(MAX_COPY_BYTES);
        for id in ids {
            call.arg(id.to_string());
        }
        let reply =
            link.run(&FETCH, &call, || format!("fetch {} leases of {}", ids.len(), self.name)).await?;
        let entries = entries_of_takeover(reply).into_iter();
        // They were never started here. Whether a lost worker has started them knows only who asked for a takeover in vain.
        Ok(entries.map(|entry| LeasedEntry { taken_over: entry.deliveries > 1, ..entry }).collect())
    }

    /// Notes that a job was lost with a worker, before it is started again; `false`: it is another's now.
    pub async fn count_crash(
        &self,
        link: &mut Link,
        entry: EntryId,
        deliveries: u32,
    ) -> Result<bool, StoreError> {
        let mut call = COUNT_CRASH.call(1);
        call.arg(&self.keys.stream).arg(GROUP).arg(&*self.consumer).arg(entry.to_string()).arg(deliveries);
        let reply = link.run(&COUNT_CRASH, &call, || format!("count a crash of entry {entry}")).await?;
        Ok(integer(&reply) == Some(1))
    }

    /// The consumers of the group, this one included; none where there is no stream or no group, as before a queue's first read.
    pub async fn consumers(&self, link: &mut Link) -> Result<Vec<Consumer>, StoreError> {
        let mut command = redis::cmd("XINFO");
        command.arg("CONSUMERS").arg(&self.keys.stream).arg(GROUP);
        let reply = match link.send(&command, || format!("list the consumers of {}", self.name)).await {
            Err(error) if error.class() == FaultClass::NoGroup => return Ok(Vec::new()),
            reply => reply?,
        };
        let Value::Array(items) = reply else { return Ok(Vec::new()) };
        Ok(items.into_iter().filter_map(read_consumer).collect())
    }

    /// Takes this worker off the lists; `false` where something is still pending for it.
    pub async fn sign_off(&self, link: &mut Link) -> Result<bool, StoreError> {
        let mut call = SIGN_OFF.call(3);
        call.arg(&self.keys.stream)
            .arg(&self.keys.workers)
            .arg(&self.keys.seen)
            .arg(GROUP)
            .arg(&*self.consumer);
        let reply = link.run(&SIGN_OFF, &call, || format!("sign off from {}", self.name)).await?;
        Ok(integer(&reply) == Some(1))
    }

    /// Counts the jobs in each state.
    pub async fn sample(&self, link: &mut Link) -> Result<Sample, StoreError> {
        let mut call = SAMPLE.call(4);
        call.arg(&self.keys.stream)
            .arg(&self.keys.retry)
            .arg(&self.keys.dead)
            .arg(&self.keys.seen)
            .arg(GROUP);
        let reply = link.run(&SAMPLE, &call, || format!("count the jobs of {}", self.name)).await?;
        Ok(read_sample(reply))
    }
}

fn numbers(reply: &Value) -> Vec<i64> {
    let Value::Array(items) = reply else { return Vec::new() };
    items.iter().map(|item| number(item).unwrap_or(0)).collect()
}

fn first_id(item: Value) -> Option<EntryId> {
    let Value::Array(parts) = item else { return None };
    EntryId::parse(&bytes(parts.into_iter().next()?)?)
}

fn read_consumer(item: Value) -> Option<Consumer> {
    let Value::Array(facts) = item else { return None };
    let (mut name, mut pending) = (None, 0);
    let mut facts = facts.into_iter();
    while let (Some(key), Some(value)) = (facts.next(), facts.next()) {
        match bytes(key).as_deref() {
            Some(b"name") => name = bytes(value).map(|name| String::from_utf8_lossy(&name).into()),
            Some(b"pending") => {
                pending = integer(&value).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
            }
            _ => {}
        }
    }
    Some(Consumer { name: name?, pending })
}

fn read_sample(reply: Value) -> Sample {
    let counts: Vec<u64> =
        numbers(&reply).into_iter().map(|count| u64::try_from(count).unwrap_or(0)).collect();
    let at = |index: usize| counts.get(index).copied().unwrap_or(0);
    let oldest = match reply {
        Value::Array(mut items) => items.pop().and_then(bytes).and_then(|id| EntryId::parse(&id)),
        _ => None,
    };
    Sample {
        ready: at(1).saturating_sub(at(2)),
        leased: at(2),
        waiting: at(3),
        dead: at(4),
        workers: at(5),
        oldest_ready_millis: oldest.map_or(0, |id| at(0).saturating_sub(id.millis)),
    }
}
