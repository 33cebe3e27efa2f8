//! `postrider enqueue`: adds one job from flags, or any number from JSON lines, or says what would become of them.
//!
//! - [`fields`]: from flags to fields; [`line`]: from a JSON line to a job; [`source`]: either, in bounded chunks.
//! - [`add`]: adding them; [`foresee`]: `--dry-run`; [`report`]: what is told of each, and at the end.

mod add;
mod fields;
mod foresee;
mod line;
mod report;
mod source;

use anyhow::Context;
use postrider_core::delivery::Defaults;
use postrider_core::queue_name::QueueName;
use postrider_producer::{Job, ProducerOptions};

use crate::args::EnqueueWork;
use crate::exit::Failure;
use crate::settings::Settings;
use report::Report;
use source::Source;

/// Adds what was asked for, or only judges it.
pub(crate) fn run(settings: &Settings, work: EnqueueWork) -> Result<(), Failure> {
    let options = producer_options(settings, work.queue);
    let max_job_bytes = settings.queue.max_job_bytes;
    let fields = fields::of_flags(work.job, max_job_bytes)?;
    let (source, report) = match work.input {
        None => (Source::one(Job::from_fields(fields)), Report::of_one(work.json)),
        Some(_) => (Source::stdin(fields, max_job_bytes), Report::of_many(work.json)),
    };
    if work.dry_run {
        return foresee::all(source, options.rules(), &settings.addresses, report);
    }
    // Reading and adding take turns: one chunk is in memory, and one on its way.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    runtime.block_on(add::all(source, &settings.redis.url, options, report))
}

fn producer_options(settings: &Settings, queue: Option<QueueName>) -> ProducerOptions {
    ProducerOptions {
        queue: queue.unwrap_or_else(|| settings.queue.first().clone()),
        max_job_bytes: settings.queue.max_job_bytes,
        defaults: Defaults {
            profile: settings.delivery.profile,
            timeout: settings.delivery.timeout,
            max_attempts: settings.retry.max_attempts,
            profiles: settings.delivery.profiles.clone(),
        },
        replicated: None,
    }
}
