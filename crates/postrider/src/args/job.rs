//! What is typed for `postrider job` and `postrider tail`.

use super::SettingFlags;
use super::selection::{ByReceiver, ByTime, OneQueue};

/// The sections of the settings that they use.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "retry", "log"];

const JOB_EXAMPLES: &str = "\
Examples:
  postrider job 1764324000123-0
  postrider job order-4711 --queue postrider:deliveries --json
  postrider job order-4711 --content

Exit codes: 0 done; 1 failed, such as for a job that isn't found; 2 wrong usage or configuration; 3 Redis can't be reached.";

const TAIL_EXAMPLES: &str = "\
Examples:
  postrider tail
  postrider tail --outcome dead --json
  postrider tail --hook 9u/9abc --since 2h --once

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider job`.
#[derive(Debug, clap::Args)]
#[command(after_help = JOB_EXAMPLES)]
pub(crate) struct JobLifeArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: JobLife,
}

/// Which job.
#[derive(Debug, clap::Args)]
pub(crate) struct JobLife {
    /// Id of the job
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    /// Print the event's bytes only
    #[arg(long, conflicts_with = "json")]
    pub(crate) content: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: Tail,
}

/// Which attempts.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    #[command(flatten)]
    pub(crate) receiver: ByReceiver,
    /// Only of this job
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
    /// Only of this event
    #[arg(long = "event-id", alias = "event", value_name = "ID")]
    pub(crate) event: Option<String>,
    /// Only with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = ["delivered", "retried", "dead"])]
    pub(crate) outcome: Option<String>,
    /// Only with this status of the answer; 0: no answer came
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<u16>,
    #[command(flatten)]
    pub(crate) time: ByTime,
    /// Begin with the oldest that are kept, or at --since, and end with the newest
    #[arg(long)]
    pub(crate) once: bool,
    /// Print JSON, a line an attempt
    #[arg(long)]
    pub(crate) json: bool,
}
