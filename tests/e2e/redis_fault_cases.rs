//! Every case of `tests/cases/redis_faults.json`: played here or elsewhere, as [`coverage`] says.
//!
//! Waits that the cases give in minutes are made shorter where the fact stays the same: a worker's heartbeat and
//! `worker.dead_after` are scaled with them.

mod big;
mod clocks;
mod coverage;
mod data;
mod doctor;
mod ground;
mod lost_replies;
mod network;
mod refusals;
mod restarts;
mod secrets;
