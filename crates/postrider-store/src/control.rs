//! What operators ask of the workers of a queue: to pause, and to go on. Workers look at it with each heartbeat.

use redis::Value;

use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;

/// The field of the control hash that pauses a queue, and what it says then; `beat.lua` reads it.
const PAUSED: (&str, &str) = ("paused", "1");

/// What asking came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The queue was in the other state.
    Made,
    /// It was as asked for already.
    Needless,
}

/// Pauses a queue: its workers finish what is in flight, give back the rest and read nothing more.
pub async fn pause(link: &mut Link, keys: &QueueKeys) -> Result<Change, StoreError> {
    if is_paused(link, keys).await? {
        return Ok(Change::Needless);
    }
    let (field, value) = PAUSED;
    let command = redis::cmd("HSET").arg(&keys.control).arg(field).arg(value).clone();
    link.send(&command, || format!("pause {}", keys.stream)).await?;
    Ok(Change::Made)
}

/// Lets a paused queue go on.
pub async fn resume(link: &mut Link, keys: &QueueKeys) -> Result<Change, StoreError> {
    let command = redis::cmd("HDEL").arg(&keys.control).arg(PAUSED.0).clone();
    let reply = link.send(&command, || format!("resume {}", keys.stream)).await?;
    Ok(if integer(&reply) == Some(1) { Change::Made } else { Change::Needless })
}

/// Whether a queue is paused, or will be as soon as its workers look.
pub async fn is_paused(link: &mut Link, keys: &QueueKeys) -> Result<bool, StoreError> {
    let command = redis::cmd("HGET").arg(&keys.control).arg(PAUSED.0).clone();
    let reply = link.send(&command, || format!("ask whether {} is paused", keys.stream)).await?;
    Ok(bytes(reply).is_some_and(|value| value == PAUSED.1.as_bytes()))
}

/// Whether anyone has ever used a queue of this name: it has a stream or workers.
pub async fn is_known(link: &mut Link, keys: &QueueKeys) -> Result<bool, StoreError> {
    let command = redis::cmd("EXISTS").arg(&keys.stream).arg(&keys.workers).clone();
    let reply: Value = link.send(&command, || format!("look for {}", keys.stream)).await?;
    Ok(integer(&reply).is_some_and(|found| found > 0))
}
