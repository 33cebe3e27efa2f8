//! `postrider hooks` as it is typed: what is in Redis afterwards, what is told, and with which exit code it ends.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod listing;
mod registry;
mod secrets;
mod shell;
mod trial;
