//! Heartbeats: a worker says that it lives, and hears what every worker needs to know each second.

use std::collections::HashMap;
use std::sync::LazyLock;

use postrider_core::time::Timestamp;
use redis::Value;

use crate::entry::{bytes, integer, pairs};
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

/// What a worker remembers of the data from its last heartbeat, and Redis should too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    name: String,
    beat: Timestamp,
}

/// Redis doesn't remember what a worker does: it has lost data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It came back empty, or with other data.
    Emptied,
    /// It came back as it was then, or earlier: what it accepted since is lost.
    Older {
        /// The newest heartbeat that it still has.
        since: Timestamp,
    },
}

/// Sends one heartbeat of `consumer`; `about` is JSON for those who list workers.
pub async fn beat(
    link: &mut Link,
    keys: &QueueKeys,
    consumer: &str,
    about: &str,
) -> Result<Beat, StoreError> {
    Ok(beat_and_compare(link, keys, consumer, about, &mut None).await?.0)
}

/// The same, and finds out whether Redis remembers what this worker does. `memory` is as of this beat afterwards.
pub async fn beat_and_compare(
    link: &mut Link,
    keys: &QueueKeys,
    consumer: &str,
    about: &str,
    memory: &mut Option<Memory>,
) -> Result<(Beat, Option<Loss>), StoreError> {
    let mut call = BEAT.call(5);
    call.arg(&keys.seen).arg(&keys.workers).arg(&keys.retry).arg(&keys.control).arg(&keys.epoch);
    call.arg(consumer).arg(about);
    match memory {
        Some(Memory { name, beat }) => call.arg(&*name).arg(beat.as_millis()),
        None => call.arg("").arg(""),
    };
    let reply = link.run(&BEAT, &call, || format!("send the heartbeat of {}", keys.stream)).await?;
    let (beat, name, loss) = read_beat(reply);
    *memory = Some(Memory { name, beat: beat.now }).filter(|memory| !memory.name.is_empty());
    Ok((beat, loss))
}

fn read_beat(reply: Value) -> (Beat, String, Option<Loss>) {
    let parts = if let Value::Array(parts) = reply { parts } else { Vec::new() };
    let at = |index: usize| parts.get(index).and_then(number);
    let word = |index: usize| parts.get(index).cloned().and_then(bytes).unwrap_or_default();
    let loss = match &word(4)[..] {
        b"emptied" => Some(Loss::Emptied),
        b"older" => Some(Loss::Older { since: moment(at(5).unwrap_or(0)) }),
        _ => None,
    };
    let beat =
        Beat { now: moment(at(0).unwrap_or(0)), next_due: at(1).and_then(due), paused: at(2) == Some(1) };
    (beat, String::from_utf8_lossy(&word(3)).into_owned(), loss)
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
