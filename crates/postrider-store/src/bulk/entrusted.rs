//! Bulk operations that are the workers' to carry on: should the one that does so be gone, another goes on by itself. One that
//! a person carries on at a terminal isn't among them: who kills it may have meant it.

use std::time::Duration;

use postrider_core::time::Timestamp;
use redis::Value;

use super::{State, read};
use crate::attempts;
use crate::entry::pairs;
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;

/// Entrusts an operation to the workers.
pub async fn entrust(link: &mut Link, keys: &QueueKeys, id: &str, now: Timestamp) -> Result<(), StoreError> {
    let command = redis::cmd("HSET").arg(&keys.bulk).arg(id).arg(now.as_millis()).clone();
    link.send(&command, || format!("entrust bulk operation {id} of {} to the workers", keys.stream)).await?;
    Ok(())
}

/// Those of them that are running, and that nobody has carried on for `silence`. Forgets those that have come to their end.
pub async fn forsaken(
    link: &mut Link,
    keys: &QueueKeys,
    silence: Duration,
) -> Result<Vec<String>, StoreError> {
    let entrusted = entrusted(link, keys).await?;
    if entrusted.is_empty() {
        return Ok(entrusted);
    }
    let now = attempts::now(link).await?;
    let mut forsaken = Vec::new();
    for id in entrusted {
        match read(link, keys, &id).await? {
            Some(bulk) if bulk.state == State::Running => {
                let is_silent = bulk.updated_at.after(silence) <= now;
                forsaken.extend(is_silent.then_some(id));
            }
            Some(bulk) if bulk.state == State::Stopped => {}
            _ => forget(link, keys, &id).await?,
        }
    }
    Ok(forsaken)
}

async fn entrusted(link: &mut Link, keys: &QueueKeys) -> Result<Vec<String>, StoreError> {
    let command = redis::cmd("HGETALL").arg(&keys.bulk).clone();
    let reply = link.send(&command, || format!("look for bulk operations of {}", keys.stream)).await?;
    let Value::Array(flat) = reply else { return Ok(Vec::new()) };
    let ids = pairs(flat).into_iter().filter_map(|(id, _)| String::from_utf8(id).ok());
    Ok(ids.collect())
}

async fn forget(link: &mut Link, keys: &QueueKeys, id: &str) -> Result<(), StoreError> {
    let command = redis::cmd("HDEL").arg(&keys.bulk).arg(id).clone();
    link.send(&command, || format!("forget bulk operation {id} of {}", keys.stream)).await?;
    Ok(())
}
