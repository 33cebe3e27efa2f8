//! All figures of a run, and the questions that tables and targets ask of them.

use serde::Serialize;

use crate::contender::Contender;
use crate::machine::Machine;
use crate::measure::api::Asked;
use crate::measure::backlog::Backlog;
use crate::measure::fan_out::FanOut;
use crate::measure::features::Feature;
use crate::measure::hanging::Hanging;
use crate::measure::isolation::{Isolation, Mix};
use crate::measure::latency::Latency;
use crate::measure::load::Run;
use crate::measure::promotion::Promotion;
use crate::measure::scaling::Scaling;
use crate::measure::takeover::TakeOver;
use crate::plan::Plan;
use crate::stats::{Quantiles, Spread};

/// Everything that was measured; what was left out is empty.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// When it began, RFC 3339.
    pub(crate) at: String,
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    /// Each round runs every load once.
    pub(crate) rounds: Vec<Vec<Run>>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) hanging: Vec<Hanging>,
    pub(crate) takeovers: Vec<TakeOver>,
    /// Second request after its due time, µs.
    pub(crate) lateness: Option<Quantiles>,
    pub(crate) fan_outs: Vec<FanOut>,
    pub(crate) isolations: Vec<Isolation>,
    pub(crate) backlogs: Vec<Backlog>,
    pub(crate) promotion: Option<Promotion>,
    pub(crate) scalings: Vec<Scaling>,
    pub(crate) features: Vec<Feature>,
    pub(crate) api: Vec<Asked>,
}

impl Figures {
    /// Of nothing yet.
    pub(crate) fn new(at: String, machine: Machine, plan: Plan) -> Self {
        Self {
            at,
            machine,
            plan,
            rounds: Vec::new(),
            latencies: Vec::new(),
            hanging: Vec::new(),
            takeovers: Vec::new(),
            lateness: None,
            fan_outs: Vec::new(),
            isolations: Vec::new(),
            backlogs: Vec::new(),
            promotion: None,
            scalings: Vec::new(),
            features: Vec::new(),
            api: Vec::new(),
        }
    }

    /// Senders and loads, in the order in which they ran.
    pub(crate) fn loads(&self) -> Vec<(Contender, u32)> {
        let mut loads = Vec::new();
        for run in self.rounds.iter().flatten() {
            if !loads.contains(&(run.contender, run.concurrency)) {
                loads.push((run.contender, run.concurrency));
            }
        }
        loads
    }

    /// All rounds of one load, each as `figure` sees it.
    pub(crate) fn spread(
        &self,
        contender: Contender,
        concurrency: u32,
        figure: impl Fn(&Run) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| figure(find(round, contender, concurrency)?)))
    }

    /// A figure of one sender beside that of another in the same round, at the same load.
    pub(crate) fn ratio(
        &self,
        (one, other): (Contender, Contender),
        concurrency: u32,
        figure: impl Fn(&Run) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| {
            let other = figure(find(round, other, concurrency)?);
            Some(figure(find(round, one, concurrency)?) / other)
        }))
    }

    /// All rounds of one mix.
    pub(crate) fn isolation(&self, mix: Mix, figure: impl Fn(&Isolation) -> f64) -> Option<Spread> {
        Spread::of(self.isolations.iter().filter(|round| round.mix == mix).map(figure))
    }

    /// All rounds with one backlog.
    pub(crate) fn backlog(&self, jobs: u64, figure: impl Fn(&Backlog) -> f64) -> Option<Spread> {
        Spread::of(self.backlogs.iter().filter(|round| round.jobs == jobs).map(figure))
    }

    /// Quantiles of one sender's latency, as `figure` sees them, in ms.
    pub(crate) fn latency(&self, contender: Contender, figure: impl Fn(Quantiles) -> i64) -> Option<Spread> {
        let rounds = self.latencies.iter().filter(|latency| latency.contender == contender);
        Spread::of(rounds.map(|latency| figure(latency.us) as f64 / 1e3))
    }
}

fn find(round: &[Run], contender: Contender, concurrency: u32) -> Option<&Run> {
    round.iter().find(|run| run.contender == contender && run.concurrency == concurrency)
}
