//! What is typed for `postrider top`.

use super::SettingFlags;

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "events", "worker", "retry", "log"];

const AFTER_HELP: &str = "\
Keys: Tab and Shift-Tab go from table to table, the arrows from row to row; Enter opens the life of the job in the row; p pauses \
the queue in the row, or lets it go on, once you have said y; m makes the waiting job in the row due now; q quits; ? helps.

A queue's jobs a second are those of the last ten seconds. Where Redis can't be reached, the last figures stay and a line says \
since when; it goes on by itself.

Examples:
  postrider top
  postrider top --once
  postrider top --json | jq '.queues[].perSecond'

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration, or no terminal; 3 Redis can't be reached (with --once or --json).";

/// `postrider top`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: Top,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Top {
    /// Print it once, in plain lines; it looks twice, a second apart, for what happens in a second
    #[arg(long)]
    pub(crate) once: bool,
    /// Print it once, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
