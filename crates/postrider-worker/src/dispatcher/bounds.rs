//! How much one worker does at a time, and holds.

use super::reading::MAX_READ;
use crate::destination::Limits;

/// The bounds of one worker.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// `worker.concurrency`: requests at a time.
    pub slots: usize,
    /// Most requests that have waited for long, and hold no slot.
    pub max_patient: usize,
    /// `destination.max_in_flight`: requests at a time to one destination.
    pub max_in_flight: usize,
    /// `destination.rate`: requests a second to one destination.
    pub rate: Option<f64>,
    /// `worker.max_bytes`: bytes of jobs in memory.
    pub max_bytes: usize,
}

/// Slots that requests to strangers may hold while others have answered: three in four, however many strangers there are.
const STRANGERS_SHARE: (usize, usize) = (3, 4);

/// Jobs for strangers that wait here for each slot that is free for others.
pub(super) const MAX_STRANGERS_PER_FREE_SLOT: usize = 4;

impl Bounds {
    /// What holds for every destination.
    pub(super) fn limits(self) -> Limits {
        Limits { max_in_flight: self.max_in_flight, rate: self.rate }
    }

    /// Most slots that requests to strangers hold while others have answered.
    pub(super) fn max_strangers(self) -> usize {
        let (part, whole) = STRANGERS_SHARE;
        (self.slots * part / whole).max(1)
    }

    /// Most jobs that wait in lines.
    pub(super) fn max_lined(self) -> usize {
        self.slots * 2
    }

    /// Most jobs whose settlements wait; at half of it, reading stops.
    pub fn max_unsettled(self) -> usize {
        (self.slots * 8).max(2048)
    }

    /// More leases than this worker can have at any time.
    pub fn max_held(self) -> usize {
        self.slots * (1 + MAX_STRANGERS_PER_FREE_SLOT)
            + self.max_patient
            + self.max_lined()
            + MAX_READ
            + self.max_unsettled()
    }
}
