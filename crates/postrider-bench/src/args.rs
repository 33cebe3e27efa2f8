//! What was typed, and the plan that follows from it.

use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};
use serde::Serialize;

/// Measures Postrider beside a raw reqwest loop.
#[derive(Debug, Parser)]
#[command(name = "postrider-bench", version)]
pub(crate) struct Args {
    /// Deliveries of each run
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) jobs: Option<u64>,
    /// How often each load is run; medians are told
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) runs: Option<u32>,
    /// Fewer and shorter runs: done within 40 seconds, with rougher figures
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also write the tables to docs/benchmarks.md
    #[arg(long)]
    pub(crate) write: bool,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// The parts that run as processes of their own; the benchmark starts them itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// The receiver: prints its address and answers until it is killed
    #[command(hide = true)]
    Receiver,
    /// The raw reqwest loop: prints the CPU time that it used
    #[command(hide = true)]
    Floor(FloorArgs),
}

/// What the raw loop sends.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct FloorArgs {
    /// Where to
    #[arg(long)]
    pub(crate) url: String,
    /// How many
    #[arg(long)]
    pub(crate) jobs: u64,
    /// How many at a time
    #[arg(long)]
    pub(crate) concurrency: u32,
}

/// How much is measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// Deliveries of each run.
    pub(crate) jobs: u64,
    /// Runs of each load.
    pub(crate) runs: u32,
    /// Requests in flight, one load for each.
    pub(crate) concurrencies: Vec<u32>,
    /// How long single jobs are sent to an idle worker.
    pub(crate) latency_seconds: u64,
    /// Jobs that have to be retried once.
    pub(crate) retried_jobs: u64,
    /// Events that are fanned out.
    pub(crate) events: u64,
    /// How often a worker is killed.
    pub(crate) kills: u32,
    /// When the whole is given up.
    #[serde(skip)]
    pub(crate) limit: Duration,
}

impl Plan {
    /// The defaults end within four minutes on two cores, the quick ones within 40 seconds.
    pub(crate) fn of(args: &Args) -> Self {
        let (jobs, runs, latency_seconds, retried_jobs, kills) =
            if args.quick { (15_000, 1, 3, 200, 1) } else { (60_000, 5, 10, 500, 3) };
        let (jobs, runs) = (args.jobs.unwrap_or(jobs), args.runs.unwrap_or(runs));
        // Over ten times what it takes on two busy cores.
        let limit = Duration::from_secs(300) + Duration::from_millis(jobs * u64::from(runs) * 6);
        Self {
            jobs,
            runs,
            concurrencies: vec![64, 256],
            latency_seconds,
            retried_jobs,
            events: jobs / 4,
            kills,
            limit,
        }
    }
}
