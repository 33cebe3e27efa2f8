//! All figures of a run, and where they are kept.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use postrider_core::time::Timestamp;
use serde::Serialize;

use crate::args::Plan;
use crate::machine::Machine;
use crate::measure::fan_out::FanOut;
use crate::measure::load::{Run, Subject};
use crate::measure::takeover::TakeOver;
use crate::stats::{Quantiles, Spread};
use crate::{subject, table};

/// What stands above the tables of `docs/benchmarks.md`.
const PAGE_HEAD: &str = include_str!("page_head.md");

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// When it began, RFC 3339.
    pub(crate) at: String,
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    /// Each round runs every load once.
    pub(crate) rounds: Vec<Vec<Run>>,
    /// Enqueue to receiver, µs.
    pub(crate) latency: Quantiles,
    /// Second request after its due time, µs.
    pub(crate) lateness: Quantiles,
    /// What an event costs.
    pub(crate) fan_outs: Vec<FanOut>,
    pub(crate) takeovers: Vec<TakeOver>,
}

impl Figures {
    /// All rounds of one load, each as `figure` sees it.
    pub(crate) fn spread(
        &self,
        subject: Subject,
        concurrency: u32,
        figure: impl Fn(&Run) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| figure(find(round, subject, concurrency)?)))
    }

    /// A sender's CPU time beside the floor's of the same round.
    pub(crate) fn ratio(&self, subject: Subject, concurrency: u32) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| {
            let floor = find(round, Subject::Floor, concurrency)?;
            Some(find(round, subject, concurrency)?.cpu_us / floor.cpu_us)
        }))
    }
}

fn find(round: &[Run], subject: Subject, concurrency: u32) -> Option<&Run> {
    round.iter().find(|run| run.subject == subject && run.concurrency == concurrency)
}

/// The time of day, RFC 3339.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).to_rfc3339()
}

/// Writes the raw figures to `target/bench/<time>.json`.
pub(crate) fn keep(figures: &Figures) -> anyhow::Result<PathBuf> {
    let folder = subject::figures_folder()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let path = folder.join(format!("{}.json", figures.at.replace(':', "")));
    write(path, &serde_json::to_string_pretty(figures)?)
}

/// Writes `docs/benchmarks.md`.
pub(crate) fn write_page(figures: &Figures) -> anyhow::Result<PathBuf> {
    let path = subject::workspace().join("docs/benchmarks.md");
    write(path, &format!("{PAGE_HEAD}\n{}", table::of(figures)))
}

fn write(path: PathBuf, text: &str) -> anyhow::Result<PathBuf> {
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}
