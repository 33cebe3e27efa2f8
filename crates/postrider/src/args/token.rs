//! What is typed for `postrider token`.

use std::time::Duration;

use super::SettingFlags;
use crate::settings::units::parse_duration;

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] = &["http", "log"];

const EXAMPLES: &str = "\
Examples:
  postrider token --role admin
  POSTRIDER_HTTP_TOKEN=... postrider token --user 9u --ttl 1h

A token of a role is random and works once it stands in http.token or http.token_file of the workers. A token of a user is
signed with the first admin's token of the settings, works at once, and ends with that one or with its time.
Exit codes: 0 done; 1 failed; 2 wrong usage or configuration.";

/// `postrider token`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: NewToken,
}

/// Which token.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct NewToken {
    /// Make a random token for this role
    #[arg(long, value_enum, conflicts_with_all = ["user", "ttl"], required_unless_present = "user")]
    pub(crate) role: Option<RoleName>,
    /// Make a token for the owner of these hooks
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// How long it is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = ttl)]
    pub(crate) ttl: Duration,
    /// Print JSON: token, and role or userId and expiresAt
    #[arg(long)]
    pub(crate) json: bool,
}

/// A role of a random token.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum RoleName {
    /// May look at everything but secrets
    Read,
    /// May do everything
    Admin,
}

fn ttl(text: &str) -> Result<Duration, &'static str> {
    let whole = |ttl: &Duration| (1..=366 * 24 * 3600).contains(&ttl.as_secs());
    parse_duration(text).filter(whole).ok_or("expected a duration from 1s to 366d, such as 15m, 1h or 30d")
}
