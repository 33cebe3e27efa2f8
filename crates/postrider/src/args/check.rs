//! What is typed for `postrider check`. What a URL must be is the guard's to say.

use super::SettingFlags;

/// The sections of the settings that `check` uses.
pub(super) const SECTIONS: &[&str] = &["delivery", "ssrf", "proxy", "log"];

const EXPLANATION: &str = "\
Verdicts: `allowed`; `blocked`: the scheme, the port, the name or the address is not allowed; `invalid`: not a plain URL. \
The reason says which rule; with --resolve it is `dns` where the name doesn't resolve within delivery.timeout. An answer of \
DNS may have changed by the time a request is sent: the worker checks again for every connection.

With `-`, stdin gives one URL a line; blank lines are skipped. With --json, one object a line: url, verdict, reason (null \
where it is allowed).

Exit codes: 0 all are allowed; 1 some are not; 2 wrong usage or configuration.";

/// `postrider check`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXPLANATION)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: CheckWork,
}

/// What is to be checked, and how it is told.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = None)]
pub(crate) struct CheckWork {
    /// URLs to check, or `-` for one a line on stdin
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,
    /// Ask DNS too, and check the addresses that it answers
    #[arg(long)]
    pub(crate) resolve: bool,
    /// One JSON object a line: url, verdict, reason
    #[arg(long)]
    pub(crate) json: bool,
}
