//! Jobs whose hook is inactive and that wait for it (`hooks.when_inactive = hold`).

use std::sync::LazyLock;
use std::time::Duration;

use redis::Value;

use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::link::Link;
use crate::queue::{MAX_COPY_BYTES, Queue};
use crate::script::NamedScript;
use crate::settlement::HookName;

static HELD_HOOKS: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("held_hooks", include_str!("scripts/held_hooks.lua")));
static RELEASE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("release", include_str!("scripts/release.lua")));

/// What a slice of held jobs came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Jobs that are ready now.
    pub jobs: usize,
    /// Jobs of the hook that are held still.
    pub left: usize,
}

impl Queue {
    /// Hooks with held jobs that nobody has looked at within `pause`, at most `most`. They are this caller's to look at.
    pub async fn held_hooks(
        &self,
        link: &mut Link,
        most: usize,
        pause: Duration,
    ) -> Result<Vec<HookName>, StoreError> {
        let mut call = HELD_HOOKS.call(1);
        call.arg(&self.keys().held).arg(most).arg(pause.as_millis() as u64);
        let reply = link
            .run(&HELD_HOOKS, &call, || format!("list the hooks with held jobs of {}", self.name()))
            .await?;
        let Value::Array(names) = reply else { return Ok(Vec::new()) };
        let name = |value| HookName::parse(&String::from_utf8(bytes(value)?).ok()?);
        Ok(names.into_iter().filter_map(name).collect())
    }

    /// Makes up to `most` held jobs of a hook ready, the oldest first; the next slice may follow after `pause`.
    pub async fn release(
        &self,
        link: &mut Link,
        hook: &HookName,
        most: usize,
        pause: Duration,
    ) -> Result<Released, StoreError> {
        let keys = self.keys();
        let mut call = RELEASE.call(4);
        call.arg(&keys.stream).arg(&keys.retry).arg(&keys.retry_jobs).arg(&keys.held);
        call.arg(hook.as_str()).arg(most).arg(MAX_COPY_BYTES).arg(pause.as_millis() as u64);
        let reply = link.run(&RELEASE, &call, || format!("release held jobs of {}", self.name())).await?;
        let Value::Array(counts) = reply else { return Ok(Released { jobs: 0, left: 0 }) };
        let count =
            |at: usize| counts.get(at).and_then(integer).and_then(|count| usize::try_from(count).ok());
        Ok(Released { jobs: count(0).unwrap_or(0), left: count(1).unwrap_or(0) })
    }
}
