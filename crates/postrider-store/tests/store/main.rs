//! The store against real Redis servers, one a test: every change of state, by its owner and by others, once and twice.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod bench_of_one;
mod doctor;
mod figures;
mod holding;
mod leasing;
mod loss;
mod memory;
mod notices;
mod operating;
mod registry;
mod settling;
mod waiting;
