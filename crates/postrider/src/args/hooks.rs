//! What is typed for `postrider hooks`. What a record may hold is `postrider-core`'s to say.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use postrider_core::hook::field::HookField;
use postrider_core::sample::MisskeyEvent;
use serde_json::Number;

use super::enqueue::typed_header;
use super::{HookName, SettingFlags, TypedHeader, TypedSecret, typed_secret};
use crate::settings::units::{parse_duration, split_list};

/// The sections of the settings that it uses.
pub(super) const SECTIONS: &[&str] =
    &["redis", "delivery", "server", "profile", "ssrf", "proxy", "tls", "hooks", "log"];

const EXAMPLES: &str = "\
Examples:
  postrider hooks create --user 9u --url https://hooks.example/in --on note,reply
  postrider hooks list --user 9u --active
  postrider hooks rotate 9abc --user 9u --keep 24h
  postrider hooks test 9abc --user 9u --type note

Secrets are shown by `create` and `reveal` only; lists show no more of a URL than scheme, host and port.
Exit codes: 0 done; 1 failed, such as for a hook that isn't registered; 2 wrong usage, or a value that breaks a rule; \
3 Redis can't be reached.";

/// `postrider hooks`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct HooksArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(subcommand)]
    pub(crate) work: HooksWork,
}

/// What is done with hooks.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum HooksWork {
    /// List hooks: an owner's, or all
    List(ListHooks),
    /// Show one, without its secrets
    Show(OneHook),
    /// Register one
    Create(Box<CreateHook>),
    /// Change what is named, keep the rest
    Update(Box<UpdateHook>),
    /// Remove one; jobs that name it and have no URL of their own then end dead
    Delete(OneHook),
    /// Switch one on
    Enable(OneHook),
    /// Switch one off: nothing is sent for it, jobs and retries that wait included
    Disable(DisableHook),
    /// Give one a new secret; the old one signs on for a while
    Rotate(RotateHook),
    /// Show one with its secrets, the values of its headers, and keys that aren't ours
    Reveal(OneHook),
    /// Send a sample to one, once, and say what came of it
    Test(TestHook),
}

/// Commands about one hook that need nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct OneHook {
    #[command(flatten)]
    pub(crate) name: HookName,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider hooks list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListHooks {
    /// Only this owner's [default: all owners']
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Only those that are switched on
    #[arg(long, conflicts_with = "inactive")]
    pub(crate) active: bool,
    /// Only those that are switched off
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Only those that ask for all of these event types
    #[arg(long, value_name = "TYPES", value_parser = list)]
    pub(crate) on: Option<List>,
    /// Only those with one of these ids
    #[arg(long, value_name = "HOOKS", value_parser = list)]
    pub(crate) id: Option<List>,
    /// Print JSON, a line a hook
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider hooks create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateHook {
    /// Its owner
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// Where requests go
    #[arg(long)]
    pub(crate) url: String,
    /// Event types, such as note,reply; * for all, empty for none
    #[arg(long, value_name = "TYPES", value_parser = list)]
    pub(crate) on: List,
    /// Its id, 1 to 64 of A-Z a-z 0-9 _ - [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Register it switched off
    #[arg(long)]
    pub(crate) inactive: bool,
    #[command(flatten)]
    pub(crate) fields: HookFields,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider hooks update`.
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateHook {
    #[command(flatten)]
    pub(crate) name: HookName,
    /// Where requests go
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Event types, such as note,reply; * for all, empty for none
    #[arg(long, value_name = "TYPES", value_parser = list)]
    pub(crate) on: Option<List>,
    #[command(flatten)]
    pub(crate) fields: HookFields,
    /// Take away what was set: profile, headers, maxInFlight, ratePerSecond, timeoutMs, maxAttempts
    #[arg(long, value_name = "FIELD", value_delimiter = ',', value_parser = optional_field)]
    pub(crate) unset: Vec<HookField>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `create` and `update` have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct HookFields {
    /// What its owner calls it, 1 to 100 characters [default of a new one: the URL's host]
    #[arg(long = "name", value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) secret: SecretFlags,
    /// misskey, standard, cloudevents or raw [default: the worker's]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// A header of its requests; may be repeated, and all together replace those that were set
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = typed_header)]
    pub(crate) headers: Vec<TypedHeader>,
    /// Requests at a time, of each worker: 1 to 10000
    #[arg(long, value_name = "N")]
    pub(crate) max_in_flight: Option<u64>,
    /// Requests a second, of each worker: above 0
    #[arg(long, value_name = "N", value_parser = number)]
    pub(crate) rate_per_second: Option<Number>,
    /// Limit of one whole attempt, 100ms to 2m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Attempts in all, 1 to 100
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<u64>,
}

/// A secret, typed or in a file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SecretFlags {
    /// Secret shared with the receiver; seen by others in the list of processes
    #[arg(long, value_name = "TEXT", value_parser = typed_secret, conflicts_with = "secret_file")]
    pub(crate) secret: Option<TypedSecret>,
    /// File with the secret, `-` for stdin; a line break at its end is not part of it
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// `postrider hooks disable`.
#[derive(Debug, clap::Args)]
pub(crate) struct DisableHook {
    #[command(flatten)]
    pub(crate) name: HookName,
    /// Why, for whoever looks at it: 1 to 200 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider hooks rotate`.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateHook {
    #[command(flatten)]
    pub(crate) name: HookName,
    // Without one, a secret is made that `reveal` shows.
    #[command(flatten)]
    pub(crate) secret: SecretFlags,
    /// How long the old secret signs beside the new one; 0s ends every earlier secret at once
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) keep: Duration,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `postrider hooks test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestHook {
    #[command(flatten)]
    pub(crate) name: HookName,
    /// The event whose sample is sent
    #[arg(long = "type", value_name = "TYPE", value_parser = event())]
    pub(crate) event: MisskeyEvent,
    /// Send it there instead
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) secret: SecretFlags,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A comma-separated list; empty where nothing was typed between the quotes.
#[derive(Clone, Debug)]
pub(crate) struct List(pub(crate) Vec<String>);

pub(super) fn list(text: &str) -> Result<List, std::convert::Infallible> {
    Ok(List(split_list(text).into_iter().map(str::to_owned).collect()))
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration such as 250ms, 5s or 24h")
}

fn number(text: &str) -> Result<Number, &'static str> {
    text.parse().map_err(|_| "expected a number such as 5 or 0.5")
}

fn optional_field(key: &str) -> Result<HookField, &'static str> {
    let field = HookField::find(key).filter(|field| field.is_optional());
    field.ok_or(
        "expected profile, headers, maxInFlight, ratePerSecond, timeoutMs, maxAttempts or disabledReason",
    )
}

fn event() -> impl TypedValueParser<Value = MisskeyEvent> {
    let names = MisskeyEvent::ALL.map(MisskeyEvent::as_str);
    PossibleValuesParser::new(names)
        .map(|name| MisskeyEvent::parse(&name).expect("only names of events are possible"))
}
