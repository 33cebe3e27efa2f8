//! What workers tell of their destinations, and what they are asked to forget of them.

pub mod paused;

use postrider_core::time::Timestamp;
use redis::Value;

use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::presence::{moment, number};

/// A worker that has told nothing for so long is forgotten, in seconds: ten times as long as they take to tell.
const FORGOTTEN_AFTER: u32 = 10;

/// A worker that hasn't heard of a reset by then never will, in seconds.
const RESET_FORGOTTEN_AFTER: u32 = 60;

/// The name that stands for all destinations.
pub const ALL: &str = "*";

/// Tells what a worker's destinations are doing, as JSON. It is forgotten unless it is told again.
pub async fn tell(
    link: &mut Link,
    keys: &QueueKeys,
    worker: &str,
    destinations: &str,
) -> Result<(), StoreError> {
    let key = keys.destinations_of(worker);
    let mut told = redis::pipe();
    told.atomic();
    told.cmd("HSET").arg(&key).arg("destinations").arg(destinations);
    told.cmd("EXPIRE").arg(&key).arg(FORGOTTEN_AFTER);
    link.transact(&told, || format!("tell of the destinations of {}", keys.stream)).await?;
    Ok(())
}

/// What the workers of a queue tell: the name of each, and its JSON.
pub async fn told(link: &mut Link, keys: &QueueKeys) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let operation = || format!("read the destinations of {}", keys.stream);
    let reply = link.send(redis::cmd("HKEYS").arg(&keys.workers), operation).await?;
    let Value::Array(workers) = reply else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    for worker in workers.into_iter().filter_map(bytes) {
        let worker = String::from_utf8_lossy(&worker).into_owned();
        let mut read = redis::cmd("HGET");
        read.arg(keys.destinations_of(&worker)).arg("destinations");
        if let Some(json) = bytes(link.send(&read, operation).await?) {
            told.push((worker, json));
        }
    }
    Ok(told)
}

/// Asks all workers to forget what a destination has shown, or with [`ALL`] each of them. They hear of it within a second.
pub async fn ask_to_reset(link: &mut Link, keys: &QueueKeys, name: &str) -> Result<(), StoreError> {
    let operation = || format!("reset destinations of {}", keys.stream);
    let now = redis_time(link.send(&redis::cmd("TIME"), operation).await?);
    let mut asked = redis::pipe();
    asked.atomic();
    asked.cmd("HSET").arg(&keys.resets).arg(name).arg(now.as_millis());
    asked.cmd("EXPIRE").arg(&keys.resets).arg(RESET_FORGOTTEN_AFTER);
    link.transact(&asked, operation).await?;
    Ok(())
}

/// The destinations that were to be reset of late, and when that was asked for.
pub async fn resets(link: &mut Link, keys: &QueueKeys) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let operation = || format!("look for resets of destinations of {}", keys.stream);
    let reply = link.send(redis::cmd("HGETALL").arg(&keys.resets), operation).await?;
    let Value::Array(flat) = reply else { return Ok(Vec::new()) };
    let reset = |(name, asked): (Vec<u8>, Vec<u8>)| {
        let asked = moment(number(&Value::BulkString(asked)).unwrap_or(0));
        (String::from_utf8_lossy(&name).into_owned(), asked)
    };
    Ok(pairs(flat).into_iter().map(reset).collect())
}

/// What TIME gives, in milliseconds.
fn redis_time(reply: Value) -> Timestamp {
    let parts = if let Value::Array(parts) = reply { parts } else { Vec::new() };
    let part = |nth: usize| parts.get(nth).and_then(number).unwrap_or(0);
    moment(part(0) * 1000 + part(1) / 1000)
}
