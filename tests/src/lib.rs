//! The harness of the end-to-end tests: everything in it is real (Redis, HTTP, processes), and everything ends with the test.
//!
//! - [`world`]: Redis, a receiver and workers together; most tests start here.
//! - [`redis_server`], [`receiver`], [`worker_process`]: the three alone.
//! - [`fault_proxy`]: a bad network between any two of them.
//! - [`cases`]: the case files as types; [`event_examples`]: the examples of `docs/events.md`.
//! - [`wait`]: bounded waiting for facts; [`process`], [`ports`], [`http_get`], [`prometheus`]: what the others stand on.
//!
//! It knows the project only from outside, by its contract: no crate of ours is imported here.

#![allow(clippy::panic, reason = "a harness that can't go on ends its test, saying what it saw")]

pub mod cases;
pub mod event_examples;
pub mod fault_proxy;
pub mod http_get;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod receiver;
pub mod redis_server;
pub mod wait;
pub mod worker_process;
pub mod world;
