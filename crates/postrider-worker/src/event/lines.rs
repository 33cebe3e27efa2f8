//! Kinds of log lines that can come in floods: the first is written, then one a minute with the number of the others.

use std::time::Instant;

use postrider_core::summary::Summary;

/// What has been told of each kind, in one engine.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) dead: Summary,
    pub(crate) refused: Summary,
    pub(crate) gone: Summary,
    pub(crate) redis_failed: Summary,
    pub(crate) redis_refuses: Summary,
    pub(crate) tripped: Summary,
    pub(crate) flowing: Summary,
    pub(crate) panics_sending: Summary,
    pub(crate) panics_reading: Summary,
    pub(crate) newer: Summary,
}

impl Lines {
    /// Writes what was left out when a flood ended: the same messages, with nothing but a number.
    pub(crate) fn sum_up(&self, now: Instant) {
        self.dead.sum_up(now, |more| tracing::warn!(more, "job dead"));
        self.refused.sum_up(now, |more| {
            tracing::warn!(more, "result refused: the job has passed to another worker");
        });
        self.gone.sum_up(now, |more| {
            tracing::warn!(more, "result dropped: the job's entry is gone from the stream");
        });
        self.redis_failed.sum_up(now, |more| tracing::warn!(more, "Redis failed; trying again"));
        self.redis_refuses.sum_up(now, |more| tracing::error!(more, "Redis refuses"));
        self.tripped.sum_up(now, |more| {
            tracing::warn!(more, "a destination only fails: it is left alone, and tried now and then");
        });
        self.flowing.sum_up(now, |more| tracing::info!(more, "a destination works again"));
        self.panics_sending.sum_up(now, |more| {
            tracing::error!(more, "a panic while sending: the job is buried as poison");
        });
        self.newer.sum_up(now, |more| {
            tracing::warn!(more, "waiting jobs were left to workers of a newer version");
        });
        self.panics_reading.sum_up(now, |more| {
            tracing::error!(more, "a panic while reading an entry: it is buried as poison");
        });
    }
}
