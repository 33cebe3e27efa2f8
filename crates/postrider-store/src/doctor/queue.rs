//! What a queue holds, who serves it, and what is left behind in it.

use std::collections::HashMap;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::queue_name::QueueName;
use redis::Value;

use super::asking::Asking;
use super::server::{millis_of_time, text};
use super::walks::{Fault, StreamWalk, Tally, WaitingWalk, count};
use super::workers::{WorkerFacts, facts_by_name, workers_of};
use crate::entry::bytes;
use crate::fault::StoreError;
use crate::keys::{GROUP, QueueKeys};

/// Everything about one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueFacts {
    pub(super) name: String,
    /// Keys of another type: key, type, type as it should be.
    pub(super) odd_keys: Vec<(String, String, &'static str)>,
    /// Redis' clock, epoch milliseconds.
    pub(super) now: i64,
    /// Entries, leased or not.
    pub(super) length: u64,
    pub(super) group: Option<GroupFacts>,
    pub(super) workers: WorkerFacts,
    /// Age of the oldest entry that nobody has read.
    pub(super) oldest_ready_millis: u64,
    pub(super) waiting: u64,
    pub(super) dead: u64,
    /// Age of the oldest dead letter.
    pub(super) oldest_dead_millis: u64,
    pub(super) is_paused: bool,
    pub(super) epoch: EpochFacts,
    pub(super) leftovers: Leftovers,
}

/// The consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupFacts {
    pub(super) pending: u64,
    /// The last id that was handed out.
    pub(super) last: String,
}

/// What workers have noted about the life of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EpochFacts {
    /// When the data that is there began, epoch milliseconds; 0: no worker has served the queue yet.
    pub(super) began: i64,
    /// When a worker last found that Redis had lost data; 0: never.
    pub(super) lost: i64,
    /// What was found: `emptied` or `older`.
    pub(super) how: String,
}

/// What nothing would come back to by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    of: HashMap<Fault, Tally>,
    pub(super) is_cut_short: bool,
}

impl Leftovers {
    pub(super) fn note(&mut self, fault: Fault, id: &[u8]) {
        self.of.entry(fault).or_default().add(id);
    }

    pub(super) fn tally(&self, fault: Fault) -> Tally {
        self.of.get(&fault).cloned().unwrap_or_default()
    }
}

pub(super) async fn examine(
    asking: &mut Asking<'_>,
    queue: &QueueName,
    dead_after: Duration,
) -> Result<QueueFacts, StoreError> {
    let keys = QueueKeys::new(queue);
    let mut facts = QueueFacts { name: queue.to_string(), ..QueueFacts::default() };
    facts.odd_keys = odd_keys(asking, &keys).await?;
    facts.now = now(asking).await?;
    let is_sound = |key: &str| !facts.odd_keys.iter().any(|(odd, _, _)| odd == key);
    let (stream, waiting) = (is_sound(&keys.stream), is_sound(&keys.retry) && is_sound(&keys.retry_jobs));
    let (held, workers, dead) = (is_sound(&keys.held), is_sound(&keys.seen), is_sound(&keys.dead));
    if stream {
        stream_facts(asking, &keys, &mut facts).await?;
    }
    if workers {
        facts.workers = workers_of(asking, &keys, facts.now, dead_after, facts.group.is_some()).await?;
    }
    if dead {
        facts.dead = counted(asking, "XLEN", &keys.dead).await?;
        facts.oldest_dead_millis = age(first_id(asking, &keys.dead, "-").await?, facts.now);
    }
    facts.is_paused = field(asking, &keys.control, "paused").await?.as_deref() == Some("1");
    facts.epoch = epoch(asking, &keys).await?;
    if waiting && held {
        facts.waiting = counted(asking, "ZCARD", &keys.retry).await?;
        walk_waiting(asking, &keys, &mut facts.leftovers).await?;
    }
    if let Some(group) = &facts.group {
        walk_stream(asking, queue, &group.last, &mut facts.leftovers).await?;
    }
    Ok(facts)
}

async fn odd_keys(
    asking: &mut Asking<'_>,
    keys: &QueueKeys,
) -> Result<Vec<(String, String, &'static str)>, StoreError> {
    let mut odd = Vec::new();
    for (key, expected) in [
        (&keys.stream, "stream"),
        (&keys.retry, "zset"),
        (&keys.retry_jobs, "hash"),
        (&keys.held, "zset"),
        (&keys.dead, "stream"),
        (&keys.dead_counts, "hash"),
        (&keys.dead_ids, "hash"),
        (&keys.attempts, "stream"),
        (&keys.workers, "hash"),
        (&keys.seen, "zset"),
        (&keys.control, "hash"),
        (&keys.epoch, "hash"),
    ] {
        let reply = asking.ask(redis::cmd("TYPE").arg(key), "ask for the type of a key").await?;
        let found = reply.map(text).unwrap_or_default();
        if !matches!(found.as_str(), "none" | "") && found != expected {
            odd.push((key.clone(), found, expected));
        }
    }
    Ok(odd)
}

async fn stream_facts(
    asking: &mut Asking<'_>,
    keys: &QueueKeys,
    facts: &mut QueueFacts,
) -> Result<(), StoreError> {
    facts.length = counted(asking, "XLEN", &keys.stream).await?;
    facts.group = group(asking, &keys.stream).await?;
    let from = facts.group.as_ref().map_or_else(|| "-".to_owned(), |group| format!("({}", group.last));
    facts.oldest_ready_millis = age(first_id(asking, &keys.stream, &from).await?, facts.now);
    Ok(())
}

/// Our group of a stream; none where stream or group are missing.
pub(super) async fn group(asking: &mut Asking<'_>, stream: &str) -> Result<Option<GroupFacts>, StoreError> {
    let mut command = redis::cmd("XINFO");
    command.arg("GROUPS").arg(stream);
    let Ok(Value::Array(groups)) = asking.try_out(&command, "list the groups of a stream").await? else {
        return Ok(None);
    };
    Ok(groups.into_iter().map(facts_by_name).find_map(|group| {
        let is_ours = group.get("name").is_some_and(|name| text(name.clone()) == GROUP);
        is_ours.then(|| GroupFacts {
            pending: group.get("pending").map_or(0, count),
            last: group.get("last-delivered-id").cloned().map(text).unwrap_or_default(),
        })
    }))
}

async fn epoch(asking: &mut Asking<'_>, keys: &QueueKeys) -> Result<EpochFacts, StoreError> {
    let moment = |text: Option<String>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(EpochFacts {
        began: moment(field(asking, &keys.epoch, "began").await?),
        lost: moment(field(asking, &keys.epoch, "lost").await?),
        how: field(asking, &keys.epoch, "how").await?.unwrap_or_default(),
    })
}

async fn walk_waiting(
    asking: &mut Asking<'_>,
    keys: &QueueKeys,
    found: &mut Leftovers,
) -> Result<(), StoreError> {
    let mut walk = WaitingWalk::new();
    loop {
        let page = walk.next(asking.link(), keys).await;
        // Refused, or at its end.
        let Some(Some(page)) = asking.unless_refused(page)? else { break };
        page.iter().for_each(|(fault, id)| found.note(*fault, id));
    }
    found.is_cut_short |= walk.is_cut_short();
    Ok(())
}

async fn walk_stream(
    asking: &mut Asking<'_>,
    queue: &QueueName,
    last: &str,
    found: &mut Leftovers,
) -> Result<(), StoreError> {
    let mut walk = StreamWalk::new(last);
    loop {
        let page = walk.next(asking.link(), queue).await;
        // Refused, or at its end.
        let Some(Some(page)) = asking.unless_refused(page)? else { break };
        page.iter().for_each(|(fault, id)| found.note(*fault, id));
    }
    found.is_cut_short |= walk.is_cut_short();
    Ok(())
}

/// Redis' clock, epoch milliseconds.
pub(super) async fn now(asking: &mut Asking<'_>) -> Result<i64, StoreError> {
    let reply = asking.ask(&redis::cmd("TIME"), "ask Redis for the time").await?;
    Ok(reply.as_ref().and_then(millis_of_time).unwrap_or(0))
}

async fn counted(asking: &mut Asking<'_>, command: &str, key: &str) -> Result<u64, StoreError> {
    let reply = asking.ask(redis::cmd(command).arg(key), "count what a key holds").await?;
    Ok(reply.as_ref().map_or(0, count))
}

async fn field(asking: &mut Asking<'_>, key: &str, name: &str) -> Result<Option<String>, StoreError> {
    let reply = asking.ask(redis::cmd("HGET").arg(key).arg(name), "read what is noted of a queue").await?;
    Ok(reply.and_then(bytes).map(|value| String::from_utf8_lossy(&value).into_owned()))
}

async fn first_id(asking: &mut Asking<'_>, stream: &str, from: &str) -> Result<Option<EntryId>, StoreError> {
    let mut command = redis::cmd("XRANGE");
    command.arg(stream).arg(from).arg("+").arg("COUNT").arg(1);
    let reply = asking.ask(&command, "look at the first entry of a stream").await?;
    let Some(Value::Array(mut entries)) = reply else { return Ok(None) };
    let Some(Value::Array(entry)) = entries.pop() else { return Ok(None) };
    Ok(entry.into_iter().next().and_then(bytes).and_then(|id| EntryId::parse(&id)))
}

/// How old an entry is; 0 where there is none, or where its id lies in the future.
fn age(id: Option<EntryId>, now: i64) -> u64 {
    let now = u64::try_from(now).unwrap_or(0);
    id.map_or(0, |id| now.saturating_sub(id.millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_the_future_has_no_age() {
        let id = |millis| Some(EntryId { millis, sequence: 0 });
        assert_eq!((age(id(900), 1000), age(id(2000), 1000), age(None, 1000)), (100, 0, 0));
    }
}
