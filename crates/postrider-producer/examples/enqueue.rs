//! Adds COUNT jobs for the URL in TO, prints their ids, and adds one more that isn't sent before a second has passed:
//!
//! `REDIS_URL=redis://127.0.0.1:6379 TO=https://hooks.example/in COUNT=10 cargo run --example enqueue`

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::env;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use postrider_producer::{Job, Producer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let redis_url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".into());
    let to = env::var("TO").context("TO must hold the URL of a receiver")?;
    let count: u32 =
        env::var("COUNT").map_or(Ok(10), |count| count.parse()).context("COUNT must be a number")?;

    let producer = Producer::connect(&redis_url).await?;
    let note = |number: u32| {
        // The content is sent byte for byte as it is here.
        let content = format!(r#"{{"note":{{"id":"rust-{number}","text":"héllo ✓"}}}}"#);
        Job::to(&to).event_type("note").content(content).hook_id("rust").user_id("example").secret("s3cret")
    };

    let jobs: Vec<Job> = (1..=count).map(note).collect();
    for added in producer.add_all(&jobs).await {
        println!("{}", added?.id);
    }
    let later = note(count + 1).not_before(SystemTime::now() + Duration::from_secs(1));
    println!("{}", producer.add(&later).await?.id);
    Ok(())
}
