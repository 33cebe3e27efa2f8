//! `make bench`: Postrider's worker beside a raw reqwest loop and other queues on the same machine in the same run.
//!
//! Everything runs as processes of their own on loopback: a private Redis, a lean receiver, and in turn the raw loop,
//! the real release `postrider` and its peers (`bench/peers`). Owns what is measured and how it is told; never changes what it measures.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod args;
mod bench;
mod clock;
mod contender;
mod entrant;
mod figures;
mod floor;
mod job;
mod machine;
mod markdown;
mod measure;
mod parts;
mod peers;
mod plan;
mod plot;
mod probe;
mod receiver;
mod report;
mod scene;
mod stats;
mod subject;
mod table;
mod targets;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Role};

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.role {
        Some(Role::Receiver) => receiver::run(),
        Some(Role::Floor(load)) => floor::run(load),
        None => bench::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postrider-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
