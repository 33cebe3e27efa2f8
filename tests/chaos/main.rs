//! `make chaos`: real workers under load while their processes, Redis, the network and the receivers are harmed on
//! purpose; afterwards every job that was accepted must have come to its end.
//!
//! - [`args`], [`campaign`], [`phase`]: what is run. [`scene`]: the processes and the proxies between them.
//! - [`load`] adds jobs of every [`job::Class`]; [`receiver`] answers as the class says; [`ledger`] keeps both sides' notes.
//! - [`fault`] names the kinds of harm; [`storm`] chooses by the seed and does them.
//! - [`watch`] looks on while it runs; [`quiet`] waits for the end, [`records`] reads what Redis has kept; [`check`] (pure) compares the [`history`] with what is promised.
//! - [`report`] tells.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod args;
mod campaign;
mod check;
mod clock;
mod fault;
mod history;
mod job;
mod ledger;
mod load;
mod phase;
mod quiet;
mod receiver;
mod records;
mod report;
mod scene;
mod storm;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match campaign::run(&args::Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}
