//! The engine of one worker process for one queue: fetch, deliver or fan out, settle, promote, reclaim, drain.
//!
//! - [`slots`]: what the engines of one process share, a queue each. [`run`]: the life of a worker from its first heartbeat to its leave-taking.
//! - `intake`: the one task that leases entries; [`dispatcher`]: who may start now (pure); `deliver`: one job's attempt
//!   as a story, `fan_out`: one event's; `settle`: outcomes to Redis, in batches.
//! - `owners`: what owners of hooks are told. `maintain`: promote what is due, find lost workers, count jobs. `heart`: heartbeats, on a thread of their own.
//! - `proxy_trouble`: how long jobs wait for a proxy that doesn't work.
//! - [`health`]: what the probes say; `event`: facts, told as log lines and metrics; [`traces`]: what a trace tells of a job.

pub mod config;
mod deliver;
mod destination;
pub mod dispatcher;
mod engine;
mod event;
mod fan_out;
pub mod health;
mod heart;
mod hook_cache;
mod intake;
mod maintain;
mod outbox;
mod owners;
mod pace;
mod proxy_trouble;
mod pulse;
mod redact;
pub mod run;
mod settle;
pub mod slots;
pub mod traces;
