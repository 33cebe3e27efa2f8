//! What was typed.

use std::time::Duration;

use clap::Parser;

use crate::fault::Kind;

/// Harms Postrider's workers, Redis and the network under load, and checks that every accepted job came to its end.
#[derive(Debug, Parser)]
#[command(name = "torture", version)]
pub(crate) struct Args {
    /// What the dice begin with; the same seed chooses the same faults in the same order
    #[arg(long)]
    seed: Option<u64>,
    /// How long, all phases together
    #[arg(long, default_value = "10", value_parser = minutes)]
    pub(crate) minutes: Duration,
    /// Only these kinds of faults, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    pub(crate) faults: Vec<Kind>,
    /// Jobs of all phases together [default: 12000 for each minute]
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=50_000_000))]
    jobs: Option<u32>,
    /// Only the phase of this number
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) phase: Option<u8>,
    /// No faults: a steady load, and memory that must not grow
    #[arg(long)]
    pub(crate) soak: bool,
}

/// Jobs that are added in a minute where nothing else is asked for: well within what two busy cores can do.
const JOBS_A_MINUTE: f64 = 12_000.0;

impl Args {
    /// The seed that was given, or a new one.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000_000))
    }

    /// Jobs of all phases together.
    pub(crate) fn jobs(&self) -> usize {
        let usual = self.minutes.as_secs_f64() / 60.0 * JOBS_A_MINUTE;
        self.jobs.map_or(usual as usize, |jobs| jobs as usize)
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.2..=1440.0).contains(&minutes) => Ok(Duration::from_secs_f64(minutes * 60.0)),
        _ => Err("a number of minutes from 0.2 to 1440".to_owned()),
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    Kind::of_name(name).ok_or_else(|| format!("one of {}", names()))
}
