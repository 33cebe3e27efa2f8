//! Adds jobs, chunk by chunk, and stops where Redis can't be reached. Never adds a job twice.

use anyhow::{Context, anyhow};
use postrider_producer::{AddError, Added, ConnectError, Producer, ProducerOptions};
use postrider_store::fault::FaultClass;
use postrider_store::producer::AddError as StoreAddError;

use super::report::Report;
use super::source::{Item, Source};
use crate::exit::Failure;

/// Adds all, and tells of each.
pub(super) async fn all(
    mut source: Source,
    redis_url: &str,
    options: ProducerOptions,
    mut report: Report,
) -> Result<(), Failure> {
    let queue = options.queue.clone();
    let producer = Producer::connect_with(redis_url, options).await.map_err(no_connection)?;
    loop {
        let chunk = source.next_chunk().context("failed to read stdin")?;
        if chunk.is_empty() {
            return report.end_of_adding();
        }
        let results = producer.add_all(chunk.iter().filter_map(|item| item.job.as_ref().ok())).await;
        let told = tell(&chunk, results, queue.as_str(), &mut report);
        report.flush(source.bytes_read())?;
        told?;
    }
}

fn no_connection(error: ConnectError) -> Failure {
    match error {
        ConnectError::Unreachable(error) if error.class() != FaultClass::Denied => {
            Failure::RedisUnreachable(anyhow!(error.line()))
        }
        ConnectError::Unreachable(error) => Failure::Failed(anyhow!(error.line())),
        ConnectError::Url(rule) => Failure::Failed(anyhow!("redis.url: {rule}")),
    }
}

/// Tells what became of each job of a chunk; an error ends it all.
fn tell(
    chunk: &[Item],
    results: Vec<Result<Added, AddError>>,
    queue: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut all_refused = true;
    for (line, result) in by_line(chunk, results) {
        all_refused &= matches!(result, Err(AddError::Redis(_)));
        match result {
            Ok(added) => report.added(line, &added, queue),
            Err(AddError::Invalid(fault)) => report.bad(line, fault.sentence()),
            Err(AddError::Redis(error)) if error.is_connection() => {
                return Err(cut_off(&error, line, chunk, report));
            }
            Err(AddError::Redis(error)) => report.bad(line, &error.line()),
        }
    }
    // Out of memory, no rights, a key of another type: the lines that follow would meet the same.
    if all_refused {
        Err(report.failure("Redis refused all jobs of the last batch, so later lines weren't tried"))
    } else {
        Ok(())
    }
}

/// Each line with its result; the results end early where Redis can't be reached any more, and so do these.
fn by_line(
    chunk: &[Item],
    results: Vec<Result<Added, AddError>>,
) -> impl Iterator<Item = (Option<u64>, Result<Added, AddError>)> {
    let mut results = results.into_iter();
    chunk.iter().map_while(move |item| match &item.job {
        Ok(_) => Some((item.line, results.next()?)),
        Err(fault) => Some((item.line, Err(AddError::Invalid(fault.clone())))),
    })
}

/// Redis went away in the middle of it: says which lines are in doubt, so that only those have to be looked for.
fn cut_off(error: &StoreAddError, first: Option<u64>, chunk: &[Item], report: &Report) -> Failure {
    let why = error.line();
    let (Some(first), Some(last)) = (first, chunk.last().and_then(|item| item.line)) else {
        return Failure::RedisUnreachable(anyhow!(why));
    };
    let earlier = report.counts();
    Failure::RedisUnreachable(match error {
        StoreAddError::AnswerLost(_) => anyhow!(
            "lines {first} to {last} may have been added or not, later ones weren't; before them, {earlier}: {why}"
        ),
        _ => anyhow!("line {first} and later ones weren't added; before them, {earlier}: {why}"),
    })
}
