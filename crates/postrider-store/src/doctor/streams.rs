//! Streams that hold jobs and that no living worker serves: a name that was misspelt, a producer on another Redis than its
//! workers, a shard that was forgotten.

use std::time::{Duration, Instant};

use postrider_core::queue_name::QueueName;
use redis::Value;

use super::Patient;
use super::asking::Asking;
use super::finding::{Code, Finding, counted};
use super::queue::{group, now};
use super::walks::count;
use super::workers::workers_of;
use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::keys::{NOTICES, QueueKeys};
use crate::link::Holder;

/// Keys that Redis looks at in one step: well under a millisecond of its time.
const KEYS_PER_STEP: usize = 1000;

/// Longest search; a hundred million keys take about this long.
const MAX_SEARCH: Duration = Duration::from_secs(30);

/// Streams that are looked at more closely.
const MAX_STREAMS: usize = 500;

pub(super) async fn examine(asking: &mut Asking<'_>, patient: &Patient) -> Result<Vec<Finding>, StoreError> {
    let (streams, is_whole) = search(asking, patient).await?;
    let now = now(asking).await?;
    let mut findings = Vec::new();
    for stream in &streams {
        findings.extend(look(asking, stream, now, patient.dead_after).await?);
    }
    if !is_whole {
        findings.push(Finding::note(
            Code::NotExamined,
            "there are so many keys that not all were searched for forgotten streams",
        ));
    } else if findings.is_empty() {
        findings.push(Finding::ok(Code::Unserved, "no other stream holds jobs that nobody serves"));
    }
    Ok(findings)
}

/// Streams that aren't served by these settings, and whether all keys were seen.
async fn search(asking: &mut Asking<'_>, patient: &Patient) -> Result<(Vec<String>, bool), StoreError> {
    let ends = Instant::now() + MAX_SEARCH;
    let mut found = Vec::new();
    for holder in asking.holders().await? {
        let mut cursor = b"0".to_vec();
        loop {
            let Some((next, keys)) = step(asking, &holder, &cursor).await? else { return Ok((found, false)) };
            found.extend(keys.into_iter().filter(|key| is_worth_a_look(key, patient)));
            if found.len() > MAX_STREAMS || Instant::now() > ends {
                found.truncate(MAX_STREAMS);
                return Ok((found, false));
            }
            if next == b"0" {
                break;
            }
            cursor = next;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok((found, true))
}

async fn step(
    asking: &mut Asking<'_>,
    holder: &Holder,
    cursor: &[u8],
) -> Result<Option<(Vec<u8>, Vec<String>)>, StoreError> {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("COUNT").arg(KEYS_PER_STEP).arg("TYPE").arg("stream");
    let Some(Value::Array(parts)) = asking.ask_at(holder, &command, "search for streams (SCAN)").await?
    else {
        return Ok(None);
    };
    let mut parts = parts.into_iter();
    let next = parts.next().and_then(bytes).unwrap_or_default();
    let keys = match parts.next() {
        Some(Value::Array(keys)) => {
            keys.into_iter().filter_map(|key| String::from_utf8(bytes(key)?).ok()).collect()
        }
        _ => Vec::new(),
    };
    Ok(Some((next, keys)))
}

/// Neither served, nor a satellite that is no queue.
fn is_worth_a_look(key: &str, patient: &Patient) -> bool {
    let is_satellite = key.ends_with(":dead") || key.ends_with(":attempts");
    !is_satellite && key != NOTICES && !patient.streams().any(|served| served.as_str() == key)
}

async fn look(
    asking: &mut Asking<'_>,
    stream: &str,
    now: i64,
    dead_after: Duration,
) -> Result<Option<Finding>, StoreError> {
    let length = asking.ask(redis::cmd("XLEN").arg(stream), "count the entries of a stream").await?;
    let length = length.as_ref().map_or(0, count);
    let has_group = group(asking, stream).await?.is_some();
    if length == 0 || !(has_group || looks_like_a_queue(asking, stream).await?) {
        return Ok(None);
    }
    let living = match QueueName::parse(stream) {
        Ok(queue) => workers_of(asking, &QueueKeys::new(&queue), now, dead_after, has_group).await?.living,
        Err(_) => 0,
    };
    Ok((living == 0).then(|| unserved(stream, length, has_group)))
}

fn unserved(stream: &str, length: u64, has_group: bool) -> Finding {
    let stream = stream.escape_debug().to_string();
    let once = if has_group {
        "a queue that no living worker serves"
    } else {
        "a stream that no worker has ever served"
    };
    let text = format!("{} in {stream}, {once}", counted(length, "job lies", "jobs lie"));
    Finding::warning(Code::Unserved, text)
        .remedy("if it is misspelt, add its entries to the right queue again and DEL it; else start a worker with it in queue.names")
        .of_queue(&stream)
}

/// Whether its first entry could be a job or an event.
async fn looks_like_a_queue(asking: &mut Asking<'_>, stream: &str) -> Result<bool, StoreError> {
    let mut command = redis::cmd("XRANGE");
    command.arg(stream).arg("-").arg("+").arg("COUNT").arg(1);
    let reply = asking.ask(&command, "look at the first entry of a stream").await?;
    Ok(reply.is_some_and(|reply| first_fields(reply).is_some_and(|names| is_job(&names))))
}

fn first_fields(reply: Value) -> Option<Vec<Vec<u8>>> {
    let Value::Array(mut entries) = reply else { return None };
    let Value::Array(mut entry) = entries.pop()? else { return None };
    let Value::Array(flat) = entry.pop()? else { return None };
    Some(pairs(flat).into_iter().map(|(name, _)| name).collect())
}

/// A receiver and something to send, as the contract names them.
fn is_job(names: &[Vec<u8>]) -> bool {
    let has = |name: &str| names.iter().any(|given| given == name.as_bytes());
    has("content") && (has("to") || has("userId"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_events_are_known_by_their_fields() {
        let names = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
        assert!(is_job(&names(&["to", "type", "content"])));
        assert!(is_job(&names(&["userId", "type", "content"])));
        assert!(!is_job(&names(&["to"])) && !is_job(&names(&["content", "x"])));
    }

    #[test]
    fn only_streams_that_are_not_served_are_looked_at() {
        let name = |name: &str| QueueName::parse(name).unwrap();
        let patient = Patient {
            queues: vec![name("postrider:deliveries")],
            events: Some((name("postrider:events"), name("postrider:deliveries"))),
            allow_eviction: false,
            dead_after: Duration::from_secs(5),
        };
        for (key, expected) in [
            ("postrider:deliveries", false),
            ("postrider:events", false),
            ("{postrider:deliveries}:dead", false),
            ("postrider:notices", false),
            ("postrider:delivery", true),
            ("postrider:{1}:deliveries", true),
        ] {
            assert_eq!(is_worth_a_look(key, &patient), expected, "{key}");
        }
    }
}
