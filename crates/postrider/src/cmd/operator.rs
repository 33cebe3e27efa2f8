//! What the commands share that look at jobs and move them: the queue that is meant, and the way to it.

use std::io::{self, Write};

use anyhow::Context;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::attempts;
use postrider_store::fault::StoreError;
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;
use serde_json::{Value, json};

use crate::args::OneQueue;
use crate::exit::{Failure, unless_closed};
use crate::redis;
use crate::settings::Settings;

/// One queue, and the way to it.
pub(super) struct Desk {
    pub(super) queue: QueueName,
    pub(super) keys: QueueKeys,
    pub(super) link: Link,
}

impl Desk {
    /// At the queue that was typed, else the first that is configured.
    pub(super) fn at(settings: &Settings, which: &OneQueue) -> Result<Self, Failure> {
        let first = || settings.queue.shares.first().map(|share| share.name.clone());
        let queue = which.queue.clone().or_else(first);
        let queue = queue.ok_or_else(|| Failure::Unfit("queue.names is empty: give --queue".into()))?;
        let connector = redis::connector(&settings.redis)?.for_key(queue.as_str());
        Ok(Self { keys: QueueKeys::new(&queue), link: Link::new(connector), queue })
    }

    /// Redis' clock.
    pub(super) async fn now(&mut self) -> Result<Timestamp, Failure> {
        attempts::now(&mut self.link).await.map_err(failed)
    }
}

/// Runs a command to its end.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(work)
}

/// For `map_err`.
#[allow(clippy::needless_pass_by_value, reason = "map_err gives it away")]
pub(super) fn failed(error: StoreError) -> Failure {
    redis::failure(&error)
}

/// Prints what a job carries, byte for byte.
pub(super) fn print_content(content: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(content).and_then(|()| stdout.flush());
    Ok(unless_closed(written).context("failed to print")?)
}

/// An empty text is none.
pub(super) fn some(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// `<userId>/<hookId>`, as far as it is known.
pub(super) fn hook(user: &str, hook: &str) -> String {
    match (user, hook) {
        (_, "") => "-".to_owned(),
        ("", hook) => hook.to_owned(),
        (user, hook) => format!("{user}/{hook}"),
    }
}

/// A cell of a table that isn't empty.
pub(super) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}
