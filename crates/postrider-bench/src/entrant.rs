//! A contender with a queue, whichever it is: how its jobs are added, its worker is started, and what it has left.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::contender::Contender;
use crate::peers::Programs;
use crate::scene::peer::PeerJobs;
use crate::scene::target::Target;
use crate::scene::{PATIENCE, Scene, Worker, in_flight, slots};

/// Between two looks at what a peer has left: short beside any run.
const PAUSE: Duration = Duration::from_millis(5);

/// How Postrider limits what one destination gets; peers know no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// All of the worker's slots: for loads that have only one destination.
    Raised,
    /// A quarter of them.
    Usual,
}

/// Who takes part, and with which program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant<'a> {
    pub(crate) contender: Contender,
    pub(crate) programs: &'a Programs,
}

impl Entrant<'_> {
    fn is_peer(self) -> bool {
        self.contender.kind().is_some()
    }

    /// Adds jobs to the targets in turn, as fast as it goes.
    pub(crate) async fn add(self, scene: &mut Scene, targets: &[Target], count: u64) -> anyhow::Result<()> {
        if !self.is_peer() {
            return scene.add_many(targets, count).await;
        }
        let jobs = PeerJobs { targets, count, per_second: None };
        scene.add_to_peer(self.programs, self.contender, jobs).await
    }

    /// Adds jobs one by one at an even rate.
    pub(crate) async fn add_steadily(
        self,
        scene: &mut Scene,
        targets: &[Target],
        count: u64,
        per_second: u32,
    ) -> anyhow::Result<()> {
        if !self.is_peer() {
            return scene.add_steadily(targets, count, per_second).await;
        }
        let jobs = PeerJobs { targets, count, per_second: Some(per_second) };
        scene.add_to_peer(self.programs, self.contender, jobs).await
    }

    /// Starts a worker of this name.
    pub(crate) fn start(
        self,
        scene: &Scene,
        name: &str,
        concurrency: u32,
        limit: Limit,
    ) -> anyhow::Result<Worker> {
        if self.is_peer() {
            return scene.peer(self.programs, self.contender, name, concurrency);
        }
        let mut settings: Vec<(&str, String)> = match limit {
            Limit::Raised => in_flight(concurrency).into(),
            Limit::Usual => vec![slots(concurrency)],
        };
        settings.extend(self.contender.settings().iter().map(|(name, value)| (*name, (*value).to_owned())));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        scene.worker(&self.programs.postrider, &settings)
    }

    /// Waits until no job is ready or in flight, all of them with the worker of this name.
    pub(crate) async fn settled(self, scene: &Scene, worker: &str) -> anyhow::Result<()> {
        if !self.is_peer() {
            return scene.settled().await.map(drop);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.unfinished(scene, worker).await?;
            if left == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{left} jobs are left after {PATIENCE:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn unfinished(self, scene: &Scene, worker: &str) -> anyhow::Result<u64> {
        let mut left = 0;
        for (command, key) in self.contender.unfinished(worker) {
            left += scene.count(command, &key).await?;
        }
        Ok(left)
    }
}
