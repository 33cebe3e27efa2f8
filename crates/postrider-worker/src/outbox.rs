//! Settlements on their way to Redis. Bounded by what the dispatcher lets be held: each comes from a lease of this worker,
//! and reading stops when [`crate::dispatcher::Bounds::max_unsettled`] is half used up.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postrider_core::job::Field;
use postrider_store::settlement::Settlement;
use tokio::sync::Notify;

/// One settlement; with the entry's fields where it is too wide for a script.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) settlement: Settlement,
    pub(crate) wide: Option<Vec<Field>>,
}

/// The queue between those who finish jobs and the one who settles them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    parcels: Mutex<VecDeque<Parcel>>,
    filled: Notify,
}

impl Outbox {
    /// Puts one in.
    pub(crate) fn push(&self, settlement: Settlement) {
        self.push_parcel(Parcel { settlement, wide: None });
    }

    /// Puts one in, with the fields where it is wide.
    pub(crate) fn push_parcel(&self, parcel: Parcel) {
        self.parcels().push_back(parcel);
        self.filled.notify_one();
    }

    /// Takes up to `most`, which copy up to about `most_bytes` inside Redis; waits until there is one.
    pub(crate) async fn take(&self, most: usize, most_bytes: usize) -> Vec<Parcel> {
        loop {
            let batch: Vec<Parcel> = {
                let mut parcels = self.parcels();
                let mut copied = 0;
                let fits = |parcel: &&Parcel| {
                    let fits = copied <= most_bytes;
                    copied += parcel.settlement.copied_bytes();
                    fits
                };
                let count = parcels.iter().take(most).take_while(fits).count();
                parcels.drain(..count).collect()
            };
            if !batch.is_empty() {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    fn parcels(&self) -> MutexGuard<'_, VecDeque<Parcel>> {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
