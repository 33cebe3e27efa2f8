//! All phases, one after the other, and what they come to.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use postrider_tests::worker_process::program;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::fault::{Kind, Topology};
use crate::phase::{self, Outcome, Plan};
use crate::report;
use crate::scene::clocks::Clocks;

/// The phases, and their share of the time.
const PHASES: [(Topology, f64); 3] =
    [(Topology::Always, 0.35), (Topology::EverySecond, 0.35), (Topology::Sentinel, 0.3)];

/// Beyond its own time, a phase may take so long: its start, its quiet, its checks.
const MAX_OVERTIME: Duration = Duration::from_secs(300);

/// Runs what was asked for; whether everything promised was kept.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    if !program().exists() {
        bail!("{} is missing: `cargo build --release -p postrider` makes it", program().display());
    }
    let seed = args.seed();
    let plans = plans_of(args, seed)?;
    println!("seed {seed}; once more: {}", report::command(args, seed));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcomes = runtime.block_on(unless_stopped(all(plans)))?;
    report::tell(args, seed, &outcomes)
}

fn plans_of(args: &Args, seed: u64) -> anyhow::Result<Vec<Plan>> {
    let missing = missing()?;
    for (what, kind) in &missing {
        println!("{what}: no {}", kind.name());
    }
    let phases: Vec<_> = match args.phase {
        Some(number) => vec![(PHASES[usize::from(number) - 1].0, 1.0)],
        None if args.soak => vec![(Topology::EverySecond, 1.0)],
        None => PHASES.to_vec(),
    };
    let plan = |(place, (topology, share)): (u64, (Topology, f64))| Plan {
        topology,
        lasts: args.minutes.mul_f64(share),
        jobs: (args.jobs() as f64 * share) as usize,
        kinds: kinds_for(args, topology, &missing),
        seed: seed.wrapping_add(place << 32),
    };
    Ok((0..).zip(phases).map(plan).collect())
}

/// What this machine can't do, and why.
fn missing() -> anyhow::Result<Vec<(&'static str, Kind)>> {
    let mut missing = Vec::new();
    if Clocks::build()?.is_none() {
        let why = "a library that steps clocks can't be built";
        missing.extend([(why, Kind::WorkerClock), (why, Kind::RedisClock)]);
    }
    if Command::new("prlimit").arg("--version").output().is_err() {
        missing.push(("prlimit (of util-linux) is missing", Kind::DiskFull));
    }
    Ok(missing)
}

fn kinds_for(args: &Args, topology: Topology, missing: &[(&str, Kind)]) -> Vec<Kind> {
    let is_wanted = |kind: &Kind| !args.soak && (args.faults.is_empty() || args.faults.contains(kind));
    let is_possible = |kind: &Kind| kind.fits(topology) && missing.iter().all(|(_, other)| kind != other);
    Kind::ALL.iter().copied().filter(is_wanted).filter(is_possible).collect()
}

async fn all(plans: Vec<Plan>) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for plan in plans {
        let (name, limit) = (plan.topology.name(), plan.lasts + MAX_OVERTIME);
        // A task of its own: where the harness can't go on, it panics, saying why.
        let phase = tokio::spawn(tokio::time::timeout(limit, phase::run(plan)));
        let ended = phase.await.with_context(|| format!("the phase of {name} could not go on"))?;
        outcomes.push(ended.with_context(|| format!("the phase of {name} took too long"))??);
    }
    Ok(outcomes)
}

/// Dropping the campaign ends all its processes; a signal's default would leave them behind.
async fn unless_stopped<T>(campaign: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = campaign => ended,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}
