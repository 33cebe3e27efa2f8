//! The registry of hooks: one hash an owner, hook id to record, and beside it what came of the latest attempts.
//!
//! - here: reading; [`change`]: registering, editing, removing; [`owners`]: who has hooks at all.
//! - [`fresh`]: new ids and secrets, from the system's randomness.
//!
//! Never judges a record: what may be in it is `postrider-core`'s to say. Lua never edits the JSON.

pub mod change;
pub mod fresh;
pub mod owners;

use std::collections::HashMap;

use postrider_core::hook::latest::Latest;
use postrider_core::time::Timestamp;
use redis::{Cmd, Value};

use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::keys::{hooks_health_key, hooks_key, hooks_latest_key};
use crate::link::Link;

pub use change::{Created, UpdateError, create, delete, forget_failures, replace_record, update};
pub use owners::Owners;

/// A hook as it is stored.
#[derive(Clone)]
pub struct Registered {
    /// Its id.
    pub hook_id: String,
    /// Its record, as it is, secrets included.
    pub json: Vec<u8>,
    /// What came of its latest attempt, if there was one.
    pub latest: Option<Latest>,
    /// Since when its attempts have only failed, where the latest has.
    pub failing_since: Option<Timestamp>,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered").field("hook_id", &self.hook_id).finish_non_exhaustive()
    }
}

/// The record of a hook as it is stored; `None` where it isn't registered.
pub async fn read_record(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    hash_field(link, hooks_key(user_id), hook_id).await
}

/// One hook and its latest attempt; `None` where it isn't registered.
pub async fn show(link: &mut Link, user_id: &str, hook_id: &str) -> Result<Option<Registered>, StoreError> {
    let Some(json) = read_record(link, user_id, hook_id).await? else { return Ok(None) };
    let latest = hash_field(link, hooks_latest_key(user_id), hook_id).await?;
    let latest = latest.and_then(|json| Latest::parse(&json));
    let health = hash_field(link, hooks_health_key(user_id), hook_id).await?;
    let failing_since = health.and_then(|health| since(&health));
    Ok(Some(Registered { hook_id: hook_id.to_owned(), json, latest, failing_since }))
}

/// All hooks of an owner by their ids, which are in the order of registration where they were made here.
pub async fn list(link: &mut Link, user_id: &str) -> Result<Vec<Registered>, StoreError> {
    let records = whole_hash(link, hooks_key(user_id)).await?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mut latest: HashMap<_, _> = whole_hash(link, hooks_latest_key(user_id)).await?.into_iter().collect();
    let mut health: HashMap<_, _> = whole_hash(link, hooks_health_key(user_id)).await?.into_iter().collect();
    let registered = |(hook_id, json): (String, Vec<u8>)| {
        let latest = latest.remove(&hook_id).and_then(|json| Latest::parse(&json));
        let failing_since = health.remove(&hook_id).and_then(|health| since(&health));
        Registered { hook_id, json, latest, failing_since }
    };
    let mut hooks: Vec<Registered> = records.into_iter().map(registered).collect();
    hooks.sort_by(|one, other| one.hook_id.cmp(&other.hook_id));
    Ok(hooks)
}

/// The second of the words that `note_health.lua` keeps.
fn since(health: &[u8]) -> Option<Timestamp> {
    let millis = std::str::from_utf8(health).ok()?.split(' ').nth(1)?;
    millis.parse().ok().map(Timestamp::from_millis)
}

async fn hash_field(link: &mut Link, key: String, field: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut command = Cmd::new();
    command.arg("HGET").arg(key).arg(field);
    Ok(bytes(link.send(&command, || "read the record of a hook".to_owned()).await?))
}

/// Fields whose name isn't UTF-8 can't be hooks, and are left out.
async fn whole_hash(link: &mut Link, key: String) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut command = Cmd::new();
    command.arg("HGETALL").arg(key);
    let Value::Array(flat) = link.send(&command, || "list the hooks of an owner".to_owned()).await? else {
        return Ok(Vec::new());
    };
    let fields = pairs(flat).into_iter();
    Ok(fields.filter_map(|(name, value)| Some((String::from_utf8(name).ok()?, value))).collect())
}
