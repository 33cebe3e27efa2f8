//! Webhook deliveries through other Rust queues on Redis, each set up as its documentation shows: rivals of the benchmark.
//!
//! One thread each, as the raw loop and Postrider's worker have, and the same reqwest with the same headers and body.

#![allow(clippy::print_stdout, reason = "the benchmark waits for its lines")]

mod add;
mod apalis_redis;
mod args;
mod job;
mod omni;
mod sender;

use clap::Parser;

use crate::args::{AddArgs, Args, Kind, Role, WorkArgs};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match args.role {
        Role::Add(args) => runtime.block_on(add(&args)),
        Role::Work(args) => runtime.block_on(work(&args)),
    }
}

async fn add(args: &AddArgs) -> anyhow::Result<()> {
    match args.queue.kind {
        Kind::Omniqueue => add::all(&mut omni::Adder::connect(&args.queue.redis).await?, args).await,
        Kind::Apalis => add::all(&mut apalis_redis::Adder::connect(&args.queue.redis).await?, args).await,
    }
}

async fn work(args: &WorkArgs) -> anyhow::Result<()> {
    match args.queue.kind {
        Kind::Omniqueue => omni::work(args).await,
        Kind::Apalis => apalis_redis::work(args).await,
    }
}
