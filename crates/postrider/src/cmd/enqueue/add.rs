//! Adds jobs or events, chunk by chunk, and stops where Redis can't be reached. Never adds one twice.

use std::time::Duration;

use anyhow::{Context, anyhow};
use postrider_core::job::{EntryKind, Field};
use postrider_producer::{AddError, AddedOnce, ConnectError, Event, Job, Producer, ProducerOptions};
use postrider_store::connect::Connector;
use postrider_store::fault::FaultClass;
use postrider_store::producer::AddError as StoreAddError;

use super::report::{Report, Row};
use super::source::{Item, Source};
use crate::exit::Failure;

/// Adds all, and tells of each.
pub(super) async fn all(
    kind: EntryKind,
    mut source: Source,
    connector: Connector,
    options: ProducerOptions,
    mut report: Report,
) -> Result<(), Failure> {
    let is_sharded = options.shards.is_some();
    let producer = Producer::connect_by(connector, options).await.map_err(no_connection)?;
    loop {
        let chunk = source.next_chunk().context("failed to read stdin")?;
        if chunk.is_empty() {
            return report.end_of_adding();
        }
        let sound = chunk.iter().filter_map(|item| item.fields.as_ref().ok()).cloned();
        let results = add(&producer, kind, sound).await;
        let told = tell(&chunk, results, is_sharded, &mut report);
        report.flush(source.bytes_read())?;
        told?;
    }
}

/// Adds the one job that was typed, once for a key.
pub(super) async fn once(
    mut source: Source,
    connector: Connector,
    options: ProducerOptions,
    (key, window): (&str, Duration),
    mut report: Report,
) -> Result<(), Failure> {
    let producer = Producer::connect_by(connector, options).await.map_err(no_connection)?;
    for item in source.next_chunk().context("failed to read stdin")? {
        let added = match item.fields {
            Ok(fields) => producer.add_once(&Job::from_fields(fields), key, window).await,
            Err(fault) => Err(AddError::Invalid(fault)),
        };
        match added {
            Ok(AddedOnce::New(added) | AddedOnce::Before(added)) => report.added(None, &added.into()),
            Ok(AddedOnce::KeyOfAnother) => report.bad(None, "the key stands for another job"),
            Err(AddError::Invalid(fault)) => report.bad(None, fault.sentence()),
            Err(AddError::Redis(error)) if error.is_connection() => {
                return Err(Failure::RedisUnreachable(anyhow!(error.line())));
            }
            Err(AddError::Redis(error)) => report.bad(None, &error.line()),
        }
    }
    report.flush(source.bytes_read())?;
    report.end_of_adding()
}

async fn add(
    producer: &Producer,
    kind: EntryKind,
    entries: impl Iterator<Item = Vec<Field>>,
) -> Vec<Result<Row, AddError>> {
    match kind {
        EntryKind::Job => rows(producer.add_all(entries.map(Job::from_fields)).await),
        EntryKind::Event => rows(producer.add_events(entries.map(Event::from_fields)).await),
    }
}

fn rows<A: Into<Row>>(results: Vec<Result<A, AddError>>) -> Vec<Result<Row, AddError>> {
    results.into_iter().map(|result| result.map(Into::into)).collect()
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

/// Tells what became of each entry of a chunk; an error ends it all.
fn tell(
    chunk: &[Item],
    results: Vec<Result<Row, AddError>>,
    is_sharded: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut all_refused = true;
    for (line, result) in by_line(chunk, results) {
        all_refused &= matches!(result, Err(AddError::Redis(_)));
        match result {
            Ok(added) => report.added(line, &added),
            Err(AddError::Invalid(fault)) => report.bad(line, fault.sentence()),
            Err(AddError::Redis(error)) if error.is_connection() => {
                return Err(cut_off(&error, line, chunk, is_sharded, report));
            }
            Err(AddError::Redis(error)) => report.bad(line, &error.line()),
        }
    }
    // Out of memory, no rights, a key of another type: the lines that follow would meet the same.
    if all_refused { Err(report.refused()) } else { Ok(()) }
}

/// Each line with its result; the results end early where Redis can't be reached any more, and so do these.
fn by_line(
    chunk: &[Item],
    results: Vec<Result<Row, AddError>>,
) -> impl Iterator<Item = (Option<u64>, Result<Row, AddError>)> {
    let mut results = results.into_iter();
    chunk.iter().map_while(move |item| match &item.fields {
        Ok(_) => Some((item.line, results.next()?)),
        Err(fault) => Some((item.line, Err(AddError::Invalid(fault.clone())))),
    })
}

/// Redis went away in the middle of it: says which lines are in doubt, so that only those have to be looked for.
fn cut_off(
    error: &StoreAddError,
    first: Option<u64>,
    chunk: &[Item],
    is_sharded: bool,
    report: &Report,
) -> Failure {
    let why = error.line();
    let (Some(first), Some(last)) = (first, chunk.last().and_then(|item| item.line)) else {
        return Failure::RedisUnreachable(anyhow!(why));
    };
    let earlier = report.counts();
    // Where one shard can't be reached, lines for others may have been added.
    let is_in_doubt = is_sharded || matches!(error, StoreAddError::AnswerLost(_));
    Failure::RedisUnreachable(if is_in_doubt {
        anyhow!(
            "lines {first} to {last} may have been added or not, later ones weren't; before them, {earlier}: {why}"
        )
    } else {
        anyhow!("line {first} and later ones weren't added; before them, {earlier}: {why}")
    })
}
