//! What is typed for `postrider queue`.

use clap::ArgAction;
use postrider_core::queue_name::QueueName;

use super::SettingFlags;

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "events", "worker", "log"];

const AFTER_HELP: &str = "\
Workers obey a pause within two seconds: what is in flight finishes, what else they hold is given back, and nothing is lost. \
Producers go on adding jobs meanwhile.

Examples:
  postrider queue stats
  postrider queue pause
  postrider queue resume --queue postrider:deliveries

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider queue`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) work: QueueWork,
}

/// What is done with queues.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum QueueWork {
    #[command(alias = "list")]
    /// Show what is in each of queue.names and in events.stream, who serves it, and what came of its jobs
    Stats(QueueStats),
    /// Let workers read nothing more
    Pause(WhichQueues),
    /// Let them go on
    Resume(WhichQueues),
}

/// `postrider queue stats`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct QueueStats {
    /// Print JSON, a line a queue
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which queues are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct WhichQueues {
    /// Only this one; may be repeated [default: all of queue.names]
    #[arg(long = "queue", value_name = "NAME", action = ArgAction::Append, value_parser = QueueName::parse)]
    pub(crate) queues: Vec<QueueName>,
    /// Also events.stream
    #[arg(long)]
    pub(crate) events: bool,
    /// Print JSON, a line a queue
    #[arg(long)]
    pub(crate) json: bool,
}
