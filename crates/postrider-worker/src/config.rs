//! What one worker needs to be told.

use std::time::Duration;

use postrider_core::delivery::Defaults;
use postrider_core::queue_name::QueueName;
use postrider_core::retry::RetryPolicy;

use crate::dispatcher::Bounds;
use crate::traces::Traces;

/// What a worker does with the entries of its queue.
#[derive(Clone, Debug)]
pub enum Trade {
    /// They are jobs: each is sent.
    Deliver,
    /// They are events: each becomes jobs of this queue.
    FanOut {
        /// `events.queue`: where the jobs go.
        deliveries: QueueName,
    },
}

/// What becomes of jobs whose registered hook is inactive (`hooks.when_inactive`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenInactive {
    /// They end, counted as discarded.
    Drop,
    /// They wait until it is active again.
    Hold,
}

/// The engine's own settings; the binary makes them from flags, environment and file.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The queue that it serves.
    pub queue: QueueName,
    /// What the queue holds.
    pub trade: Trade,
    /// Slots, limit per destination, memory.
    pub bounds: Bounds,
    /// `queue.max_job_bytes`.
    pub max_job_bytes: usize,
    /// `queue.max_crashes`: losses with a worker after which a job is buried as `poison`.
    pub max_crashes: u32,
    /// `worker.grace`: how long requests under way may go on after a stop.
    pub grace: Duration,
    /// `worker.heartbeat`.
    pub heartbeat: Duration,
    /// `worker.dead_after`.
    pub dead_after: Duration,
    /// What holds for jobs and hooks that say nothing.
    pub defaults: Defaults,
    /// When failed jobs are sent again.
    pub retry: RetryPolicy,
    /// `hooks.when_inactive`.
    pub when_inactive: WhenInactive,
    /// `hooks.disable_after`: nothing but failures for so long switches a hook off.
    pub disable_after: Option<Duration>,
    /// `notices.max_entries`; 0: none are kept.
    pub max_notices: u64,
    /// `attempts.max_entries`.
    pub max_attempt_records: u64,
    /// `attempts.max_age`.
    pub max_attempt_age: Option<Duration>,
    /// `dead.max_age`.
    pub max_dead_age: Option<Duration>,
    /// `redis.allow_eviction`.
    pub allow_eviction: bool,
    /// `traces.*`: who is told of traced jobs, if anybody.
    pub traces: Option<Traces>,
}

impl WorkerConfig {
    /// A worker without an accepted heartbeat for so long starts nothing: well before others may think it dead.
    pub fn fence_after(&self) -> Duration {
        self.dead_after.mul_f64(0.6)
    }
}
