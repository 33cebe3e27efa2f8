//! Adding a job once: for a while, a key of the producer's stands for the job that was added with it, in one step with the
//! adding itself. Repeating a call whose answer was lost adds nothing. Never looks into the job.

use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use redis::{RedisError, Value};

use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::link::Link;
use crate::script::NamedScript;

/// Longest key in bytes.
pub const MAX_KEY_BYTES: usize = 128;

/// Most fields of a job that is added once: Lua's stack carries no more, and no sound job has as many.
const MAX_FIELDS: usize = 1000;

static ENQUEUE_ONCE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("enqueue_once", include_str!("scripts/enqueue_once.lua")));

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// It was added.
    Added(EntryId),
    /// It had been added before.
    Before(EntryId),
    /// The key stands for another job, and nothing was added.
    Different,
}

/// Whether this may be a key: 1 to 128 visible ASCII characters.
pub fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Adds a job, unless `key` stands for it already; without a key, adds it. An error may mean that only the reply was lost:
/// without a key, repeating it may add the job twice.
pub async fn add_once(
    link: &mut Link,
    queue: &QueueName,
    key: Option<&str>,
    window: Duration,
    fields: &[Field],
) -> Result<Once, StoreError> {
    let operation = || format!("add a job to {queue}");
    if fields.len() > MAX_FIELDS {
        return Err(StoreError::new(operation(), odd("a job of so many fields isn't added")));
    }
    let flat = fields.iter().flat_map(|(name, value)| [name, value]);
    let Some(key) = key else {
        let mut command = redis::cmd("XADD");
        command.arg(queue.as_str()).arg("*");
        for part in flat {
            command.arg(&**part);
        }
        let id = entry_id(link.send(&command, operation).await?);
        return id.map(Once::Added).ok_or_else(|| StoreError::new(operation(), odd("XADD gave no id")));
    };
    let mut call = ENQUEUE_ONCE.call(2);
    call.arg(queue.as_str()).arg(queue.satellite(&format!("once:{key}")));
    call.arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1));
    for part in flat {
        call.arg(&**part);
    }
    let reply = link.run(&ENQUEUE_ONCE, &call, operation).await?;
    read(reply).ok_or_else(|| StoreError::new(operation(), odd("the script gave no id")))
}

fn read(reply: Value) -> Option<Once> {
    let Value::Array(parts) = reply else { return None };
    let mut parts = parts.into_iter();
    let came = integer(&parts.next()?)?;
    let id = entry_id(parts.next()?)?;
    Some(match came {
        1 => Once::Added(id),
        0 => Once::Before(id),
        _ => Once::Different,
    })
}

fn entry_id(reply: Value) -> Option<EntryId> {
    bytes(reply).and_then(|id| EntryId::parse(&id))
}

pub(crate) fn odd(what: &'static str) -> RedisError {
    RedisError::from((redis::ErrorKind::UnexpectedReturnType, what))
}
