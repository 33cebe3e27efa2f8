//! Destinations that operators have paused, in each queue for itself: workers look each second, and their jobs wait.

use redis::Value;

use super::redis_time;
use crate::control::Change;
use crate::entry::{integer, pairs};
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;

/// Most destinations that are paused at a time in a queue, which each worker reads each second. Who wants more of them to
/// wait pauses the queue.
pub const MAX_PAUSED: i64 = 1_000;

/// Pauses a destination: no request to it is begun any more. `None` where so many are paused that no other may be.
pub async fn pause(link: &mut Link, keys: &QueueKeys, name: &str) -> Result<Option<Change>, StoreError> {
    let operation = || format!("pause a destination of {}", keys.stream);
    let is_paused = link.send(redis::cmd("HEXISTS").arg(&keys.paused).arg(name), operation).await?;
    if integer(&is_paused) == Some(1) {
        return Ok(Some(Change::Needless));
    }
    let paused = link.send(redis::cmd("HLEN").arg(&keys.paused), operation).await?;
    if integer(&paused).is_some_and(|paused| paused >= MAX_PAUSED) {
        return Ok(None);
    }
    let now = redis_time(link.send(&redis::cmd("TIME"), operation).await?);
    link.send(redis::cmd("HSET").arg(&keys.paused).arg(name).arg(now.as_millis()), operation).await?;
    Ok(Some(Change::Made))
}

/// Lets a paused destination have its jobs again.
pub async fn resume(link: &mut Link, keys: &QueueKeys, name: &str) -> Result<Change, StoreError> {
    let operation = || format!("resume a destination of {}", keys.stream);
    let resumed = link.send(redis::cmd("HDEL").arg(&keys.paused).arg(name), operation).await?;
    Ok(if integer(&resumed) == Some(1) { Change::Made } else { Change::Needless })
}

/// The names of those that are paused.
pub async fn paused(link: &mut Link, keys: &QueueKeys) -> Result<Vec<String>, StoreError> {
    let operation = || format!("look for paused destinations of {}", keys.stream);
    let reply = link.send(redis::cmd("HGETALL").arg(&keys.paused), operation).await?;
    let Value::Array(flat) = reply else { return Ok(Vec::new()) };
    let names = pairs(flat).into_iter().map(|(name, _)| String::from_utf8_lossy(&name).into_owned());
    Ok(names.collect())
}
