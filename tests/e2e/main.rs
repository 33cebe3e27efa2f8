//! End to end: real workers, real Redis, real HTTP. Every test has a world of its own, which ends with it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that can't go on ends, saying what it saw")]

mod answers;
mod api;
mod api_auth;
mod api_misskey;
mod attempt_log;
mod canaries;
mod capacity;
mod console;
mod crashes;
mod dead_letters;
mod destinations;
mod drain;
mod enqueue_once;
mod events;
mod exporter;
mod hostile;
mod limits;
mod log_floods;
mod misskey;
mod notices;
mod operating;
mod paused_destinations;
mod pausing;
mod producers_cases;
mod producers_scenarios;
mod proxy;
mod queues;
mod redis_fault_cases;
mod redis_faults;
mod retries;
mod topologies;
mod traces;
mod trust;
mod upgrade;
