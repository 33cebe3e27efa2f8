//! Hands over one job, one event, many jobs, and a job that is added once however often it is tried.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::time::Duration;
use std::{env, iter};

use anyhow::{Context, bail};
use postrider_producer::{AddedOnce, Event, Job, MAX_BATCH_ENTRIES, Producer, ProducerOptions};

const PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSES: usize = 300;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn number<N: std::str::FromStr>(name: &str, by_default: N) -> anyhow::Result<N> {
    let Ok(text) = env::var(name) else { return Ok(by_default) };
    text.parse().ok().with_context(|| format!("{name} must be a number"))
}

fn job(to: &str, note: &str, user: &str) -> Job {
    let content = format!(r#"{{"note":{{"id":"{note}"}}}}"#);
    Job::to(to).event_type("note").content(content).user_id(user)
}

async fn wait_for_room(producer: &Producer, jobs: &[Job], max_ahead: u64) -> anyhow::Result<()> {
    for _ in 0..MAX_PAUSES {
        if producer.ahead_of(jobs).await? < max_ahead {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the queue stays full")
}

/// Adds them in one round trip; each has its replicas then, or this is an error.
async fn add_batch(producer: &Producer, mut jobs: Vec<Job>, max_ahead: u64) -> anyhow::Result<()> {
    for _ in 0..MAX_PAUSES {
        wait_for_room(producer, &jobs, max_ahead).await?;
        let added = producer.add_all(&jobs).await;
        // What Redis refused because its memory is full was not added; the others were.
        let mut refused = Vec::new();
        for (job, result) in iter::zip(jobs, added) {
            match result {
                Ok(_) => {}
                Err(error) if error.is_full() => refused.push(job),
                Err(error) => return Err(error.into()),
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        jobs = refused;
        tokio::time::sleep(PAUSE).await;
    }
    bail!("Redis stays full")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redis_url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".into());
    let to = env::var("TO").context("TO must hold the URL of a receiver")?;
    let (shards, replicas) = (number("SHARDS", 0)?, number("REPLICAS", 0)?);
    let (count, max_ahead) = (number("COUNT", 10)?, number("MAX_AHEAD", 100_000)?);

    let mut options = ProducerOptions::default();
    if shards > 0 {
        options = options.shards(shards);
    }
    if replicas > 0 {
        options = options.replicated(replicas, Duration::from_secs(1));
    }
    let producer = Producer::connect_with(&redis_url, options).await?;

    println!("job {}", producer.add(&job(&to, "one", "9u")).await?.id);
    let event = Event::new("9u", "note").content(r#"{"note":{"id":"event"}}"#);
    println!("event {}", producer.add_event(&event).await?.id);

    let many: Vec<Job> = (1..=count).map(|n| job(&to, &format!("many-{n}"), &format!("user-{n}"))).collect();
    for batch in many.chunks(MAX_BATCH_ENTRIES) {
        add_batch(&producer, batch.to_vec(), max_ahead).await?;
    }
    println!("many {count}\nreplicas {replicas}");

    for _ in 0..2 {
        match producer.add_once(&job(&to, "once", "9u"), "order-7", DAY).await? {
            AddedOnce::New(added) => println!("once 1 {}", added.id),
            AddedOnce::Before(added) => println!("once 0 {}", added.id),
            AddedOnce::KeyOfAnother => bail!("the key stands for another job"),
        }
    }
    Ok(())
}
