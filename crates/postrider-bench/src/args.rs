//! What was typed.

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::plan::Part;

/// Measures Postrider beside a raw reqwest loop and other queues on Redis.
#[derive(Debug, Parser)]
#[command(name = "postrider-bench", version)]
pub(crate) struct Args {
    /// Deliveries of each run
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) jobs: Option<u64>,
    /// How often each load is run; medians are told
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) runs: Option<u32>,
    /// Fewer and shorter runs: done within two minutes, with rougher figures
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',', conflicts_with = "write")]
    pub(crate) only: Vec<Part>,
    /// Without the other queues, which need node and the package registries
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Also write docs/benchmarks.md and docs/benchmarks.svg
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
