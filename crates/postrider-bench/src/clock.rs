//! The clock that all processes of a run share.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch. One machine's wall clock: a step of it during a run would show as an absurd figure.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
