//! A bad network between workers and receivers, and a destination that gets too much at once.

use std::ops::Range;

use postrider_tests::fault_proxy::FaultProxy;
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;
use crate::job::Class;
use crate::load::flood;
use crate::scene::WAYS;

/// How long bytes are lost, late, or connections refused (milliseconds).
const BAD_MS: Range<u64> = 1_000..5_000;

/// How late they are: a request and its answer then take up to twice as long, which is beyond an attempt's time.
const LATE_MS: Range<u64> = 50..1_500;

/// Connections are cut so many times in a row.
const CUTS: Range<u32> = 1..8;

/// Between two cuts.
const BETWEEN_CUTS_MS: Range<u64> = 20..400;

/// Within so many bytes lies the answer that is cut.
const ANSWER_BYTES: Range<usize> = 0..400;

/// Jobs that a slow destination gets at once.
const FLOOD_JOBS: Range<u32> = 100..400;

impl Harm {
    pub(super) async fn on_ways(&mut self) -> anyhow::Result<()> {
        let scene = self.scene.clone();
        if self.kind == Kind::Flood {
            let jobs = self.rng.u32(FLOOD_JOBS);
            let fault = self.begin(Scope::All, format!("{jobs} jobs"));
            flood(&scene, Class::Flood, jobs).await;
            self.over(fault);
            return Ok(());
        }
        let number = self.rng.usize(0..WAYS);
        let way = &scene.ways[number];
        let fault = self.begin(Scope::Way(number), "");
        match self.kind {
            Kind::WayCut | Kind::WayCutAnswer => self.cut_way(way).await,
            _ => self.spoil(way).await,
        }
        way.pass();
        self.over(fault);
        Ok(())
    }

    async fn cut_way(&mut self, way: &FaultProxy) {
        for _ in 0..self.rng.u32(CUTS) {
            if self.kind == Kind::WayCut {
                way.cut();
            } else {
                way.cut_after_bytes(self.rng.usize(ANSWER_BYTES));
            }
            sleep(self.millis(BETWEEN_CUTS_MS)).await;
        }
    }

    async fn spoil(&mut self, way: &FaultProxy) {
        match self.kind {
            Kind::WayDelay => way.delay(self.millis(LATE_MS)),
            Kind::WayRefuse => way.refuse(),
            _ => self.lose(way),
        }
        sleep(self.millis(BAD_MS)).await;
    }
}
