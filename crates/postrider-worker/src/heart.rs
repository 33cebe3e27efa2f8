//! Heartbeats, on a thread and a connection of their own: nothing that a receiver does can stop them.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use postrider_store::connect::Connector;
use postrider_store::link::Link;
use postrider_store::presence;
use postrider_store::queue::Queue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;
use crate::event::DataLost;
use crate::health::{Health, Part};
use crate::pace::Backoff;
use crate::pulse::Pulse;

/// When the engine's loop hasn't turned for so long, its jobs must pass to others: the heart stops.
const MAX_STALL: Duration = Duration::from_secs(30);

/// The running heart of one worker.
pub(crate) struct Heart {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// What the heart's thread needs.
pub(crate) struct HeartParts {
    pub(crate) queue: Queue,
    pub(crate) connector: Connector,
    pub(crate) health: Arc<Health>,
    pub(crate) about: String,
    pub(crate) heartbeat: Duration,
    pub(crate) fence_after: Duration,
}

impl HeartParts {
    pub(crate) fn new(
        config: &WorkerConfig,
        queue: Queue,
        connector: Connector,
        health: Arc<Health>,
        about: String,
    ) -> Self {
        Self {
            queue,
            connector,
            health,
            about,
            heartbeat: config.heartbeat,
            fence_after: config.fence_after(),
        }
    }
}

impl Heart {
    /// Starts beating; the receiver tells of every beat.
    pub(crate) fn start(parts: HeartParts) -> std::io::Result<(Self, watch::Receiver<Pulse>)> {
        let (pulse, listener) = watch::channel(Pulse::default());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let beating = move || runtime.block_on(beat_until(stopped, parts, pulse));
        let thread = std::thread::Builder::new().name("heart".to_owned()).spawn(beating)?;
        Ok((Self { stop, thread }, listener))
    }

    /// Stops beating, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::task::spawn_blocking(|| self.thread.join()).await;
    }
}

/// Beats until it is told to stop. A beat under way is waited for: arriving later than the worker's leave-taking, it would
/// bring the worker back on the lists.
async fn beat_until(stop: CancellationToken, parts: HeartParts, pulse: watch::Sender<Pulse>) {
    // A reply that takes longer than two beats is given up, or one lost reply would look like death.
    let mut link = Link::with_timeout(parts.connector.clone(), parts.heartbeat * 2);
    let mut backoff = Backoff::default();
    let mut stall = Stall::new(&parts.health);
    let mut memory = None;
    while !stop.is_cancelled() {
        let sent = Instant::now();
        if stall.has_lasted(&parts.health, sent) {
            stop.run_until_cancelled(tokio::time::sleep(parts.heartbeat)).await;
            continue;
        }
        let (keys, consumer) = (parts.queue.keys(), parts.queue.consumer());
        match presence::beat_and_compare(&mut link, keys, consumer, &parts.about, &mut memory).await {
            Ok((beat, loss)) => {
                if let Some(loss) = loss {
                    DataLost { queue: parts.queue.name(), loss }.emit();
                }
                pulse.send_modify(|pulse| pulse.accepted(beat, sent, Instant::now(), parts.fence_after));
                parts.health.heard();
                parts.health.works(Part::Heart);
                backoff.reset();
                let rest = parts.heartbeat.saturating_sub(sent.elapsed());
                stop.run_until_cancelled(tokio::time::sleep(rest)).await;
            }
            Err(error) => {
                // One beat that fails isn't worth a red probe; those that are accepted are what it goes by.
                if pulse.borrow().is_fenced(Instant::now(), parts.fence_after) {
                    parts.health.failed(Part::Heart, error.line());
                }
                stop.run_until_cancelled(backoff.pause()).await;
            }
        }
    }
}

/// Watches the engine's loop.
struct Stall {
    ticks: u64,
    since: Instant,
}

impl Stall {
    fn new(health: &Health) -> Self {
        Self { ticks: health.ticks(), since: Instant::now() }
    }

    fn has_lasted(&mut self, health: &Health, now: Instant) -> bool {
        let ticks = health.ticks();
        if ticks != self.ticks {
            (self.ticks, self.since) = (ticks, now);
        }
        let stalled = now.saturating_duration_since(self.since) > MAX_STALL;
        health.set_stalled(stalled);
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_noticed_and_one_that_turns_again_too() {
        let health = Health::new(Duration::from_secs(1));
        let mut stall = Stall::new(&health);
        let start = stall.since;
        assert!(!stall.has_lasted(&health, start + Duration::from_secs(29)));
        assert!(stall.has_lasted(&health, start + Duration::from_secs(31)));
        assert!(!health.is_alive());
        health.tick();
        assert!(!stall.has_lasted(&health, start + Duration::from_secs(32)));
        assert!(health.is_alive());
    }
}
