//! What is typed for `postrider retries`, and how work on many jobs is done.

use super::SettingFlags;
use super::selection::{ByReceiver, OneQueue};

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "log"];

const AFTER_HELP: &str = "\
Jobs of an inactive hook (hooks.when_inactive = hold) aren't promoted: they go on when it is switched on.

Examples:
  postrider retries list --hook 9u/9abc
  postrider retries promote --destination https://hooks.example
  postrider retries cancel 1764324000123-0

Exit codes: 0 done; 1 failed, or some jobs stay; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider retries`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct RetriesArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) work: RetriesWork,
}

/// What is done with waiting jobs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RetriesWork {
    /// List them, those that are due first at the top
    List(ListRetries),
    /// Make them due now
    Promote(MoveRetries),
    /// End them; a job that is ready and that nobody has read is ended too, by its id
    Cancel(MoveRetries),
}

/// `postrider retries list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListRetries {
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    #[command(flatten)]
    pub(crate) receiver: ByReceiver,
    /// Most jobs to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Go on behind this place, as the list before it said
    #[arg(long, value_name = "PLACE")]
    pub(crate) cursor: Option<String>,
    /// Print JSON, a line a job
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider retries promote` and `postrider retries cancel`.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveRetries {
    /// Ids of jobs; or name what is meant by flags
    #[arg(value_name = "ID", conflicts_with_all = ["all", "resume", "hook", "user", "destination"])]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) queue: OneQueue,
    #[command(flatten)]
    pub(crate) receiver: ByReceiver,
    #[command(flatten)]
    pub(crate) how: BulkFlags,
}

/// How work on many jobs is done.
#[derive(Debug, clap::Args)]
pub(crate) struct BulkFlags {
    /// All of them
    #[arg(long, conflicts_with = "resume")]
    pub(crate) all: bool,
    /// Only count what is meant
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,
    /// Don't ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on with an operation that was stopped
    #[arg(long, value_name = "OPERATION", conflicts_with_all = ["hook", "user", "destination"])]
    pub(crate) resume: Option<String>,
    /// Print what came of it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
