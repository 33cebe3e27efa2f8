//! Heartbeats: a worker says that it lives, and hears what every worker needs to know each second.

use std::collections::HashMap;
use std::sync::LazyLock;

use postrider_core::time::Timestamp;
use redis::Value;

use crate::entry::{integer, pairs};
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::queue::Consumer;
use crate::script::NamedScript;

/// Most workers that a roll call tells of beside the consumers: those with the oldest heartbeats, the dead among them.
const MAX_WORKERS_TOLD: usize = 256;

static BEAT: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("beat", include_str!("scripts/beat.lua")));

/// What a heartbeat brought back.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// Redis' clock.
    pub now: Timestamp,
    /// When the next waiting job is due.
    pub next_due: Option<Timestamp>,
    /// Whether the queue is paused.
    pub paused: bool,
}

/// Sends one heartbeat of `consumer`; `about` is JSON for those who list workers.
pub async fn beat(
    link: &mut Link,
    keys: &QueueKeys,
    consumer: &str,
    about: &str,
) -> Result<Beat, StoreError> {
    let mut call = BEAT.call(4);
    call.arg(&keys.seen).arg(&keys.workers).arg(&keys.retry).arg(&keys.control).arg(consumer).arg(about);
    let reply = link.run(&BEAT, &call, || format!("send the heartbeat of {}", keys.stream)).await?;
    let at = |index: usize| match &reply {
        Value::Array(items) => items.get(index).and_then(number),
        _ => None,
    };
    Ok(Beat { now: moment(at(0).unwrap_or(0)), next_due: at(1).and_then(due), paused: at(2) == Some(1) })
}

/// The last heartbeat of each worker, by consumer name: a number that changes with each beat. Tells of all of `consumers`
/// that have one, and of those with the oldest beats besides, which may never have read.
pub async fn roll_call(
    link: &mut Link,
    keys: &QueueKeys,
    consumers: &[Consumer],
) -> Result<HashMap<Box<str>, i64>, StoreError> {
    let operation = || format!("read the heartbeats of {}", keys.stream);
    let mut oldest = redis::cmd("ZRANGE");
    oldest.arg(&keys.seen).arg(0).arg(MAX_WORKERS_TOLD - 1).arg("WITHSCORES");
    let Value::Array(items) = link.send(&oldest, operation).await? else { return Ok(HashMap::new()) };
    let score = |score: Vec<u8>| number(&Value::BulkString(score)).unwrap_or(0);
    let name = |name: Vec<u8>| String::from_utf8_lossy(&name).into();
    let mut beats: HashMap<Box<str>, i64> =
        pairs(items).into_iter().map(|(who, beat)| (name(who), score(beat))).collect();
    if consumers.is_empty() {
        return Ok(beats);
    }
    let mut listed = redis::cmd("ZMSCORE");
    listed.arg(&keys.seen);
    for consumer in consumers {
        listed.arg(&*consumer.name);
    }
    if let Value::Array(scores) = link.send(&listed, operation).await? {
        for (consumer, beat) in consumers.iter().zip(&scores) {
            if let Some(beat) = number(beat) {
                beats.insert(consumer.name.clone(), beat);
            }
        }
    }
    Ok(beats)
}

/// A number as scripts give it: an integer, or a sorted set's score as text.
pub(crate) fn number(value: &Value) -> Option<i64> {
    integer(value).or_else(|| match value {
        Value::BulkString(text) => {
            std::str::from_utf8(text).ok()?.parse::<f64>().ok().map(|score| score as i64)
        }
        _ => None,
    })
}

/// A moment from a script's number.
pub(crate) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A due time from a sorted set's head: negative where nothing waits, the end of time where nothing falls due.
pub(crate) fn due(score: i64) -> Option<Timestamp> {
    // A score of minus infinity saturates to the least number: due at once.
    match score {
        -1 => None,
        score => Some(moment(score.max(0))),
    }
}
