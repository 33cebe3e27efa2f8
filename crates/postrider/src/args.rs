//! What was typed: commands and their options. What settings mean is `settings.rs`'.

mod check;
mod dead;
mod destinations;
mod doctor;
mod enqueue;
mod examples;
mod flags;
mod hook_name;
mod hooks;
mod job;
mod listen;
mod moment;
mod paper;
mod queue;
mod retries;
mod selection;
mod sink;
#[cfg(test)]
mod tests;
mod token;
mod top;

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use postrider_core::secret::Secret;

pub(crate) use check::{CheckArgs, CheckWork};
pub(crate) use dead::{DeadArgs, DeadWork, GroupBy, ListDead, MoveDead, ShowDead, WhichDead};
pub(crate) use destinations::{
    DestinationsArgs, DestinationsWork, ListDestinations, OneDestination, ResetDestinations, ShowDestination,
};
pub(crate) use doctor::{DoctorArgs, DoctorWork};
pub(crate) use enqueue::{
    EnqueueArgs, EnqueueWork, EventArgs, EventWork, JobArgs, SECRET_VARIABLE, SharedArgs, TypedHeader,
};
pub(crate) use flags::SettingFlags;
pub(crate) use hook_name::HookName;
pub(crate) use hooks::{
    CreateHook, DisableHook, HookFields, HooksArgs, HooksWork, List, ListHooks, RotateHook, SecretFlags,
    TestHook, UpdateHook,
};
pub(crate) use job::{JobLife, JobLifeArgs, Tail, TailArgs};
pub(crate) use listen::{Listen, ListenArgs};
pub(crate) use paper::{CompletionsArgs, ManArgs};
pub(crate) use queue::{QueueArgs, QueueStats, QueueWork, WhichQueues};
pub(crate) use retries::{BulkFlags, ListRetries, MoveRetries, RetriesArgs, RetriesWork};
pub(crate) use selection::OneQueue;
pub(crate) use sink::{Behave, SinkArgs, names_of_behaviours};
pub(crate) use token::{NewToken, RoleName, TokenArgs};
pub(crate) use top::{Top, TopArgs};

const EXAMPLES: &str = "\
Examples:
  postrider worker --redis-url redis://cache:6379
  POSTRIDER_WORKER_CONCURRENCY=64 postrider worker --config /etc/postrider.toml
  postrider enqueue --to https://hooks.example/in --type note --content '{}'
  postrider event --user 9u --type note --content '{}'
  postrider sink --listen 127.0.0.1:9000 --fail-first 2
  postrider check --resolve https://hooks.example/in
  postrider queue stats
  postrider destinations list --held-back
  postrider job 1764324000123-0
  postrider dead replay --reason exhausted --since 2h
  postrider doctor
  postrider config --json

Each setting is a flag, a variable POSTRIDER_<SECTION>_<KEY> and a key of the TOML file, in this order of precedence.
Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 Redis can't be reached.";

/// Delivers webhooks from Redis Streams.
#[derive(Debug, Parser)]
#[command(name = "postrider", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pull jobs, send them, retry what fails
    Worker(WorkerArgs),
    /// Show all of it on a private Redis: workers, a receiver that fails now and then, sample events
    Demo(DemoArgs),
    /// Add one job from flags, or many from JSON lines
    Enqueue(Box<EnqueueArgs>),
    /// Add one event from flags, or many from JSON lines: a job for each hook that asked for it
    Event(Box<EventArgs>),
    /// Register hooks, look at them, change them, try them
    Hooks(Box<HooksArgs>),
    /// Show queues in figures, pause them, let them go on
    Queue(QueueArgs),
    /// Show queues, workers, destinations and failures live on the whole screen
    Top(TopArgs),
    /// Show which receivers get how much and why, and let workers forget how one has fared
    Destinations(DestinationsArgs),
    /// Tell the life of one job: where it is, every attempt, what comes next
    Job(JobLifeArgs),
    /// Show attempts as they happen
    Tail(Box<TailArgs>),
    /// List waiting jobs, make them due now, end them
    Retries(RetriesArgs),
    /// List dead letters, show them, replay them, remove them
    Dead(DeadArgs),
    /// Run a receiver to test with, which prints each request
    Sink(SinkArgs),
    /// Receive for a developer: check, print and forward what arrives
    Listen(Box<ListenArgs>),
    /// Say whether a worker would connect to a URL, and if not, why
    Check(CheckArgs),
    /// Examine Redis and what is kept there, and say what to mend
    Doctor(DoctorArgs),
    /// Make a token for the API: a new one, or a signed one for the owner of hooks
    Token(TokenArgs),
    /// Show the configuration in force, and where each value came from
    Config(ConfigArgs),
    /// Print what lets a shell complete commands and flags
    Completions(CompletionsArgs),
    /// Print the manual page of a command, or write all pages
    Man(ManArgs),
    /// Ask a worker's admin port whether it lives; for containers without a shell
    #[command(hide = true)]
    Healthcheck(HealthcheckArgs),
}

/// `postrider worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// `postrider demo`. It takes no settings: it shows the same everywhere.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Go on with a slow stream of events until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
    /// Folder for Redis' files and the workers' logs, kept afterwards [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// `postrider config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// One JSON object a line: key, value, source
    #[arg(long)]
    pub(crate) json: bool,
    /// All settings with default, range and meaning, as a table in Markdown; reads none
    #[arg(long, conflicts_with = "json")]
    pub(crate) reference: bool,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// `postrider healthcheck`.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthcheckArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// What was typed as a secret; `None` where it can't be one. Judged later, since a refusal here would repeat
/// it on the terminal.
#[derive(Clone, Debug)]
pub(crate) struct TypedSecret(pub(crate) Option<Secret>);

fn typed_secret(text: &str) -> Result<TypedSecret, Infallible> {
    Ok(TypedSecret(Secret::parse(text.as_bytes())))
}

impl Args {
    /// Reads the command line; ends the program for `--help`, `--version` (0) and wrong usage (2).
    pub(crate) fn parse_or_exit() -> Self {
        let parsed = |matches: ArgMatches| Self::from_arg_matches(&matches);
        match Self::definition().try_get_matches().and_then(parsed) {
            Ok(args) => args,
            Err(error) => error.exit(),
        }
    }

    /// The whole command line, help included.
    pub(crate) fn definition() -> clap::Command {
        examples::add(definition())
    }
}

/// The whole command line. Each command takes every setting, so that one set of flags fits all, but its help
/// shows only those that it uses.
fn definition() -> clap::Command {
    Args::command()
        .mut_subcommand("enqueue", |command| flags::show_only(command, enqueue::SECTIONS))
        .mut_subcommand("event", |command| flags::show_only(command, enqueue::EVENT_SECTIONS))
        .mut_subcommand("hooks", |command| flags::for_all_below(flags::show_only(command, hooks::SECTIONS)))
        .mut_subcommand("queue", |command| flags::for_all_below(flags::show_only(command, queue::SECTIONS)))
        .mut_subcommand("destinations", |command| {
            flags::for_all_below(flags::show_only(command, destinations::SECTIONS))
        })
        .mut_subcommand("job", |command| flags::show_only(command, job::SECTIONS))
        .mut_subcommand("tail", |command| flags::show_only(command, job::SECTIONS))
        .mut_subcommand("retries", |command| {
            flags::for_all_below(flags::show_only(command, retries::SECTIONS))
        })
        .mut_subcommand("dead", |command| flags::for_all_below(flags::show_only(command, dead::SECTIONS)))
        .mut_subcommand("top", |command| flags::show_only(command, top::SECTIONS))
        .mut_subcommand("listen", |command| flags::show_only(command, listen::SECTIONS))
        .mut_subcommand("check", |command| flags::show_only(command, check::SECTIONS))
        .mut_subcommand("doctor", |command| flags::show_only(command, doctor::SECTIONS))
        .mut_subcommand("token", |command| flags::show_only(command, token::SECTIONS))
        .mut_subcommand("healthcheck", |command| flags::show_only(command, &["http"]))
}
