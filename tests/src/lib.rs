//! The harness of the end-to-end tests: everything in it is real (Redis, HTTP, processes), and everything ends with the test.
//!
//! - [`world`]: Redis, a receiver and workers together; most tests start here.
//! - [`redis_server`], [`receiver`], [`worker_process`]: the three alone.
//! - [`sentinel`]: servers that Sentinel watches over; [`cluster`]: a Redis Cluster.
//! - [`false_clock`]: a clock that steps; [`fault_proxy`]: a bad network between any two of them; [`proxy`]: an HTTP proxy; [`tls_front`]: TLS in front of a receiver.
//! - [`cases`]: the case files as types; [`event_examples`]: the examples of `docs/events.md`; [`fenced`]: the code that documents show.
//! - [`wait`]: bounded waiting for facts; [`process`], [`ports`], [`http_get`], [`http_call`], [`prometheus`]: what the others stand on.
//!
//! It knows the project only from outside, by its contract: no crate of ours is imported here.

#![allow(clippy::panic, reason = "a harness that can't go on ends its test, saying what it saw")]

pub mod cases;
pub mod cluster;
pub mod event_examples;
pub mod false_clock;
pub mod fault_proxy;
pub mod fenced;
pub mod http_call;
pub mod http_get;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod receiver;
pub mod redis_server;
pub mod sentinel;
pub mod tls_front;
pub mod trouble;
pub mod wait;
pub mod worker_process;
pub mod world;
