//! Fan-out: one event becomes one job for each hook, in one step.

use std::sync::LazyLock;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use redis::Value;

use crate::entry::{integer, pairs};
use crate::fault::StoreError;
use crate::keys::{GROUP, hooks_key};
use crate::link::Link;
use crate::queue::Queue;
use crate::script::NamedScript;

static FAN_OUT: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("fan_out", include_str!("scripts/fan_out.lua")));

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FannedOut {
    /// So many jobs are in the delivery queue now, and the event is nowhere.
    Jobs(usize),
    /// Not done: the event has passed to another worker.
    Refused,
    /// The event is gone: fanned out before, or deleted by hand.
    Gone,
}

/// An event that this worker holds.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its entry.
    pub entry: EntryId,
    /// Its id; its jobs are `<id>:<hook id>`.
    pub id: &'a str,
    /// When it happened.
    pub created_at: Timestamp,
}

/// The hooks of an owner as they are stored: hook id and record.
pub async fn hooks_of(link: &mut Link, user_id: &str) -> Result<Vec<Field>, StoreError> {
    let mut command = redis::cmd("HGETALL");
    command.arg(hooks_key(user_id));
    match link.send(&command, || "read the hooks of an owner".to_owned()).await? {
        Value::Array(flat) => Ok(pairs(flat)),
        _ => Ok(Vec::new()),
    }
}

impl Queue {
    /// Turns an event of this queue into jobs of `deliveries`, one for each hook. Repeating a call whose reply was lost
    /// makes none.
    pub async fn fan_out(
        &self,
        link: &mut Link,
        deliveries: &QueueName,
        event: Event<'_>,
        hooks: &[Box<str>],
    ) -> Result<FannedOut, StoreError> {
        let mut call = FAN_OUT.call(2);
        call.arg(&self.keys().stream).arg(deliveries.as_str());
        call.arg(GROUP)
            .arg(self.consumer())
            .arg(event.entry.to_string())
            .arg(event.id)
            .arg(event.created_at.as_millis());
        for hook in hooks {
            call.arg(&**hook);
        }
        let operation = || format!("fan event {} out to {} hooks", event.id, hooks.len());
        let reply = link.run(&FAN_OUT, &call, operation).await?;
        Ok(match integer(&reply) {
            Some(-1) => FannedOut::Refused,
            Some(-2) => FannedOut::Gone,
            jobs => FannedOut::Jobs(jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(0)),
        })
    }
}
