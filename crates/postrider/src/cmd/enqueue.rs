//! `postrider enqueue` and `postrider event`: add one job or event from flags, or any number from JSON lines, or say what
//! would become of them.
//!
//! - [`fields`]: from flags to fields; [`source`]: either, in bounded chunks.
//! - [`add`]: adding them; [`foresee`]: `--dry-run`; [`report`]: what is told of each, and at the end.

mod add;
mod fields;
mod foresee;
mod report;
mod source;

use std::time::Duration;

use anyhow::Context;
use postrider_core::delivery::Defaults;
use postrider_core::job::{EntryKind, Field};
use postrider_core::shard::shard_events;
use postrider_producer::ProducerOptions;

use crate::args::{EnqueueWork, EventWork};
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;
use report::Report;
use source::Source;

/// How long a key stands for its job where nothing is said.
const ONCE_FOR: Duration = Duration::from_secs(24 * 3600);

/// Adds the jobs that were asked for, or only judges them.
pub(crate) fn run(settings: &Settings, work: EnqueueWork) -> Result<(), Failure> {
    let queue = work.queue.unwrap_or_else(|| settings.queue.first().clone());
    let task = Task {
        kind: EntryKind::Job,
        fields: fields::of_job(work.job, settings.queue.max_job_bytes)?,
        from_stdin: work.input.is_some(),
        dry_run: work.dry_run,
        once: work.once_key.map(|key| (key, work.once_for.unwrap_or(ONCE_FOR))),
        json: work.json,
        options: ProducerOptions { queue, shards: work.shards, ..producer_options(settings) },
    };
    task.perform(settings)
}

/// Adds the events that were asked for, or only judges them.
pub(crate) fn run_events(settings: &Settings, work: EventWork) -> Result<(), Failure> {
    let named = work.stream.or_else(|| settings.events.as_ref().map(|events| events.stream.clone()));
    let events = named.or_else(|| work.shards.map(shard_events)).ok_or_else(no_stream)?;
    let task = Task {
        kind: EntryKind::Event,
        fields: fields::of_event(work.event, settings.queue.max_job_bytes)?,
        from_stdin: work.input.is_some(),
        dry_run: work.dry_run,
        once: None,
        json: work.json,
        options: ProducerOptions { events, shards: work.shards, ..producer_options(settings) },
    };
    task.perform(settings)
}

fn no_stream() -> Failure {
    Failure::Unfit("events.stream is empty: name a stream with it, or with --stream".into())
}

fn producer_options(settings: &Settings) -> ProducerOptions {
    ProducerOptions {
        max_job_bytes: settings.queue.max_job_bytes,
        defaults: Defaults {
            profile: settings.delivery.profile,
            timeout: settings.delivery.timeout,
            max_attempts: settings.retry.max_attempts,
            profiles: settings.delivery.profiles.clone(),
        },
        ..ProducerOptions::default()
    }
}

/// What was asked for.
struct Task {
    kind: EntryKind,
    /// The fields that were typed: those of the one entry, or what holds for each line that doesn't give them.
    fields: Vec<Field>,
    from_stdin: bool,
    dry_run: bool,
    /// A key that stands for the job, and for how long.
    once: Option<(String, Duration)>,
    json: bool,
    options: ProducerOptions,
}

impl Task {
    fn perform(self, settings: &Settings) -> Result<(), Failure> {
        let Self { kind, fields, json, options, once, .. } = self;
        let (source, report) = if self.from_stdin {
            let source = Source::stdin(kind, fields, options.max_job_bytes);
            (source, Report::of_many(kind, json))
        } else {
            (Source::one(fields), Report::of_one(kind, json))
        };
        if self.dry_run {
            return foresee::all(kind, source, options.rules(), &settings.addresses, report);
        }
        let connector = redis::connector(&settings.redis)?;
        // Reading and adding take turns: one chunk is in memory, and one on its way.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("failed to start the runtime")?;
        if let Some((key, window)) = once {
            return runtime.block_on(add::once(source, connector, options, (key.as_str(), window), report));
        }
        runtime.block_on(add::all(kind, source, connector, options, report))
    }
}
