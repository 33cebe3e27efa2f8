//! A peer's worker, and how jobs come into its queue: by its own library, in a process of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use postrider_tests::process::Process;

use super::target::Target;
use super::worker::Worker;
use super::{PATIENCE, Scene};
use crate::contender::Contender;
use crate::job;
use crate::peers::Programs;

/// Jobs for a peer.
pub(crate) struct PeerJobs<'a> {
    pub(crate) targets: &'a [Target],
    pub(crate) count: u64,
    /// One by one at this rate; else as fast as the library can.
    pub(crate) per_second: Option<u32>,
}

impl Scene {
    /// Starts a peer's worker of this name.
    pub(crate) fn peer(
        &self,
        programs: &Programs,
        rival: Contender,
        name: &str,
        concurrency: u32,
    ) -> anyhow::Result<Worker> {
        let mut command = self.peer_command(programs, rival, "work")?;
        command.args(["--name", name, "--concurrency", &concurrency.to_string()]);
        // As Postrider's by default.
        command.args(["--timeout-ms", "10000"]);
        Worker::start_peer(&mut command, &self.folder.path().join(format!("{name}.log")))
    }

    /// Adds jobs to a peer's queue, and waits until all are there.
    pub(crate) async fn add_to_peer(
        &mut self,
        programs: &Programs,
        rival: Contender,
        jobs: PeerJobs<'_>,
    ) -> anyhow::Result<()> {
        self.prepare(rival).await?;
        let stored = self.folder.path().join("job.json");
        std::fs::write(&stored, job::stored()).context("failed to write the peers' job")?;
        let mut command = self.peer_command(programs, rival, "add")?;
        command.arg("--job").arg(stored).args(["--jobs", &jobs.count.to_string()]);
        if let Some(rate) = jobs.per_second {
            command.args(["--per-second", &rate.to_string()]);
        }
        for target in jobs.targets {
            command.args(["--to", &self.receiver.url(&target.path)]);
        }
        let mut adding = Process::spawn(&mut command, &self.folder.path().join("peer-add.log"))?;
        let limit = PATIENCE + Duration::from_secs(jobs.count / u64::from(jobs.per_second.unwrap_or(1000)));
        let status = adding.wait_exit(limit).await;
        ensure!(status.success(), "a peer's jobs could not be added\n{}", adding.log_end());
        Ok(())
    }

    /// What a library leaves to its users: omniqueue expects its group to be there.
    async fn prepare(&mut self, rival: Contender) -> anyhow::Result<()> {
        if rival != Contender::Omniqueue || self.count("EXISTS", "peer").await? == 1 {
            return Ok(());
        }
        let mut made = redis::cmd("XGROUP");
        made.arg("CREATE").arg("peer").arg("peers").arg(0).arg("MKSTREAM");
        made.exec_async(&mut self.connection).await.context("failed to make omniqueue's group")
    }

    fn peer_command(&self, programs: &Programs, rival: Contender, role: &str) -> anyhow::Result<Command> {
        let mut command = programs.command(rival, role).context("a peer that was not built")?;
        command.args(["--redis", &self.redis.url()]);
        Ok(command)
    }
}
