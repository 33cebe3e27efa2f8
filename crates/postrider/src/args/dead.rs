//! What is typed for `postrider dead`.

use clap::ValueEnum;
use postrider_core::verdict::DeadReason;

use super::SettingFlags;
use super::selection::{ByReceiver, ByTime, OneQueue};

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "log"];

const AFTER_HELP: &str = "\
A replayed job keeps its id, event id and time, starts at attempt 1, and passes all checks again.

Examples:
  postrider dead list --reason exhausted --since 2h
  postrider dead list --by hook
  postrider dead show 1764324000123-0
  postrider dead replay 1764324000123-0
  postrider dead replay --destination https://hooks.example --since 2026-11-24T02:00:00Z --dry-run
  postrider dead purge --all --yes

Exit codes: 0 done; 1 failed, or some letters stay; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider dead`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct DeadArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) work: DeadWork,
}

/// What is done with dead letters.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadWork {
    /// List them, the newest first, or count them in groups
    List(ListDead),
    /// Show the newest of one job, without its secrets
    Show(ShowDead),
    /// Make them ready again
    Replay(MoveDead),
    /// Remove them for good
    Purge(MoveDead),
}

/// Which letters.
#[derive(Debug, clap::Args)]
pub(crate) struct WhichDead {
    #[command(flatten)]
    pub(crate) receiver: ByReceiver,
    /// Only those that died of this
    #[arg(long, value_name = "REASON", value_parser = DeadReason::ALL.map(DeadReason::as_str))]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) time: ByTime,
}

/// By what letters are grouped.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GroupBy {
    /// Why they died
    Reason,
    /// <userId>/<hookId>
    Hook,
    /// Scheme, host and port; looks at each letter
    Destination,
}

/// `postrider dead list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListDead {
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    #[command(flatten)]
    pub(crate) which: WhichDead,
    /// Most letters to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Go on behind this entry, as the list before it said
    #[arg(long, value_name = "ENTRY")]
    pub(crate) cursor: Option<String>,
    /// Count them in groups instead
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["cursor", "hook", "user", "destination", "reason", "since", "until"])]
    pub(crate) by: Option<GroupBy>,
    /// Count all letters anew first, should the counters be wrong: after letters were added or deleted by hand
    #[arg(long)]
    pub(crate) recount: bool,
    /// Print JSON, a line a letter or group
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider dead show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowDead {
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

/// `postrider dead replay` and `postrider dead purge`.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveDead {
    /// Ids of jobs; or name what is meant by flags
    #[arg(value_name = "ID", conflicts_with_all = ["all", "resume", "hook", "user", "destination", "reason", "since", "until"])]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    #[command(flatten)]
    pub(crate) which: WhichDead,
    #[command(flatten)]
    pub(crate) how: super::retries::BulkFlags,
}
