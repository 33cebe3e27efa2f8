//! What a demo runs on: folder, Redis, receivers and their hooks, two workers. Owns their start and their end; what happens between
//! is the show's.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use postrider_core::queue_name::{DEFAULT_EVENTS, DEFAULT_QUEUE, QueueName};
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use tokio::time::Instant;

use super::cast::{CAST, Receivers};
use super::embedded_redis::EmbeddedRedis;
use super::folder::Folder;
use super::hooks;
use super::watchdog::Watchdog;
use super::worker::Worker;

/// How long the workers may take to drain, which they do with nothing in flight, and Redis to write its file.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// All of it, running. Dropped, in this order, it is gone: workers and Redis before their files, the watchdog last
/// but for them.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) workers: Vec<Worker>,
    pub(crate) receivers: Receivers,
    pub(crate) redis: EmbeddedRedis,
    pub(crate) link: Link,
    pub(crate) queue: Queue,
    pub(crate) events: Queue,
    watchdog: Watchdog,
}

impl Stage {
    /// Sets it up; returns when both workers serve the queue.
    pub(crate) async fn set_up(folder: &Path) -> anyhow::Result<Self> {
        let redis = EmbeddedRedis::start(folder).await?;
        let mut link = Link::new(redis.connector.clone());
        let (queue, events) = (stream(DEFAULT_QUEUE), stream(DEFAULT_EVENTS));
        let secret = format!("{:016x}", fastrand::u64(..));
        let receivers = Receivers::start(&secret).await?;
        // Before the workers, which remember a hook for a second.
        hooks::register(&mut link, &receivers.addresses, &secret).await?;
        let mut workers = Vec::new();
        for worker in ['A', 'B'] {
            workers.push(Worker::spawn(worker, &redis, folder)?);
        }
        let children: Vec<u32> =
            workers.iter().map(|worker| worker.process.id()).chain([redis.process.id()]).collect();
        let watchdog = Watchdog::over(&children).context("failed to start a watching shell")?;
        for worker in &mut workers {
            worker.wait_ready(&mut link, queue.keys()).await?;
        }
        Ok(Self { workers, receivers, redis, link, queue, events, watchdog })
    }

    /// Ends it in order: workers first, then the receivers, Redis last.
    pub(crate) async fn take_down(mut self) {
        let deadline = Instant::now() + END_PATIENCE;
        self.workers.iter_mut().for_each(|worker| worker.process.ask_to_end());
        for worker in &mut self.workers {
            worker.process.wait_or_kill(deadline).await;
        }
        self.receivers.stop().await;
        self.redis.process.ask_to_end();
        self.redis.process.wait_or_kill(Instant::now() + END_PATIENCE).await;
        drop(self.watchdog);
    }

    /// What is set up, for the reader.
    pub(crate) fn describe(&self, folder: &Folder) -> String {
        let EmbeddedRedis { process, url, version, .. } = &self.redis;
        let fate = if folder.is_kept() { "kept" } else { "gone afterwards" };
        let mut text = format!("  folder      {} ({fate})\n", folder.path().display());
        text += &format!("  Redis       {url}  private, {version}, process {}\n", process.id());
        for Worker { name, process, admin, .. } in &self.workers {
            text += &format!("  worker {name}    http://{admin}/metrics  process {}\n", process.id());
        }
        if let Some(first) = self.workers.first() {
            text += &format!("  console     http://{}/  needs no token on this machine\n", first.admin);
        }
        for (role, address) in CAST.iter().zip(&self.receivers.addresses) {
            text += &format!("  {:<10}  http://{address}  {}\n", role.name, role.habit);
        }
        for role in &CAST {
            let (asks, switch) = (role.on.join(", "), if role.active { "" } else { "  (switched off)" });
            text += &format!("  hook        of user {} to {}: {asks}{switch}\n", role.owner, role.name);
        }
        text
    }
}

fn stream(name: &str) -> Queue {
    let name = QueueName::parse(name).expect("the default names are names of queues");
    Queue::new(name, "demo", 0)
}
