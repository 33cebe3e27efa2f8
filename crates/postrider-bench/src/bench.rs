//! The run as a whole: every measurement in turn, then what they say.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Plan};
use crate::machine::Machine;
use crate::measure::load::{Run, Subject};
use crate::measure::{fan_out, latency, lateness, load, takeover};
use crate::report::{Figures, now};
use crate::{report, subject, table};

/// All senders of one round, the floor first: a ratio is of two runs that follow each other closely.
const SUBJECTS: [Subject; 3] = [Subject::Floor, Subject::Worker, Subject::WorkerWithoutRecords];

/// Measures, prints, writes; an error where a figure breaks what Postrider promises.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan::of(args);
    let program = subject::build()?;
    // Refused only where one is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let figures = runtime.block_on(unless_stopped(&plan, measure(&program, &plan)))?;
    println!("\n{}", table::of(&figures));
    println!("raw figures: {}", report::keep(&figures)?.display());
    if args.write {
        println!("written: {}", report::write_page(&figures)?.display());
    }
    keeps_its_promises(&figures)
}

/// Dropping the measurement ends all its processes; a signal's default would leave them behind.
async fn unless_stopped(
    plan: &Plan,
    measured: impl Future<Output = anyhow::Result<Figures>>,
) -> anyhow::Result<Figures> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        figures = tokio::time::timeout(plan.limit, measured) => figures.context("it took too long")?,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

async fn measure(program: &Path, plan: &Plan) -> anyhow::Result<Figures> {
    let (machine, at) = (Machine::look(), now());
    let rounds = rounds(program, plan).await?;
    println!("enqueue to receiver, {} s …", plan.latency_seconds);
    let latency = latency::run(program, plan.latency_seconds).await?;
    println!("lateness of {} retries …", plan.retried_jobs);
    let lateness = lateness::run(program, plan.retried_jobs).await?;
    let mut fan_outs = Vec::new();
    for hooks in [0, 1, 3] {
        println!("{} events for {hooks} hooks each …", plan.events);
        fan_outs.push(fan_out::run(program, hooks, plan.events).await?);
    }
    let mut takeovers = Vec::new();
    for kill in 1..=plan.kills {
        println!("kill -9, {kill} of {} …", plan.kills);
        takeovers.push(takeover::run(program).await?);
    }
    Ok(Figures { at, machine, plan: plan.clone(), rounds, latency, lateness, fan_outs, takeovers })
}

async fn rounds(program: &Path, plan: &Plan) -> anyhow::Result<Vec<Vec<Run>>> {
    let mut rounds = Vec::new();
    for round in 1..=plan.runs {
        println!("round {round} of {}, {} deliveries a run", plan.runs, plan.jobs);
        rounds.push(one_round(program, plan).await?);
    }
    Ok(rounds)
}

async fn one_round(program: &Path, plan: &Plan) -> anyhow::Result<Vec<Run>> {
    let mut runs = Vec::new();
    for &concurrency in &plan.concurrencies {
        for subject in SUBJECTS {
            let run = load::run(program, subject, concurrency, plan.jobs).await?;
            println!("  {}", table::line(&run));
            runs.push(run);
        }
    }
    Ok(runs)
}

fn keeps_its_promises(figures: &Figures) -> anyhow::Result<()> {
    let lost: u64 = figures.takeovers.iter().map(|takeover| takeover.lost).sum();
    ensure!(lost == 0, "{lost} jobs of killed workers were lost");
    ensure!(figures.lateness.min >= 0, "a retry was {} µs early", -figures.lateness.min);
    Ok(())
}
