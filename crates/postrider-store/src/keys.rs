//! The names of the keys (contract section 2).

use postrider_core::queue_name::QueueName;

/// The consumer group of every queue.
pub const GROUP: &str = "postrider";

/// The keys of one queue, all in its cluster slot.
#[derive(Clone, Debug)]
pub struct QueueKeys {
    /// The stream itself.
    pub stream: String,
    /// Sorted set: ids of waiting jobs, score = due, epoch ms.
    pub retry: String,
    /// Hash: the waiting jobs, by id.
    pub retry_jobs: String,
    /// Stream: dead letters.
    pub dead: String,
    /// Stream, capped: one entry an attempt.
    pub attempts: String,
    /// Hash: what each worker says about itself.
    pub workers: String,
    /// Sorted set: each worker's last heartbeat, epoch ms on Redis' clock.
    pub seen: String,
    /// Hash: `paused`.
    pub control: String,
    /// Prefix of the hashes with counters by minute, one an hour.
    pub stats: String,
}

impl QueueKeys {
    /// The keys of `queue`.
    pub fn new(queue: &QueueName) -> Self {
        Self {
            stream: queue.as_str().to_owned(),
            retry: queue.satellite("retry"),
            retry_jobs: queue.satellite("retry:jobs"),
            dead: queue.satellite("dead"),
            attempts: queue.satellite("attempts"),
            workers: queue.satellite("workers"),
            seen: queue.satellite("workers:seen"),
            control: queue.satellite("control"),
            stats: queue.satellite("stats"),
        }
    }
}

/// The hash of one owner's registered hooks.
pub fn hooks_key(user_id: &str) -> String {
    format!("postrider:hooks:{{{user_id}}}")
}
