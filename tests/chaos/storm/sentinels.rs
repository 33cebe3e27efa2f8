//! What befalls a primary that has a replica: it hands over, dies, or stands still until it is no longer one.

use std::ops::Range;

use postrider_tests::sentinel::SentinelSet;
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;
use crate::scene::servers::Processes;

/// How long a former primary stays away after its successor has come (milliseconds).
const AWAY_MS: Range<u64> = 0..2_000;

impl Harm {
    pub(super) async fn on_sentinels(&mut self) -> anyhow::Result<()> {
        let scene = self.scene.clone();
        let Processes::Watched(set) = &scene.servers.processes else { return Ok(()) };
        let mut set = set.lock().await;
        let (former, _) = scene.servers.numbered_primary().await?;
        let fault = self.begin(Scope::All, format!("server {former}"));
        self.take_away(&mut set, former).await;
        set.new_primary(former).await;
        self.healed(fault);
        sleep(self.millis(AWAY_MS)).await;
        self.bring_back(&mut set, former).await;
        // The next failover needs a replica that has everything.
        set.follows(former).await;
        self.over(fault);
        Ok(())
    }

    async fn take_away(&self, set: &mut SentinelSet, primary: usize) {
        match self.kind {
            Kind::PrimaryKill => set.servers[primary].kill9(),
            Kind::PrimaryStop => set.servers[primary].pause(),
            _ => set.fail_over().await,
        }
    }

    async fn bring_back(&self, set: &mut SentinelSet, former: usize) {
        match self.kind {
            Kind::PrimaryKill => set.servers[former].restart().await,
            Kind::PrimaryStop => set.servers[former].resume(),
            _ => {}
        }
    }
}
