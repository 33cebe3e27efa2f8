//! The command line, which `bullmq.mjs` has likewise.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Delivers the benchmark's webhooks through another queue.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) role: Role,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Adds jobs, then ends
    Add(AddArgs),
    /// Prints `ready`, then delivers until it is killed
    Work(WorkArgs),
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct QueueArgs {
    /// Through which library
    #[arg(long)]
    pub(crate) kind: Kind,
    /// Redis' URL
    #[arg(long)]
    pub(crate) redis: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Omniqueue,
    Apalis,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
    /// A file with the job's JSON, which lacks `to`
    #[arg(long)]
    pub(crate) job: PathBuf,
    /// How many
    #[arg(long)]
    pub(crate) jobs: u64,
    /// At an even rate, one by one; else in bulk
    #[arg(long)]
    pub(crate) per_second: Option<u32>,
    /// Where to, in turn where there are several; `{now}` becomes the time in epoch µs, `{number}` the job's number
    #[arg(long, required = true)]
    pub(crate) to: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
    /// The worker's name
    #[arg(long)]
    pub(crate) name: String,
    /// Requests in flight
    #[arg(long)]
    pub(crate) concurrency: usize,
    /// For one attempt
    #[arg(long)]
    pub(crate) timeout_ms: u64,
}
