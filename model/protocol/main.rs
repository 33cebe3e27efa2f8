//! A model of how jobs move between Redis and the workers, and a checker that takes every order of its steps.
//! See `README.md` beside this folder.
#![allow(clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what was looked at is shown by --nocapture")]

mod action;
mod calls;
mod faults;
mod guard;
mod holds;
mod model;
mod mutations;
mod possible;
mod progress;
mod properties;
mod redis;
mod scenario;
mod scripts;
mod settle;
mod state;
mod step;
mod witnesses;
mod worker;
