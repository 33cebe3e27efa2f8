//! The measurements, one file each. Each sets its own scene and leaves nothing behind.

pub(crate) mod fan_out;
pub(crate) mod latency;
pub(crate) mod lateness;
pub(crate) mod load;
pub(crate) mod takeover;
