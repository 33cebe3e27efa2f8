//! Who serves a queue: heartbeats and consumers beside each other.

use std::collections::HashMap;
use std::time::Duration;

use redis::Value;

use super::asking::Asking;
use super::server::text;
use super::walks::count;
use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::keys::{GROUP, QueueKeys};
use crate::presence::number;

/// Heartbeats younger than this are of living workers, whatever `worker.dead_after` is here: there it may be another.
const MIN_SILENCE: Duration = Duration::from_secs(5);

/// Who serves a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WorkerFacts {
    pub(super) living: u64,
    /// Without a heartbeat, or with an old one.
    pub(super) silent: Vec<Silent>,
}

/// One that is silent: a consumer, a heartbeat, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    pub(super) name: Vec<u8>,
    pub(super) pending: u64,
    /// Its last heartbeat as Redis gives it; empty where there is none.
    pub(super) beat: String,
}

/// Who serves a queue, and who did.
pub(super) async fn workers_of(
    asking: &mut Asking<'_>,
    keys: &QueueKeys,
    now: i64,
    dead_after: Duration,
    has_group: bool,
) -> Result<WorkerFacts, StoreError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(&keys.seen).arg(0).arg(-1).arg("WITHSCORES");
    let beats = match asking.ask(&command, "read the heartbeats").await? {
        Some(Value::Array(flat)) => pairs(flat),
        _ => Vec::new(),
    };
    let consumers = if has_group { consumers(asking, &keys.stream).await? } else { HashMap::new() };
    let oldest = now - i64::try_from(dead_after.max(MIN_SILENCE).as_millis()).unwrap_or(i64::MAX);
    Ok(sort(beats, consumers, oldest))
}

/// Tells the living from the silent.
fn sort(beats: Vec<(Vec<u8>, Vec<u8>)>, mut consumers: HashMap<Vec<u8>, u64>, oldest: i64) -> WorkerFacts {
    let mut facts = WorkerFacts::default();
    for (name, beat) in beats {
        let pending = consumers.remove(&name).unwrap_or(0);
        let at = number(&Value::BulkString(beat.clone())).unwrap_or(0);
        if at >= oldest {
            facts.living += 1;
        } else {
            let beat = String::from_utf8_lossy(&beat).into_owned();
            facts.silent.push(Silent { name, pending, beat });
        }
    }
    let without = consumers.into_iter().map(|(name, pending)| Silent { name, pending, beat: String::new() });
    facts.silent.extend(without);
    facts
}

async fn consumers(asking: &mut Asking<'_>, stream: &str) -> Result<HashMap<Vec<u8>, u64>, StoreError> {
    let mut command = redis::cmd("XINFO");
    command.arg("CONSUMERS").arg(stream).arg(GROUP);
    let Some(Value::Array(items)) = asking.ask(&command, "list the consumers of a stream").await? else {
        return Ok(HashMap::new());
    };
    let consumer = |item| {
        let mut facts = facts_by_name(item);
        Some((bytes(facts.remove("name")?)?, facts.get("pending").map_or(0, count)))
    };
    Ok(items.into_iter().filter_map(consumer).collect())
}

/// A reply of names and values, by name.
pub(super) fn facts_by_name(item: Value) -> HashMap<String, Value> {
    let Value::Array(flat) = item else { return HashMap::new() };
    let mut flat = flat.into_iter();
    std::iter::from_fn(|| Some((text(flat.next()?), flat.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_told_from_the_silent_by_their_heartbeats() {
        let beats = vec![(b"old".to_vec(), b"900".to_vec()), (b"young".to_vec(), b"1.2e3".to_vec())];
        let consumers = [("old", 3), ("young", 7), ("beatless", 0)];
        let consumers =
            consumers.into_iter().map(|(name, pending)| (name.as_bytes().to_vec(), pending)).collect();
        let facts = sort(beats, consumers, 1000);
        assert_eq!(facts.living, 1);
        let silent: Vec<_> =
            facts.silent.iter().map(|one| (&one.name[..], one.pending, one.beat.as_str())).collect();
        assert_eq!(silent, [(&b"old"[..], 3, "900"), (b"beatless", 0, "")]);
    }
}
