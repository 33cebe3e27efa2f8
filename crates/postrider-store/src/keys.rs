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
    /// Sorted set: hooks with held jobs, score = when to look at the hook again, epoch ms. With `:<user id>/<hook id>`
    /// behind it, the sorted set of that hook's held jobs, score = age.
    pub held: String,
    /// Stream: dead letters.
    pub dead: String,
    /// Hash: how many dead letters there are, by `<reason> <user id>/<hook id>`.
    pub dead_counts: String,
    /// Hash: the newest dead letter of each job, by the job's id.
    pub dead_ids: String,
    /// Stream, capped: one entry an attempt.
    pub attempts: String,
    /// Hash: what each worker says about itself.
    pub workers: String,
    /// Sorted set: each worker's last heartbeat, epoch ms on Redis' clock.
    pub seen: String,
    /// Hash: `paused`.
    pub control: String,
    /// Hash: by what is told that Redis came back empty or older; see `beat.lua`.
    pub epoch: String,
    /// Prefix of the hashes in which each worker tells of its destinations; see [`QueueKeys::destinations_of`].
    pub destinations: String,
    /// Hash: destinations that are to be reset, and since when, epoch ms.
    pub resets: String,
    /// Hash: destinations that are paused, and since when, epoch ms.
    pub paused: String,
    /// Prefix of the hashes with counters by minute, one an hour.
    pub stats: String,
    /// Hash: the bulk operations that are the workers' to carry on. With `:<id>` behind it, the hash in which one keeps how far
    /// it has come; see [`QueueKeys::bulk_of`].
    pub bulk: String,
}

impl QueueKeys {
    /// The keys of `queue`.
    pub fn new(queue: &QueueName) -> Self {
        Self {
            stream: queue.as_str().to_owned(),
            retry: queue.satellite("retry"),
            retry_jobs: queue.satellite("retry:jobs"),
            held: queue.satellite("held"),
            dead: queue.satellite("dead"),
            dead_counts: queue.satellite("dead:counts"),
            dead_ids: queue.satellite("dead:ids"),
            attempts: queue.satellite("attempts"),
            workers: queue.satellite("workers"),
            seen: queue.satellite("workers:seen"),
            control: queue.satellite("control"),
            epoch: queue.satellite("epoch"),
            destinations: queue.satellite("destinations"),
            resets: queue.satellite("destinations:resets"),
            paused: queue.satellite("destinations:paused"),
            stats: queue.satellite("stats"),
            bulk: queue.satellite("bulk"),
        }
    }

    /// The hash in which a bulk operation keeps how far it has come.
    pub fn bulk_of(&self, id: &str) -> String {
        format!("{}:{id}", self.bulk)
    }

    /// The hash in which a worker tells of its destinations, as long as it does.
    pub fn destinations_of(&self, worker: &str) -> String {
        format!("{}:{worker}", self.destinations)
    }
}

/// The hash of one owner's registered hooks.
pub fn hooks_key(user_id: &str) -> String {
    format!("postrider:hooks:{{{user_id}}}")
}

/// The hash of what came of the latest attempts for an owner's hooks.
pub fn hooks_latest_key(user_id: &str) -> String {
    format!("{}:latest", hooks_key(user_id))
}

/// The owner whose [`hooks_key`] this is.
pub fn owner_of_hooks_key(key: &str) -> Option<&str> {
    key.strip_prefix("postrider:hooks:{")?.strip_suffix('}').filter(|owner| !owner.is_empty())
}

/// The stream of notices, one for all queues.
pub const NOTICES: &str = "postrider:notices";

/// The hash of how one owner's hooks fare, by hook id; see `note_health.lua`.
pub fn hooks_health_key(user_id: &str) -> String {
    format!("{}:health", hooks_key(user_id))
}
