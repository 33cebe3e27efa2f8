//! What owners and operators want to be told: the stream `postrider:notices`, and the health of hooks that it tells of.

use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use redis::Value;

use crate::entry::{bytes, integer, pairs};
use crate::fault::StoreError;
use crate::keys::{NOTICES, hooks_health_key, hooks_key, hooks_latest_key};
use crate::link::Link;
use crate::script::NamedScript;

static ADD_NOTICES: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("add_notices", include_str!("scripts/add_notices.lua")));
static NOTE_HEALTH: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("note_health", include_str!("scripts/note_health.lua")));

/// What a notice is about (contract section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Several attempts of a hook in a row have failed.
    HookFailing,
    /// An attempt of a failing hook has succeeded.
    HookRecovered,
    /// A hook was switched off by the worker.
    HookDisabled,
    /// A job ended in the dead letters.
    JobDead,
}

impl NoticeKind {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HookFailing => "hook_failing",
            Self::HookRecovered => "hook_recovered",
            Self::HookDisabled => "hook_disabled",
            Self::JobDead => "job_dead",
        }
    }
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The owner, or empty.
    pub user_id: Box<str>,
    /// The hook, or empty.
    pub hook_id: Box<str>,
    /// The job, or empty.
    pub job: Box<str>,
    /// Why: a dead letter's reason, or a hook's `disabledReason`; or empty.
    pub reason: Box<str>,
}

/// How the attempts of a hook went since they were last noted.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The last attempt, as `latest` holds it (JSON).
    pub latest: String,
    /// Whether one succeeded.
    pub succeeded: bool,
    /// Failures after the last success.
    pub failures: u32,
}

/// What noting them has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookHealth {
    /// A change of state, if there is one.
    pub change: Option<NoticeKind>,
    /// Failures in a row.
    pub failures: u64,
    /// For how long there has been nothing but failures.
    pub failing_for: Duration,
}

/// Adds notices; about `most` are kept, the newest.
pub async fn add(link: &mut Link, notices: &[Notice], most: u64) -> Result<(), StoreError> {
    let mut call = ADD_NOTICES.call(1);
    call.arg(NOTICES).arg(most);
    for notice in notices {
        call.arg(notice.kind.as_str()).arg(&*notice.user_id).arg(&*notice.hook_id);
        call.arg(&*notice.job).arg(&*notice.reason);
    }
    link.run(&ADD_NOTICES, &call, || format!("add {} notices", notices.len())).await.map(drop)
}

/// Most notices that are read in one go.
pub const PAGE: usize = 500;

/// The newest notices, at most `most`, each with its entry's id, newest first; with `before`, those that are older than it.
pub async fn newest_before(
    link: &mut Link,
    before: Option<EntryId>,
    most: usize,
) -> Result<Vec<(EntryId, Vec<Field>)>, StoreError> {
    let end = before.map_or_else(|| "+".to_owned(), |before| format!("({before}"));
    let mut command = redis::cmd("XREVRANGE");
    command.arg(NOTICES).arg(end).arg("-").arg("COUNT").arg(most.min(PAGE));
    let reply = link.send(&command, || "read notices".to_owned()).await?;
    let Value::Array(items) = reply else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(entry).collect())
}

fn entry(item: Value) -> Option<(EntryId, Vec<Field>)> {
    let Value::Array(parts) = item else { return None };
    let mut parts = parts.into_iter();
    let id = EntryId::parse(&bytes(parts.next()?)?)?;
    let Value::Array(flat) = parts.next()? else { return None };
    Some((id, pairs(flat)))
}

/// Notes how the attempts of a registered hook went; from `told_from` failures in a row on, it is failing.
pub async fn note_health(
    link: &mut Link,
    user_id: &str,
    hook_id: &str,
    observed: &Observed,
    told_from: u32,
) -> Result<HookHealth, StoreError> {
    let mut call = NOTE_HEALTH.call(3);
    call.arg(hooks_key(user_id)).arg(hooks_latest_key(user_id)).arg(hooks_health_key(user_id));
    call.arg(hook_id)
        .arg(&observed.latest)
        .arg(u8::from(observed.succeeded))
        .arg(observed.failures)
        .arg(told_from);
    let reply = link.run(&NOTE_HEALTH, &call, || "note the health of a hook".to_owned()).await?;
    Ok(read_health(reply))
}

fn read_health(reply: Value) -> HookHealth {
    let mut parts = match reply {
        Value::Array(parts) => parts.into_iter(),
        _ => Vec::new().into_iter(),
    };
    let change = match parts.next().and_then(bytes).as_deref() {
        Some(b"failing") => Some(NoticeKind::HookFailing),
        Some(b"recovered") => Some(NoticeKind::HookRecovered),
        _ => None,
    };
    let mut number =
        || parts.next().as_ref().and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    HookHealth { change, failures: number(), failing_for: Duration::from_millis(number()) }
}
