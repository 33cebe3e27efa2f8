//! The commands: which is run, with which settings. Each does its work in a module of its own.

mod bulk;
mod check;
mod config;
mod dead;
mod demo;
mod destinations;
mod doctor;
mod enqueue;
mod healthcheck;
mod hooks;
mod job;
mod listen;
mod operator;
mod paper;
mod queue;
mod retries;
mod sink;
mod tail;
mod tell;
mod token;
mod top;
mod typed_file;
mod worker;

use crate::args::{Command, SettingFlags};
use crate::exit::Failure;
use crate::settings::{Loaded, Settings};
use crate::telemetry;

/// Runs the command to its end.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Worker(args) => worker::run(&prepare(args.settings)?),
        Command::Demo(args) => demo::run(args),
        Command::Enqueue(args) => enqueue::run(&prepare(args.settings)?, args.work),
        Command::Event(args) => enqueue::run_events(&prepare(args.settings)?, args.work),
        Command::Hooks(args) => hooks::run(&prepare(args.settings)?, args.work),
        Command::Queue(args) => queue::run(&prepare(args.settings)?, args.work),
        Command::Destinations(args) => destinations::run(&prepare(args.settings)?, args.work),
        Command::Job(args) => job::run(&prepare(args.settings)?, args.work),
        Command::Tail(args) => tail::run(&prepare(args.settings)?, args.work),
        Command::Retries(args) => retries::run(&prepare(args.settings)?, args.work),
        Command::Dead(args) => dead::run(&prepare(args.settings)?, args.work),
        Command::Top(args) => top::run(&quietly(args.settings)?, args.work),
        Command::Sink(args) => sink::run(args),
        Command::Listen(args) => listen::run(&prepare(args.settings)?, args.work),
        Command::Check(args) => check::run(&prepare(args.settings)?, args.work),
        Command::Doctor(args) => doctor::run(&prepare(args.settings)?, args.work),
        Command::Token(args) => token::run(&prepare(args.settings)?, &args.work),
        Command::Config(args) if args.reference => Ok(config::print_reference()?),
        Command::Config(args) => Ok(config::run(&load(args.settings)?, args.json)?),
        Command::Completions(args) => paper::completions(args.shell),
        Command::Man(args) => paper::man(&args),
        Command::Healthcheck(args) => Ok(healthcheck::run(&load(args.settings)?.settings.http)?),
    }
}

fn load(flags: SettingFlags) -> Result<Loaded, Failure> {
    Ok(Settings::load(&flags.with_environment())?)
}

/// The settings for what takes the whole screen: nothing is logged, and what is odd about them is told before.
fn quietly(flags: SettingFlags) -> Result<Settings, Failure> {
    let Loaded { settings, warnings, .. } = load(flags)?;
    warnings.iter().for_each(|warning| tell::note(&warning.to_string()));
    Ok(settings)
}

/// The settings, with logging started as they say.
fn prepare(flags: SettingFlags) -> Result<Settings, Failure> {
    let Loaded { settings, warnings, .. } = load(flags)?;
    telemetry::start_logging(&settings.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}
