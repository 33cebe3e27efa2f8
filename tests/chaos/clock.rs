//! The clock of the campaign: the machine's, which no fault of it touches, in microseconds since the epoch.

use std::time::{SystemTime, UNIX_EPOCH};

/// A second.
pub(crate) const SECOND: u64 = 1_000_000;

/// A millisecond.
pub(crate) const MILLI: u64 = 1_000;

/// Now.
pub(crate) fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
