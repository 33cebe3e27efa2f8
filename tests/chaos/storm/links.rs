//! A bad network between workers and Redis.

use std::ops::Range;

use postrider_tests::fault_proxy::{Direction, FaultProxy};
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;

/// How long all bytes of all workers are lost (milliseconds).
const LOST_MS: Range<u64> = 1_000..8_000;

/// How long those of one worker are; beyond `worker.dead_after` it counts as dead.
const CUT_OFF_MS: Range<u64> = 1_000..12_000;

/// How late they are.
const LATE_MS: Range<u64> = 50..2_000;

/// For how long they are late.
const SLOW_MS: Range<u64> = 1_000..5_000;

/// Connections are cut so many times in a row.
const CUTS: Range<u32> = 1..6;

/// Between two cuts.
const BETWEEN_CUTS_MS: Range<u64> = 20..500;

/// Within so many bytes lies the reply that is cut.
const REPLY_BYTES: Range<usize> = 0..3_000;

impl Harm {
    pub(super) async fn on_links(&mut self) -> anyhow::Result<()> {
        let scene = self.scene.clone();
        let links = &scene.links;
        match self.kind {
            Kind::LinkCut => self.cut_links(links, |_, link| link.cut()).await,
            Kind::LinkCutReply => {
                let cut =
                    |harm: &mut Self, link: &FaultProxy| link.cut_after_bytes(harm.rng.usize(REPLY_BYTES));
                self.cut_links(links, cut).await;
            }
            Kind::WorkerCutOff => self.cut_off(links).await,
            Kind::LinkDelay => self.delay_links(links).await,
            _ => self.lose_all(links).await,
        }
        for link in links {
            link.pass();
        }
        Ok(())
    }

    async fn cut_links(&mut self, links: &[FaultProxy], cut: impl Fn(&mut Self, &FaultProxy)) {
        let fault = self.begin(Scope::All, "");
        for _ in 0..self.rng.u32(CUTS) {
            for link in links {
                cut(self, link);
            }
            sleep(self.millis(BETWEEN_CUTS_MS)).await;
        }
        for link in links {
            link.pass();
        }
        self.over(fault);
    }

    async fn cut_off(&mut self, links: &[FaultProxy]) {
        let slot = self.rng.usize(0..links.len());
        let lasts = self.millis(CUT_OFF_MS);
        let scope = self.scene.crew.lock().await.worker(slot).scope();
        let fault = self.begin(scope, format!("slot {slot} for {lasts:?}"));
        self.lose(&links[slot]);
        sleep(lasts).await;
        links[slot].pass();
        self.over(fault);
    }

    async fn lose_all(&mut self, links: &[FaultProxy]) {
        let lasts = self.millis(LOST_MS);
        let fault = self.begin(Scope::All, format!("for {lasts:?}"));
        for link in links {
            self.lose(link);
        }
        sleep(lasts).await;
        for link in links {
            link.pass();
        }
        self.over(fault);
    }

    async fn delay_links(&mut self, links: &[FaultProxy]) {
        let (by, lasts) = (self.millis(LATE_MS), self.millis(SLOW_MS));
        let fault = self.begin(Scope::All, format!("by {by:?} for {lasts:?}"));
        for link in links {
            link.delay(by);
        }
        sleep(lasts).await;
        for link in links {
            link.pass();
        }
        // What was held back last is still under way.
        sleep(by).await;
        self.over(fault);
    }

    /// Both directions, or one.
    pub(super) fn lose(&mut self, proxy: &FaultProxy) {
        match self.rng.u32(0..3) {
            0 => proxy.blackhole_one_way(Direction::ToServer),
            1 => proxy.blackhole_one_way(Direction::ToClient),
            _ => proxy.blackhole(),
        }
    }
}
