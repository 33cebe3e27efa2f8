//! What is typed for `postrider enqueue` and `postrider event`. What the fields must be is the job's own rules' to say.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::RangedI64ValueParser;
use clap::value_parser;
use postrider_core::queue_name::QueueName;
use postrider_core::shard::MAX_SHARDS;
use postrider_core::time::Timestamp;

use super::moment::{ACCEPTED, parse_moment};
use super::{SettingFlags, TypedSecret, typed_secret};
use crate::settings::units::parse_duration;

/// The sections of the settings that `enqueue` uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "delivery", "server", "profile", "ssrf", "log"];

/// The sections of the settings that `event` uses.
pub(super) const EVENT_SECTIONS: &[&str] = &["redis", "queue", "events", "log"];

/// The variable that a secret may be in, so that it stands neither in a list of processes nor in a history.
pub(crate) const SECRET_VARIABLE: &str = "POSTRIDER_ENQUEUE_SECRET";

const EXPLANATION: &str = "\
JSON lines: with `-`, each line of stdin is one object whose keys are the fields of a job: to, type, content, hookId, \
userId, secret, eventId, createdAt, id, profile, contentType, header:<Name>, maxAttempts, timeoutMs, notBefore, \
expiresAt, traceparent. Values are strings, or numbers as they are written; null leaves a field out. \
`content` is any JSON value and is sent byte for byte as it stands in the line, blanks and order kept; only where the \
job's profile (its own, or --profile) is raw, a string means the text in it. Flags typed beside `-` hold for each line \
that doesn't give the field itself. Blank lines are skipped.

A bad line is told on stderr with its number and its fault, the others are added all the same, and the exit code is 1. \
A job whose answer was lost is never added again by itself, as that could make two of it: you are told which.

--dry-run asks neither Redis nor DNS: what a registered hook would lend to a job is not seen.

Exit codes: 0 all added (all sound, with --dry-run); 1 some weren't; 2 wrong usage; 3 Redis can't be reached.";

const EVENT_EXPLANATION: &str = "\
A worker makes one job of it for each active hook of the user that asked for its type, or for all types. Which hooks these \
are is seen only then: an event that nobody asked for is added all the same.

JSON lines: with `-`, each line of stdin is one object whose keys are the fields of an event: userId, type, content, id, \
createdAt, notBefore, expiresAt, traceparent, header:<Name>. Values are strings, or numbers as they are written; null leaves \
a field out. `content` is any JSON value and is sent byte for byte as it stands in the line, blanks and order kept. Flags \
typed beside `-` hold for each line that doesn't give the field itself. Blank lines are skipped.

A bad line is told on stderr with its number and its fault, the others are added all the same, and the exit code is 1. \
An event whose answer was lost is never added again by itself, as that could make two of it: you are told which.

Exit codes: 0 all added (all sound, with --dry-run); 1 some weren't; 2 wrong usage; 3 Redis can't be reached.";

/// `postrider enqueue`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXPLANATION)]
pub(crate) struct EnqueueArgs {
    // Before the fields of the job, whose heading would be that of all that follows.
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: EnqueueWork,
}

/// Which jobs are to be added, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct EnqueueWork {
    /// Read jobs from stdin, one JSON object a line
    #[arg(value_name = "-", value_parser = ["-"], hide_possible_values = true)]
    pub(crate) input: Option<String>,
    /// Queue to add to [default: the first of queue.names]
    #[arg(long, value_name = "NAME", value_parser = QueueName::parse)]
    pub(crate) queue: Option<QueueName>,
    /// Spread over N shards, each with a queue of its own (postrider:{0}:deliveries, …)
    #[arg(long, value_name = "N", conflicts_with = "queue", value_parser = shards())]
    pub(crate) shards: Option<u16>,
    /// Add it once for this key: a repeat adds nothing, and prints the id of the first
    #[arg(long, value_name = "KEY", conflicts_with_all = ["input", "dry_run"])]
    pub(crate) once_key: Option<String>,
    /// How long the key stands for the job [default: 24h]
    #[arg(long, value_name = "DURATION", requires = "once_key", value_parser = once_for)]
    pub(crate) once_for: Option<Duration>,
    /// Check only: add nothing, and say what is wrong or would be blocked
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print a JSON object a job instead of its id
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

/// `postrider event`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EVENT_EXPLANATION)]
pub(crate) struct EventArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    #[command(flatten)]
    pub(crate) work: EventWork,
}

/// Which events are to be added, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct EventWork {
    /// Read events from stdin, one JSON object a line
    #[arg(value_name = "-", value_parser = ["-"], hide_possible_values = true)]
    pub(crate) input: Option<String>,
    /// Stream to add to [default: events.stream]
    #[arg(long, value_name = "NAME", value_parser = QueueName::parse)]
    pub(crate) stream: Option<QueueName>,
    /// Spread over N shards, each with a stream of its own (postrider:{0}:events, …)
    #[arg(long, value_name = "N", conflicts_with = "stream", value_parser = shards())]
    pub(crate) shards: Option<u16>,
    /// Check only: add nothing, and say what is wrong
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print a JSON object an event instead of its id
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten, next_help_heading = "Fields of the event")]
    pub(crate) event: SharedArgs,
}

/// The fields of a job.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Fields of the job")]
pub(crate) struct JobArgs {
    /// URL that receives it [default: the registered hook's]
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
    /// Hook: <hookId>, or <userId>/<hookId>
    #[arg(long = "hook", alias = "hook-id", value_name = "HOOK")]
    pub(crate) hook_id: Option<String>,
    /// Secret shared with the receiver; seen by others in the list of processes [env: POSTRIDER_ENQUEUE_SECRET]
    #[arg(long, value_name = "TEXT", value_parser = typed_secret, conflicts_with = "secret_file")]
    pub(crate) secret: Option<TypedSecret>,
    /// File with the secret; a line break at its end is not part of it
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Id that the receiver de-duplicates by [default: made of the job's id]
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    pub(crate) event_id: Option<String>,
    /// misskey, standard, cloudevents or raw [default: the hook's, else the worker's]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Content-Type, for profile raw [default: application/json]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Attempts in all, 1 to 100
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<String>,
    /// Limit of one whole attempt, such as 5s
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "timeout_ms")]
    pub(crate) timeout: Option<Duration>,
    /// The same in milliseconds, 100 to 120000
    #[arg(long, value_name = "N")]
    pub(crate) timeout_ms: Option<String>,
}

/// The fields that a job and an event have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct SharedArgs {
    /// Owner of the hook
    #[arg(long = "user", alias = "user-id", value_name = "ID")]
    pub(crate) user_id: Option<String>,
    /// The event's type, such as note
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) event_type: Option<String>,
    /// The event: JSON; for a job of profile raw, any text
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["content_file", "input"])]
    pub(crate) content: Option<String>,
    /// File with the event, byte for byte; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) content_file: Option<PathBuf>,
    /// Its id [default: that of its stream entry]
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    pub(crate) id: Option<String>,
    /// When the event happened: epoch milliseconds, RFC 3339, or +5m [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) created_at: Option<Timestamp>,
    /// Not sent earlier: epoch milliseconds, RFC 3339, or +5m
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) not_before: Option<Timestamp>,
    /// No attempt starts later: likewise
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) expires_at: Option<Timestamp>,
    /// W3C trace context that the delivery belongs to
    #[arg(long, value_name = "TEXT")]
    pub(crate) traceparent: Option<String>,
    /// One more request header; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = typed_header)]
    pub(crate) headers: Vec<TypedHeader>,
}

/// A header as it was typed: name and value; `None` where there is no colon. Judged later, and without `Debug` of the
/// value, since a refusal here would repeat it on the terminal.
#[derive(Clone)]
pub(crate) struct TypedHeader(pub(crate) Option<(String, String)>);

impl std::fmt::Debug for TypedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TypedHeader({:?})", self.0.as_ref().map(|(name, _)| name))
    }
}

pub(super) fn typed_header(text: &str) -> Result<TypedHeader, Infallible> {
    let pair = text.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    Ok(TypedHeader(pair))
}

fn once_for(text: &str) -> Result<Duration, &'static str> {
    let fits = |window: &Duration| (1..=366 * 24 * 3600).contains(&window.as_secs());
    parse_duration(text).filter(fits).ok_or("expected a duration from 1s to 366d, such as 10m or 24h")
}

fn shards() -> RangedI64ValueParser<u16> {
    value_parser!(u16).range(1..=MAX_SHARDS.into())
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration such as 250ms or 5s")
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    parse_moment(text, Timestamp::default().after(now)).ok_or(ACCEPTED)
}
