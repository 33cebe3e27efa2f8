//! The measurements, one file each. Each sets its own scene and leaves nothing behind.

pub(crate) mod api;
pub(crate) mod backlog;
pub(crate) mod cost;
pub(crate) mod fan_out;
pub(crate) mod features;
pub(crate) mod hanging;
pub(crate) mod isolation;
pub(crate) mod latency;
pub(crate) mod lateness;
pub(crate) mod load;
pub(crate) mod promotion;
pub(crate) mod scaling;
pub(crate) mod takeover;
pub(crate) mod watch;
