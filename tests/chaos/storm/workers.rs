//! What befalls workers: death, stand-still, restarts, a clock that steps.

use std::ops::Range;

use anyhow::Context;
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;

/// How long a worker stands still (milliseconds). Beyond `worker.dead_after` it counts as dead.
const SHORT_STOP_MS: Range<u64> = 1_000..6_500;

/// One in four stops is a long one.
const LONG_STOP_MS: Range<u64> = 6_500..20_000;

/// Until a killed worker is started again.
const RESTART_MS: Range<u64> = 0..3_000;

/// How far a clock steps, in seconds, either way.
const STEP_SECONDS: Range<i64> = 5..4_000;

/// How long it is wrong.
const WRONG_MS: Range<u64> = 1_500..5_000;

impl Harm {
    pub(super) async fn on_workers(&mut self) -> anyhow::Result<()> {
        match self.kind {
            Kind::WorkerKill => self.kill_one().await,
            Kind::AllWorkersKill => self.kill_all().await,
            Kind::WorkerStop => self.stop_one().await,
            Kind::WorkerClock => return self.step_clock().await,
            _ => self.replace_one().await,
        }
        Ok(())
    }

    async fn kill_one(&mut self) {
        let scene = self.scene.clone();
        let mut crew = scene.crew.lock().await;
        let slot = self.rng.usize(0..crew.size());
        let fault = self.begin(crew.worker(slot).scope(), format!("slot {slot}"));
        crew.kill(slot);
        self.over(fault);
        sleep(self.millis(RESTART_MS)).await;
        crew.start(slot);
    }

    async fn kill_all(&mut self) {
        let scene = self.scene.clone();
        let mut crew = scene.crew.lock().await;
        let fault = self.begin(Scope::All, "");
        for slot in 0..crew.size() {
            crew.kill(slot);
        }
        sleep(self.millis(RESTART_MS)).await;
        for slot in 0..crew.size() {
            crew.start(slot);
        }
        self.over(fault);
    }

    async fn stop_one(&mut self) {
        let scene = self.scene.clone();
        let mut crew = scene.crew.lock().await;
        let slot = self.rng.usize(0..crew.size());
        let range = if self.rng.u32(0..4) == 0 { LONG_STOP_MS } else { SHORT_STOP_MS };
        let lasts = self.millis(range);
        let worker = crew.worker(slot);
        let fault = self.begin(worker.scope(), format!("slot {slot} for {lasts:?}"));
        worker.process.sigstop();
        sleep(lasts).await;
        worker.process.sigcont();
        self.over(fault);
    }

    async fn replace_one(&mut self) {
        let scene = self.scene.clone();
        let mut crew = scene.crew.lock().await;
        let slot = self.rng.usize(0..crew.size());
        let fault = self.begin(crew.worker(slot).scope(), format!("slot {slot}"));
        crew.replace(slot).await;
        self.over(fault);
    }

    async fn step_clock(&mut self) -> anyhow::Result<()> {
        let scene = self.scene.clone();
        let clocks = scene.clocks.as_ref().context("there are no false clocks")?;
        let sign = if self.rng.bool() { 1 } else { -1 };
        let seconds = sign * self.rng.i64(STEP_SECONDS);
        let fault = self.begin(Scope::All, format!("{seconds:+} s"));
        clocks.set_worker(seconds)?;
        sleep(self.millis(WRONG_MS)).await;
        clocks.set_worker(0)?;
        self.over(fault);
        Ok(())
    }
}
