//! What every worker does for the queue beside its own jobs. No leader, no lock: each step is safe to do twice.

pub(crate) mod age;
pub(crate) mod destinations;
pub(crate) mod held;
pub(crate) mod lost_workers;
pub(crate) mod promote;
pub(crate) mod sample;
pub(crate) mod sweep;
