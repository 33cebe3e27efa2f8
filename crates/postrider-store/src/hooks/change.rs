//! Changes of the registry, each in one step.

use std::sync::LazyLock;

use postrider_core::hook::edit::HookFaults;
use postrider_core::hook::record::HookRecord;
use redis::Cmd;

use super::read_record;
use crate::entry::integer;
use crate::fault::StoreError;
use crate::keys::{hooks_health_key, hooks_key, hooks_latest_key};
use crate::link::Link;
use crate::script::NamedScript;

/// How often an edit is tried. Each time, someone else's came first; owners don't edit one hook that often at once.
pub const MAX_TRIES: usize = 16;

static CREATE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("hook_create", include_str!("../scripts/hook_create.lua")));
static REPLACE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("hook_replace", include_str!("../scripts/hook_replace.lua")));
static DELETE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("hook_delete", include_str!("../scripts/hook_delete.lua")));

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is registered.
    Done,
    /// The owner has a hook of this id already, which stays as it is.
    Exists,
    /// The owner has as many hooks as are allowed.
    TooMany,
}

/// Why an edit wasn't made.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The hook isn't registered.
    #[error("the hook isn't registered")]
    Unknown,
    /// What is stored is no JSON object, so that nothing of it could be kept.
    #[error("the hook's record can't be read")]
    Unreadable,
    /// The edit breaks rules.
    #[error(transparent)]
    Refused(HookFaults),
    /// Others changed the record again and again meanwhile.
    #[error("others changed the hook {MAX_TRIES} times meanwhile")]
    Contended,
    /// Redis failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Registers a hook, if its owner has fewer than `max_per_user`, inactive ones included.
pub async fn create(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
    record: &HookRecord,
    max_per_user: usize,
) -> Result<Created, StoreError> {
    let mut call = CREATE.call(1);
    call.arg(hooks_key(user_id)).arg(hook_id).arg(record.to_json()).arg(max_per_user);
    let reply = link.run(&CREATE, &call, || "register a hook".to_owned()).await?;
    Ok(match integer(&reply) {
        Some(1) => Created::Done,
        Some(0) => Created::Exists,
        _ => Created::TooMany,
    })
}

/// Edits a record; where someone else's edit came first, `edit` is asked again with theirs, at most [`MAX_TRIES`] times
/// in all. Gives the record as it is now.
pub async fn update(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
    edit: impl Fn(&HookRecord) -> Result<HookRecord, HookFaults>,
) -> Result<HookRecord, UpdateError> {
    for _ in 0..MAX_TRIES {
        let old = read_record(link, user_id, hook_id).await?.ok_or(UpdateError::Unknown)?;
        let record = HookRecord::parse(&old).ok_or(UpdateError::Unreadable)?;
        let edited = edit(&record).map_err(UpdateError::Refused)?;
        if replace_record(link, user_id, hook_id, &old, &edited.to_json()).await? {
            return Ok(edited);
        }
    }
    Err(UpdateError::Contended)
}

/// Puts `new` in the place of `old`; `false` where the record has been changed or removed meanwhile.
pub async fn replace_record(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
    old: &[u8],
    new: &[u8],
) -> Result<bool, StoreError> {
    let mut call = REPLACE.call(1);
    call.arg(hooks_key(user_id)).arg(hook_id).arg(old).arg(new);
    let reply = link.run(&REPLACE, &call, || "replace the record of a hook".to_owned()).await?;
    Ok(integer(&reply) == Some(1))
}

/// Forgets the failures of a hook, so that one that is switched on again starts anew.
pub async fn forget_failures(link: &mut Link, user_id: &str, hook_id: &str) -> Result<(), StoreError> {
    let mut command = Cmd::new();
    command.arg("HDEL").arg(hooks_health_key(user_id)).arg(hook_id);
    link.send(&command, || "forget the failures of a hook".to_owned()).await.map(drop)
}

/// Removes a hook and what is known of its attempts; `false` where it isn't registered.
pub async fn delete(link: &mut Link, user_id: &str, hook_id: &str) -> Result<bool, StoreError> {
    let mut call = DELETE.call(3);
    call.arg(hooks_key(user_id)).arg(hooks_latest_key(user_id)).arg(hooks_health_key(user_id)).arg(hook_id);
    let reply = link.run(&DELETE, &call, || "remove a hook".to_owned()).await?;
    Ok(integer(&reply) == Some(1))
}
