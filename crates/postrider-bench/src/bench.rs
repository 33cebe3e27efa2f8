//! The run as a whole: every measurement in turn, then what they say.

use anyhow::{Context, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Args;
use crate::contender::Contender;
use crate::figures::Figures;
use crate::machine::Machine;
use crate::parts::Parts;
use crate::peers::Programs;
use crate::plan::Plan;
use crate::report::now;
use crate::{report, table};

/// Measures, prints, writes; an error where a figure breaks what Postrider promises.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan::of(args);
    let programs = Programs::build(!args.no_peers)?;
    // Refused only where one is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let figures = runtime.block_on(unless_stopped(&plan, measure(&programs, &plan)))?;
    println!("\n{}", table::of(&figures));
    println!("raw figures: {}", report::keep(&figures)?.display());
    if args.write {
        for path in report::write_page(&figures)? {
            println!("written: {}", path.display());
        }
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

async fn measure(programs: &Programs, plan: &Plan) -> anyhow::Result<Figures> {
    let mut figures = Figures::new(now(), Machine::look(), plan.clone());
    Parts::new(programs, plan).run(&mut figures).await?;
    Ok(figures)
}

/// No job lost, no retry early. That a target isn't met is no failure: it depends on the machine, and the table says so.
fn keeps_its_promises(figures: &Figures) -> anyhow::Result<()> {
    let ours = figures.takeovers.iter().filter(|takeover| takeover.contender == Contender::Postrider);
    let missing: u64 = ours.map(|takeover| takeover.missing).sum();
    ensure!(missing == 0, "{missing} jobs of killed workers were lost");
    let earliest = figures.lateness.map_or(0, |lateness| lateness.min);
    ensure!(earliest >= 0, "a retry was {} µs early", -earliest);
    Ok(())
}
