//! A worker of the demo: a real process of this very program. Owns the process; knows the worker as an operator
//! does, by its log, its admin port and its entry in Redis.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use postrider_store::inspect;
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;
use tokio::time::Instant;

use super::child::{ChildProcess, LOOK_PAUSE};
use super::embedded_redis::EmbeddedRedis;
use crate::settings::key::VARIABLE_PREFIX;

/// How long a worker may take to its first heartbeat.
const START_PATIENCE: Duration = Duration::from_secs(8);

/// What precedes the address in the line that tells of the admin port.
const ADMIN_LINE: &str = "admin port open address=";

/// What differs from the defaults: this machine may be sent to, and retries are short enough to watch. Loss of a
/// worker is noticed as in earnest, after `worker.dead_after` of 5 s.
const SETTINGS: [(&str, &str); 7] = [
    ("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8,::1/128"),
    ("POSTRIDER_RETRY_SCHEDULE", "400ms,800ms,1600ms"),
    ("POSTRIDER_SERVER_URL", "https://misskey.example"),
    ("POSTRIDER_WORKER_GRACE", "2s"),
    ("POSTRIDER_HTTP_LISTEN", "127.0.0.1:0"),
    ("POSTRIDER_LOG_LEVEL", "info"),
    ("POSTRIDER_LOG_FORMAT", "text"),
];

/// A worker that has been started.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) process: ChildProcess,
    /// `A` or `B`.
    pub(crate) name: char,
    /// Its name among the consumers of the queue, and the address of its admin port; known when it is ready.
    pub(crate) consumer: String,
    pub(crate) admin: String,
}

impl Worker {
    /// Starts it; it is ready later.
    pub(crate) fn spawn(name: char, redis: &EmbeddedRedis, folder: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("failed to find this program's own file")?;
        let mut command = Command::new(program);
        command.arg("worker").current_dir(folder);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with(VARIABLE_PREFIX) {
                command.env_remove(variable);
            }
        }
        command.env("POSTRIDER_REDIS_URL", &redis.url).envs(SETTINGS);
        let log = folder.join(format!("worker-{}.log", name.to_ascii_lowercase()));
        // That of an earlier demo tells of other ports.
        let _ = std::fs::remove_file(&log);
        let process = ChildProcess::spawn(&mut command, log).context("failed to start a worker")?;
        Ok(Self { process, name, consumer: String::new(), admin: String::new() })
    }

    /// Waits until it serves the queue.
    pub(crate) async fn wait_ready(&mut self, link: &mut Link, keys: &QueueKeys) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let known = inspect::known_workers(link, keys).await?;
            let me = known.into_iter().find(|worker| worker.pid == self.process.id());
            if let (Some(me), Some(admin)) = (me, admin_address(&self.process.log())) {
                (self.consumer, self.admin) = (me.consumer, admin);
                return Ok(());
            }
            self.check_running()?;
            if Instant::now() > deadline {
                bail!("worker {} isn't ready; its log: {}", self.name, self.process.log_path().display());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Fails where it has ended.
    pub(crate) fn check_running(&mut self) -> anyhow::Result<()> {
        match self.process.end() {
            Some(end) => bail!("worker {} doesn't run: {end}", self.name),
            None => Ok(()),
        }
    }
}

fn admin_address(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(ADMIN_LINE)?;
    // A line is complete when its end is there.
    rest.split_once('\n').map(|(address, _)| address.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_address_is_taken_from_a_whole_line_only() {
        let line =
            "2026-11-24T02:13:00Z  INFO postrider::cmd::worker: admin port open address=127.0.0.1:4711";
        assert_eq!(admin_address(line), None);
        assert_eq!(admin_address(&format!("x\n{line}\ny")).as_deref(), Some("127.0.0.1:4711"));
    }

    #[test]
    fn the_settings_of_a_demo_worker_are_settings() {
        use crate::settings::keys::KEYS;
        for (variable, _) in SETTINGS {
            assert!(KEYS.iter().any(|key| key.variable() == variable), "{variable}");
        }
    }
}
