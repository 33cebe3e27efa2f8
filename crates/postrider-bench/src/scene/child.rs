//! The benchmark's own processes, seen from the side that starts them. Each is killed when its handle is dropped.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use postrider_tests::process::Process;
use postrider_tests::wait::until;

use super::PATIENCE;
use crate::args::FloorArgs;
use crate::floor::FloorFigures;
use crate::receiver::Seen;

/// The receiver.
pub(crate) struct ReceiverProcess {
    url: String,
    control: reqwest::Client,
    _process: Process,
}

impl ReceiverProcess {
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let process = start(folder, "receiver", &[])?;
        let url = until("the receiver tells its URL", PATIENCE, || async {
            process.log().lines().next().map(str::to_owned).ok_or_else(|| process.log_end())
        })
        .await;
        let control = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { url, control, _process: process })
    }

    /// The URL of one of its paths.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// What it has seen once so many were delivered; 0: now.
    pub(crate) async fn delivered(&self, count: u64) -> anyhow::Result<Seen> {
        self.seen(&format!("delivered/{count}")).await
    }

    /// What it has seen once so many were delivered, or after `patience`, whichever is first.
    pub(crate) async fn delivered_within(&self, count: u64, patience: Duration) -> anyhow::Result<Seen> {
        match tokio::time::timeout(patience, self.delivered(count)).await {
            Ok(seen) => seen,
            Err(_) => self.delivered(0).await,
        }
    }

    /// What it has seen once it holds so many.
    pub(crate) async fn held(&self, count: u64) -> anyhow::Result<Seen> {
        self.seen(&format!("held/{count}")).await
    }

    async fn seen(&self, path: &str) -> anyhow::Result<Seen> {
        let asked = self.control.get(self.url(path)).send().await;
        let text = asked.with_context(|| format!("the receiver did not tell {path}"))?.text().await?;
        serde_json::from_str(&text).context("the receiver's answer can't be read")
    }
}

/// The raw loop.
pub(super) struct FloorProcess(Process);

impl FloorProcess {
    pub(super) fn start(folder: &Path, load: &FloorArgs) -> anyhow::Result<Self> {
        let (jobs, concurrency) = (load.jobs.to_string(), load.concurrency.to_string());
        let arguments = ["--url", &load.url, "--jobs", &jobs, "--concurrency", &concurrency];
        start(folder, "floor", &arguments).map(Self)
    }

    /// Waits for its end, and for what it says.
    pub(super) async fn figures(mut self) -> anyhow::Result<FloorFigures> {
        let status = self.0.wait_exit(PATIENCE).await;
        ensure!(status.success(), "the raw loop failed\n{}", self.0.log_end());
        serde_json::from_str(&self.0.log()).with_context(|| format!("no figures came\n{}", self.0.log_end()))
    }
}

/// This program in another role.
fn start(folder: &Path, role: &str, arguments: &[&str]) -> anyhow::Result<Process> {
    let own = std::env::current_exe().context("failed to find this program's own file")?;
    let mut command = Command::new(own);
    command.arg(role).args(arguments);
    let process = Process::spawn(&mut command, &folder.join(format!("{role}.log")));
    process.with_context(|| format!("failed to start the {role}"))
}
