//! How much is measured.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::args::Args;
use crate::contender::Contender;

/// One part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// Deliveries/s and their cost, all senders in turn
    Load,
    /// Enqueue to receiver
    Latency,
    /// 10 % of jobs to a receiver that hangs, all senders
    Hanging,
    /// kill -9, all senders
    Takeover,
    /// Lateness of retries
    Lateness,
    /// What events cost
    FanOut,
    /// What healthy destinations notice of hanging ones
    Isolation,
    /// Cost a job by length of the backlog
    Backlog,
    /// Many retries that are due at once
    Promotion,
    /// Several workers on one Redis
    Scaling,
    /// What each feature costs
    Features,
    /// How soon the API answers where much is kept
    Api,
}

/// The amounts, and which parts are run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// Deliveries of each run.
    pub(crate) jobs: u64,
    /// Likewise of the peers, of which some are slow.
    pub(crate) peer_jobs: u64,
    /// Rounds of everything that is repeated.
    pub(crate) runs: u32,
    /// Requests in flight, one load for each; peers meet the first.
    pub(crate) concurrencies: Vec<u32>,
    /// How long single jobs are sent to an idle worker.
    pub(crate) latency_seconds: u64,
    /// How long a sender is watched that may never end.
    pub(crate) hanging_seconds: u64,
    /// Jobs that have to be retried once.
    pub(crate) retried_jobs: u64,
    /// Events that are fanned out.
    pub(crate) events: u64,
    /// How often Postrider's worker is killed.
    pub(crate) kills: u32,
    /// How often a peer's is: it takes a minute each time.
    pub(crate) peer_kills: u32,
    /// Jobs for healthy destinations beside hanging ones.
    pub(crate) healthy_jobs: u64,
    /// How long healthy destinations' latency is watched.
    pub(crate) isolation_seconds: u64,
    /// Jobs that wait in the stream.
    pub(crate) backlogs: Vec<u64>,
    /// Jobs that are due at once.
    pub(crate) waiting_jobs: u64,
    /// Jobs that wait, and as many dead letters, while the API is asked.
    pub(crate) kept: u64,
    /// Workers on one Redis.
    pub(crate) workers: Vec<u32>,
    /// Parts that are left out.
    pub(crate) without: Vec<Part>,
    /// When the whole is given up.
    #[serde(skip)]
    pub(crate) limit: Duration,
}

/// Longest run with the defaults: over twice what it takes on two idle cores.
const LIMIT: Duration = Duration::from_secs(3600);

impl Plan {
    /// The defaults end within 40 minutes on two cores, the quick ones within two.
    pub(crate) fn of(args: &Args) -> Self {
        let mut plan = if args.quick { Self::quick() } else { Self::full() };
        plan.jobs = args.jobs.unwrap_or(plan.jobs);
        plan.runs = args.runs.unwrap_or(plan.runs);
        plan.limit += Duration::from_millis(plan.jobs * u64::from(plan.runs) * 6);
        if !args.only.is_empty() {
            let all = Part::value_variants().iter().copied();
            plan.without = all.filter(|part| !args.only.contains(part)).collect();
        }
        plan
    }

    fn full() -> Self {
        Self {
            jobs: 60_000,
            peer_jobs: 20_000,
            runs: 5,
            concurrencies: vec![64, 256],
            latency_seconds: 10,
            hanging_seconds: 25,
            retried_jobs: 500,
            events: 15_000,
            kills: 3,
            peer_kills: 1,
            healthy_jobs: 300_000,
            isolation_seconds: 15,
            backlogs: vec![1_000, 10_000, 100_000, 1_000_000],
            waiting_jobs: 1_000_000,
            kept: 1_000_000,
            workers: vec![1, 2, 4],
            without: Vec::new(),
            limit: LIMIT,
        }
    }

    fn quick() -> Self {
        Self {
            jobs: 15_000,
            peer_jobs: 3_000,
            runs: 1,
            concurrencies: vec![64],
            latency_seconds: 2,
            hanging_seconds: 4,
            retried_jobs: 200,
            events: 4_000,
            kills: 1,
            peer_kills: 0,
            healthy_jobs: 30_000,
            isolation_seconds: 3,
            backlogs: vec![1_000, 100_000],
            waiting_jobs: 20_000,
            kept: 20_000,
            workers: vec![1, 2],
            ..Self::full()
        }
    }

    /// Deliveries of one run of this sender.
    pub(crate) fn jobs_of(&self, contender: Contender) -> u64 {
        let jobs = if contender.kind().is_some() { self.peer_jobs } else { self.jobs };
        jobs.min(contender.most_jobs())
    }

    /// Whether this part is run.
    pub(crate) fn has(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn plan(words: &[&str]) -> Plan {
        let words = std::iter::once(&"postrider-bench").chain(words);
        Plan::of(&Args::try_parse_from(words).unwrap())
    }

    #[test]
    fn what_was_typed_beats_the_plan() {
        let plan = plan(&["--quick", "--jobs", "2000", "--runs", "2"]);
        assert_eq!((plan.jobs, plan.runs, plan.peer_jobs), (2_000, 2, 3_000));
    }

    #[test]
    fn only_some_parts_leaves_out_the_others() {
        let plan = plan(&["--only", "load,fan-out"]);
        assert!(plan.has(Part::Load) && plan.has(Part::FanOut) && !plan.has(Part::Backlog));
    }

    #[test]
    fn by_default_every_part_is_run() {
        assert!(Part::value_variants().iter().all(|part| plan(&[]).has(*part)));
    }
}
