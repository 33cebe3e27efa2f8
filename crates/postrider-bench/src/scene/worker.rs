//! A worker's process: a real `postrider worker` with settings for measuring, or a peer's. Killed when it is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use postrider_tests::http_get::get;
use postrider_tests::ports::free_port;
use postrider_tests::process::Process;
use postrider_tests::wait::until;

use super::PATIENCE;
use crate::probe;

/// The worker's process.
pub(crate) struct Worker {
    process: Process,
    readiness: Readiness,
}

/// How it says that it reads its queue.
#[derive(Clone, Copy)]
enum Readiness {
    /// At its admin port.
    Probe(SocketAddr),
    /// By a line that it prints.
    Line,
}

impl Worker {
    /// Starts it; what isn't set here is as a user gets it: guard, limits, metrics, attempt records, admin port.
    pub(super) fn start(
        program: &Path,
        folder: &Path,
        redis_url: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = Command::new(program);
        command
            .arg("worker")
            .current_dir(folder)
            .env("POSTRIDER_REDIS_URL", redis_url)
            .env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8,::1/128")
            .env("POSTRIDER_HTTP_LISTEN", admin.to_string())
            .envs(settings.iter().copied());
        let process = Process::spawn(&mut command, &folder.join(format!("worker-{}.log", admin.port())));
        let process = process.context("failed to start postrider")?;
        Ok(Self { process, readiness: Readiness::Probe(admin) })
    }

    /// Starts a peer's.
    pub(super) fn start_peer(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let process = Process::spawn(command, log).context("failed to start a peer's worker")?;
        Ok(Self { process, readiness: Readiness::Line })
    }

    /// Waits until it reads its queue.
    pub(crate) async fn ready(&self) {
        until("the worker is ready", PATIENCE, || async {
            ensure!(self.is_ready().await?, "it is not\n{}", self.process.log_end());
            anyhow::Ok(())
        })
        .await;
    }

    async fn is_ready(&self) -> anyhow::Result<bool> {
        Ok(match self.readiness {
            Readiness::Probe(admin) => get(admin, "/readyz").await?.0 == 200,
            Readiness::Line => self.process.log().lines().any(|line| line == "ready"),
        })
    }

    /// Where its metrics are; a peer has none.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        match self.readiness {
            Readiness::Probe(admin) => Some(admin),
            Readiness::Line => None,
        }
    }

    /// What it has printed last, for an error's text.
    pub(crate) fn log_end(&self) -> String {
        self.process.log_end()
    }

    /// CPU time that it has used, in microseconds.
    pub(crate) fn cpu_us(&self) -> anyhow::Result<u64> {
        probe::cpu_us(self.process.id()).with_context(|| self.process.log_end())
    }

    /// The largest memory that it ever held, in KiB.
    pub(crate) fn peak_kib(&self) -> anyhow::Result<u64> {
        probe::peak_kib(self.process.id()).with_context(|| self.process.log_end())
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }
}

/// The settings for so many requests in flight, all of which may go to the one receiver.
pub(crate) fn in_flight(concurrency: u32) -> [(&'static str, String); 2] {
    ["POSTRIDER_WORKER_CONCURRENCY", "POSTRIDER_DESTINATION_MAX_IN_FLIGHT"]
        .map(|name| (name, concurrency.to_string()))
}

/// The settings for so many requests in flight, and the usual limit for each destination: a quarter of them.
pub(crate) fn slots(concurrency: u32) -> (&'static str, String) {
    ("POSTRIDER_WORKER_CONCURRENCY", concurrency.to_string())
}
