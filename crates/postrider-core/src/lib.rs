//! What a delivery is and what happens to it next. Pure: no I/O, no clock, no dice; the caller brings all three.
//!
//! - [`job`]: the job that a producer put into the stream, checked once, trusted afterwards.
//! - [`entry_json`]: a job or an event from JSON.
//! - [`hook`]: the registered hook that a job may name, and how its owner edits it; [`sample`]: events to try one with.
//! - [`delivery`]: job + hook + settings = what to send, where.
//! - [`profile`]: from a delivery to headers and exact bytes; [`signature`]: the Standard Webhooks proof.
//! - [`endpoint`] and [`address`]: which URLs and which addresses may be connected to.
//! - [`shard`]: which of several queues a job belongs to.
//! - [`trace`]: which trace a job belongs to; [`summary`]: one log line for many.
//! - [`outcome`]: what the receiver did; [`retry`]: how long to wait; [`verdict`]: **the** decision.

pub mod address;
pub mod delivery;
pub mod endpoint;
pub mod entry_id;
pub mod entry_json;
pub mod fault;
pub mod headers;
pub mod hook;
pub mod job;
pub mod job_state;
pub mod json;
pub mod outcome;
pub mod profile;
pub mod queue_name;
pub mod retry;
pub mod sample;
pub mod secret;
pub mod shard;
pub mod signature;
pub mod summary;
pub mod time;
pub mod trace;
pub mod verdict;
