//! The parts of a run in turn, each filling in its figures.

use std::fmt::Display;
use std::time::Duration;

use clap::ValueEnum;

use crate::contender::Contender;
use crate::entrant::Entrant;
use crate::figures::Figures;
use crate::measure::{
    api, backlog, fan_out, features, hanging, isolation, latency, lateness, load, promotion, scaling,
    takeover,
};
use crate::peers::Programs;
use crate::plan::{Part, Plan};
use crate::{report, table};

/// Rounds of what is repeated beside the loads: enough for a median.
const MAX_ROUNDS: u32 = 3;

/// What is run with what.
pub(crate) struct Parts<'a> {
    programs: &'a Programs,
    plan: &'a Plan,
    rivals: Vec<Contender>,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(programs: &'a Programs, plan: &'a Plan) -> Self {
        Self { programs, plan, rivals: programs.rivals() }
    }

    /// Runs all of the plan's. What has been measured is kept after each, so that one that fails doesn't take half an hour's
    /// figures along.
    pub(crate) async fn run(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for part in Part::value_variants() {
            self.run_one(*part, figures).await?;
            report::keep(figures)?;
        }
        Ok(())
    }

    async fn run_one(&self, part: Part, figures: &mut Figures) -> anyhow::Result<()> {
        match part {
            Part::Load => self.loads(figures).await,
            Part::Latency => self.latency(figures).await,
            Part::Hanging => self.hanging(figures).await,
            Part::Takeover => self.takeover(figures).await,
            Part::Lateness => self.lateness(figures).await,
            Part::FanOut => self.fan_out(figures).await,
            Part::Isolation => self.isolation(figures).await,
            Part::Backlog => self.backlog(figures).await,
            Part::Promotion => self.promotion(figures).await,
            Part::Scaling => self.scaling(figures).await,
            Part::Features => self.features(figures).await,
            Part::Api => self.api(figures).await,
        }
    }

    /// Whether a part is run; says so.
    fn begins(&self, part: Part, what: impl Display) -> bool {
        let runs = self.plan.has(part);
        if runs {
            println!("{what}");
        }
        runs
    }

    fn entrant(&self, contender: Contender) -> Entrant<'_> {
        Entrant { contender, programs: self.programs }
    }

    /// Postrider and its rivals.
    fn queues(&self) -> impl Iterator<Item = Entrant<'_>> {
        let all = std::iter::once(Contender::Postrider).chain(self.rivals.iter().copied());
        all.map(|contender| self.entrant(contender))
    }

    fn rounds(&self) -> u32 {
        self.plan.runs.min(MAX_ROUNDS)
    }

    async fn loads(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for round in 1..=self.plan.runs {
            let (jobs, peer_jobs) = (self.plan.jobs, self.plan.peer_jobs);
            let what =
                format!("round {round} of {}: {jobs} deliveries, {peer_jobs} of peers", self.plan.runs);
            if self.begins(Part::Load, what) {
                let mut runs = Vec::new();
                self.round(&mut runs).await?;
                figures.rounds.push(runs);
            }
        }
        Ok(())
    }

    /// The floor comes first: a ratio is of two runs that follow each other closely.
    async fn round(&self, runs: &mut Vec<load::Run>) -> anyhow::Result<()> {
        for (place, &concurrency) in self.plan.concurrencies.iter().enumerate() {
            told(runs, load::floor(concurrency, self.plan.jobs).await?);
            for contender in [Contender::Postrider, Contender::PostriderWithoutRecords] {
                told(runs, load::run(self.entrant(contender), concurrency, self.plan.jobs).await?);
            }
            let rivals = if place == 0 { self.rivals.as_slice() } else { &[] };
            for &rival in rivals {
                let run = load::run(self.entrant(rival), concurrency, self.plan.jobs_of(rival)).await;
                if let Some(run) = unless_a_rival_failed(rival, run)? {
                    told(runs, run);
                }
            }
        }
        Ok(())
    }

    async fn latency(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for entrant in (1..=self.rounds()).flat_map(|_| self.queues()) {
            let what = format!("enqueue to receiver: {}", entrant.contender.name());
            if self.begins(Part::Latency, what) {
                let found = latency::run(entrant, self.plan.latency_seconds).await;
                figures.latencies.extend(unless_a_rival_failed(entrant.contender, found)?);
            }
        }
        Ok(())
    }

    async fn hanging(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for entrant in self.queues() {
            let what = format!("10 % of jobs to a receiver that hangs: {}", entrant.contender.name());
            if self.begins(Part::Hanging, what) {
                let jobs = self.plan.jobs_of(entrant.contender);
                let watch = Duration::from_secs(self.plan.hanging_seconds);
                let found = hanging::run(entrant, jobs, watch).await;
                figures.hanging.extend(unless_a_rival_failed(entrant.contender, found)?);
            }
        }
        Ok(())
    }

    async fn takeover(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for entrant in self.queues() {
            let ours = entrant.contender == Contender::Postrider;
            for kill in 1..=if ours { self.plan.kills } else { self.plan.peer_kills } {
                // What sends doesn't matter for who takes over.
                let again = entrant.contender == Contender::BullMqWithAgent;
                let what = format!("kill -9, {kill}: {}", entrant.contender.name());
                if !again && self.begins(Part::Takeover, what) {
                    let found = takeover::run(entrant).await;
                    figures.takeovers.extend(unless_a_rival_failed(entrant.contender, found)?);
                }
            }
        }
        Ok(())
    }

    async fn lateness(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let jobs = self.plan.retried_jobs;
        if self.begins(Part::Lateness, format!("lateness of {jobs} retries")) {
            figures.lateness = Some(lateness::run(&self.programs.postrider, jobs).await?);
        }
        Ok(())
    }

    async fn fan_out(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for hooks in [0, 1, 3] {
            let events = self.plan.events;
            if self.begins(Part::FanOut, format!("{events} events for {hooks} hooks each")) {
                figures.fan_outs.push(fan_out::run(&self.programs.postrider, hooks, events).await?);
            }
        }
        Ok(())
    }

    async fn isolation(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for mix in (1..=self.rounds()).flat_map(|_| isolation::MIXES) {
            let isolation::Mix { hanging, destinations, concurrency } = mix;
            let what = format!("{hanging} of {destinations} destinations hang, {concurrency} in flight");
            if self.begins(Part::Isolation, what) {
                let (jobs, seconds) = (self.plan.healthy_jobs, self.plan.isolation_seconds);
                figures.isolations.push(isolation::run(&self.programs.postrider, mix, jobs, seconds).await?);
            }
        }
        Ok(())
    }

    async fn backlog(&self, figures: &mut Figures) -> anyhow::Result<()> {
        if !self.begins(Part::Backlog, "what adding a job costs Redis") {
            return Ok(());
        }
        let adding_us = backlog::cost_of_adding().await?;
        for &jobs in (1..=self.rounds()).flat_map(|_| &self.plan.backlogs) {
            println!("a backlog of {jobs} jobs");
            let found = backlog::run(&self.programs.postrider, jobs, self.plan.jobs, adding_us);
            figures.backlogs.push(found.await?);
        }
        Ok(())
    }

    async fn promotion(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let jobs = self.plan.waiting_jobs;
        if self.begins(Part::Promotion, format!("{jobs} waiting jobs fall due")) {
            figures.promotion = Some(promotion::run(&self.programs.postrider, jobs).await?);
        }
        Ok(())
    }

    async fn scaling(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for &workers in (1..=self.rounds()).flat_map(|_| &self.plan.workers) {
            if self.begins(Part::Scaling, format!("{workers} workers on one Redis")) {
                figures.scalings.push(scaling::run(&self.programs.postrider, workers, self.plan.jobs).await?);
            }
        }
        Ok(())
    }

    async fn features(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for variant in (1..=self.rounds()).flat_map(|_| features::VARIANTS) {
            if self.begins(Part::Features, format!("one feature: {}", variant.name)) {
                figures
                    .features
                    .push(features::run(&self.programs.postrider, variant, self.plan.jobs).await?);
            }
        }
        Ok(())
    }

    async fn api(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let kept = self.plan.kept;
        if self.begins(Part::Api, format!("the API with {kept} waiting jobs and as many dead letters")) {
            figures.api = api::run(&self.programs.postrider, kept).await?;
        }
        Ok(())
    }
}

fn told(runs: &mut Vec<load::Run>, run: load::Run) {
    println!("  {}", table::line(&run));
    runs.push(run);
}

/// A rival that fails is left out, and said so; a failure of Postrider or of the floor ends the run.
fn unless_a_rival_failed<T>(contender: Contender, found: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match found {
        Err(error) if contender.kind().is_some() => {
            println!("left out: {}: {error:#}", contender.name());
            Ok(None)
        }
        found => found.map(Some),
    }
}
