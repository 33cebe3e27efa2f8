//! What is typed for `postrider destinations`.

use postrider_store::destinations::ALL;

use super::SettingFlags;

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "log"];

const AFTER_HELP: &str = "\
A destination is a registered hook, <userId>/<hookId>, or for jobs without one the scheme, host and port of their URL. Each \
worker decides for itself how much it gets; workers tell of those with jobs under way or in line, and of those that get less \
than they might.

Examples:
  postrider destinations list --held-back
  postrider destinations show 9u/9abc
  postrider destinations reset https://hooks.example
  postrider destinations pause 9u/9abc

Exit codes: 0 done; 1 failed, such as for a name that no worker tells of; 2 wrong usage or configuration; \
3 Redis can't be reached.";

/// `postrider destinations`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct DestinationsArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) work: DestinationsWork,
}

/// What is done with destinations.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DestinationsWork {
    /// List them, those that are held back first: a row for each destination and worker
    List(ListDestinations),
    /// Show one, as each worker has it
    Show(ShowDestination),
    /// Let workers forget how one has fared, or all: what waits for it is sent at once
    Reset(ResetDestinations),
    /// Let nothing be sent to one: its jobs wait, no attempt is spent
    Pause(OneDestination),
    /// Let a paused one have its jobs again
    Resume(OneDestination),
}

/// `postrider destinations list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListDestinations {
    /// Only those that get less than they might
    #[arg(long)]
    pub(crate) held_back: bool,
    /// Print JSON, a line a row
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider destinations show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowDestination {
    /// Name of the destination, as `list` shows it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Print JSON, a line a worker
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider destinations reset`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResetDestinations {
    /// Name of the destination, as `list` shows it
    #[arg(value_name = "NAME", required_unless_present = "all")]
    name: Option<String>,
    /// All destinations
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Print JSON, a line a queue
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider destinations pause` and `resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct OneDestination {
    /// Name of the destination, as `list` shows it
    #[arg(value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Print JSON, a line a queue
    #[arg(long)]
    pub(crate) json: bool,
}

impl ResetDestinations {
    /// The name that workers are told.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(ALL)
    }
}
