//! What a producer can be told.

use std::time::Duration;

use postrider_core::delivery::Defaults;
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_core::queue_name::{DEFAULT_EVENTS, DEFAULT_QUEUE, QueueName};
use postrider_store::producer::Replicated;

use crate::rules::Rules;
use crate::streams::Streams;

/// What there is to choose. The default is the contract's: queue `postrider:deliveries`, events in `postrider:events`,
/// workers with default settings, no wait for replicas.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// The queue.
    pub queue: QueueName,
    /// The stream that events are added to (`events.stream`).
    pub events: QueueName,
    /// Largest entry that its workers accept (`queue.max_job_bytes`).
    pub max_job_bytes: usize,
    /// Settings of its workers that a job's soundness depends on, such as `delivery.profile`.
    pub defaults: Defaults,
    /// Replicas that must have a job before its adding counts. The user needs `+wait` for it.
    pub replicated: Option<Replicated>,
    /// Spread over so many shards, each with its queue and its events (`docs/scaling.md`); `queue` and `events` mean nothing then.
    pub shards: Option<u16>,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            queue: QueueName::parse(DEFAULT_QUEUE).expect("the default queue has a sound name"),
            events: QueueName::parse(DEFAULT_EVENTS).expect("the default stream has a sound name"),
            max_job_bytes: 1 << 20,
            defaults: Defaults {
                profile: Profile::Misskey,
                timeout: Duration::from_secs(10),
                max_attempts: 12,
                profiles: Profiles::new(&ProfileSettings::default())
                    .expect("the default profiles are accepted"),
            },
            replicated: None,
            shards: None,
        }
    }
}

impl ProducerOptions {
    /// The rules that jobs are checked by, for checking alone.
    pub fn rules(&self) -> Rules {
        Rules::new(self.streams().any_queue(), self.max_job_bytes, self.defaults.clone())
    }

    /// Spread over so many shards; every producer must be told the same number.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = Some(shards);
        self
    }

    pub(crate) fn streams(&self) -> Streams {
        match self.shards {
            Some(shards) => Streams::sharded(shards),
            None => Streams::named(self.queue.clone(), self.events.clone()),
        }
    }

    /// With this many replicas, waited for as long as `timeout`.
    pub fn replicated(mut self, replicas: u32, timeout: Duration) -> Self {
        self.replicated = Some(Replicated { replicas, timeout });
        self
    }
}
