//! What the probes say: `/healthz`, is the engine alive; `/readyz`, does it read its queue.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Silence of Redis beyond the pause between two heartbeats that makes a worker unready: with a heartbeat a second, the
/// probe tells the truth within three. A read waits inside Redis for a second as well.
const MAX_SILENCE: Duration = Duration::from_millis(1300);

/// The parts of a worker that can be at fault, in the order in which their causes are told. Each is one task's, so that
/// none says that another's fault is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Heartbeats, and the look at Redis before them.
    Heart,
    /// Leasing entries.
    Intake,
    /// What a job asks before its request.
    Hooks,
    /// Writing results.
    Settle,
    /// Single results that can't be written.
    Stuck,
    /// Moving due jobs.
    Promote,
    /// Letting held jobs go.
    Held,
    /// Finding lost workers.
    Watch,
    /// Counting jobs.
    Sample,
    /// Telling owners.
    Notices,
}

const PARTS: usize = 10;

/// Shared by the engine, the heart and the admin port.
#[derive(Debug)]
pub struct Health {
    state: Mutex<State>,
    heartbeat: Duration,
    heard: Stopwatch,
    reading: Stopwatch,
    engine_ticks: AtomicU64,
    stalled: AtomicBool,
    broken: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Why the worker as a whole isn't ready: starting, paused, stopping.
    phase: Option<String>,
    faults: [Option<String>; PARTS],
}

impl Health {
    /// Of a worker that is starting, and will beat at this pace.
    pub fn new(heartbeat: Duration) -> Self {
        let state = State { phase: Some("starting".to_owned()), faults: Default::default() };
        Self {
            state: Mutex::new(state),
            heartbeat: heartbeat.max(Duration::from_secs(1)),
            heard: Stopwatch::default(),
            reading: Stopwatch::default(),
            engine_ticks: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        }
    }

    /// Whether the worker reads its queue; otherwise why not, in one line.
    pub fn readiness(&self) -> Result<(), String> {
        let state = self.state();
        let fault = state.faults.iter().flatten().next().cloned();
        let cause = fault.or_else(|| self.silence()).or_else(|| state.phase.clone());
        cause.map_or(Ok(()), |cause| Err(cause.replace(['\r', '\n'], " ")))
    }

    fn silence(&self) -> Option<String> {
        let too_long =
            |watch: &Stopwatch| watch.shows().filter(|silence| *silence > self.heartbeat + MAX_SILENCE);
        if let Some(silence) = too_long(&self.heard) {
            return Some(format!("Redis has accepted no heartbeat for {:.1} s", silence.as_secs_f64()));
        }
        let silence = too_long(&self.reading)?;
        Some(format!("Redis has not answered the read of the queue for {:.1} s", silence.as_secs_f64()))
    }

    /// Whether the engine's loop still turns, and no part of it has broken down.
    pub fn is_alive(&self) -> bool {
        !self.stalled.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed)
    }

    /// A part of the engine has panicked; only a new process will do.
    pub(crate) fn break_down(&self, part: &str) {
        self.broken.store(true, Ordering::Relaxed);
        self.set_phase(Some(&format!("{part} has panicked")));
    }

    /// Says why the worker as a whole isn't ready; `None`: it is.
    pub fn set_phase(&self, phase: Option<&str>) {
        self.state().phase = phase.map(str::to_owned);
    }

    /// Notes a part's fault.
    pub fn failed(&self, part: Part, cause: String) {
        self.state().faults[part as usize] = Some(cause);
    }

    /// Notes that a part works; tells whether it didn't before.
    pub fn works(&self, part: Part) -> bool {
        self.state().faults[part as usize].take().is_some()
    }

    /// Redis has accepted a heartbeat.
    pub(crate) fn heard(&self) {
        self.heard.start();
    }

    /// A read of the queue begins.
    pub(crate) fn read_begins(&self) {
        self.reading.start();
    }

    /// A read of the queue has ended, one way or the other.
    pub(crate) fn read_ends(&self) {
        self.reading.stop();
    }

    /// The engine's loop turns.
    pub(crate) fn tick(&self) {
        self.engine_ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the engine's loop has turned.
    pub(crate) fn ticks(&self) -> u64 {
        self.engine_ticks.load(Ordering::Relaxed)
    }

    /// Says whether the engine's loop has stopped turning.
    pub(crate) fn set_stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A stopwatch that several threads may use; shows nothing until it is started.
#[derive(Debug)]
struct Stopwatch {
    made: Instant,
    /// Milliseconds from `made` to the start, plus one; 0: stopped.
    started: AtomicU64,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self { made: Instant::now(), started: AtomicU64::new(0) }
    }
}

impl Stopwatch {
    fn start(&self) {
        self.started.store(self.made.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.started.store(0, Ordering::Relaxed);
    }

    fn shows(&self) -> Option<Duration> {
        let started = self.started.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.made.elapsed().saturating_sub(Duration::from_millis(started)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopwatch_shows_nothing_until_it_is_started() {
        let watch = Stopwatch::default();
        assert_eq!(watch.shows(), None);
        watch.start();
        assert!(watch.shows().is_some_and(|shown| shown < Duration::from_secs(60)));
        watch.stop();
        assert_eq!(watch.shows(), None);
    }

    #[test]
    fn a_worker_is_ready_when_it_has_started_and_no_part_is_at_fault() {
        let health = Health::new(Duration::from_secs(1));
        assert_eq!(health.readiness(), Err("starting".to_owned()));
        health.set_phase(None);
        assert_eq!(health.readiness(), Ok(()));
        health.failed(Part::Settle, "failed to settle:\nNOPERM".to_owned());
        assert_eq!(health.readiness(), Err("failed to settle: NOPERM".to_owned()));
        assert!(health.works(Part::Settle) && !health.works(Part::Settle));
        assert_eq!(health.readiness(), Ok(()));
    }
}
