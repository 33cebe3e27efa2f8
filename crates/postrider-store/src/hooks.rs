//! The registry of hooks, as far as sending needs it: reading a record, and switching one off.

use std::sync::LazyLock;

use redis::Value;

use crate::entry::integer;
use crate::fault::StoreError;
use crate::keys::hooks_key;
use crate::link::Link;
use crate::script::NamedScript;

static SWITCH_OFF: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("switch_off_hook", include_str!("scripts/switch_off_hook.lua")));

/// The record of a hook as it is stored; `None` where it isn't registered.
pub async fn read_record(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut command = redis::cmd("HGET");
    command.arg(hooks_key(user_id)).arg(hook_id);
    match link.send(&command, || "read the record of a hook".to_owned()).await? {
        Value::BulkString(record) => Ok(Some(record)),
        _ => Ok(None),
    }
}

/// Puts `new` in the place of `old`; `false` where the owner has changed the record meanwhile.
pub async fn replace_record(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
    old: &[u8],
    new: &[u8],
) -> Result<bool, StoreError> {
    let mut call = SWITCH_OFF.call(1);
    call.arg(hooks_key(user_id)).arg(hook_id).arg(old).arg(new);
    let reply = link.run(&SWITCH_OFF, &call, || "switch a hook off".to_owned()).await?;
    Ok(integer(&reply) == Some(1))
}
