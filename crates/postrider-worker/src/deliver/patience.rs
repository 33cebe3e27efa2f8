//! How long a job waits for Redis with its slot, where it has a question before its request.

use std::time::{Duration, Instant};

use postrider_store::settlement::{Destination, Until};

use super::{Stop, give_back};
use crate::engine::{Engine, Lease};
use crate::pace::Backoff;

/// What a job asks Redis before its request, unless the worker ends first.
pub(crate) async fn unless_abandoned<T>(
    engine: &Engine,
    lease: &Lease,
    asking: impl Future<Output = T>,
) -> Result<T, Stop> {
    engine.abandon.run_until_cancelled(asking).await.ok_or_else(|| give_back(lease))
}

/// How long a job that needs Redis before its request waits for it with its slot.
pub(crate) struct Patience {
    since: Instant,
    backoff: Backoff,
}

/// Longer than Redis' short absences, shorter than what would leave no slot to others where only this question fails.
const MAX_PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits without one then.
const NEXT_TRY: Duration = Duration::from_secs(10);

impl Patience {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), backoff: Backoff::default() }
    }

    pub(crate) async fn pause(&mut self, engine: &Engine, lease: &Lease) -> Result<(), Stop> {
        if self.since.elapsed() > MAX_PATIENCE {
            let state = lease.untouched_state();
            return Err(Stop::To(Destination::Deferred { until: Until::After(NEXT_TRY), state }));
        }
        unless_abandoned(engine, lease, self.backoff.pause()).await
    }
}
