//! apalis with its Redis storage.

use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};

use crate::add::Add;
use crate::args::WorkArgs;
use crate::job::Job;
use crate::sender::Sender;

/// Jobs that one read brings at most: the library's default is 10, and fewer than may be in flight only slow it down.
const BATCH: usize = 100;

/// Between two looks of an idle worker. By itself it looks only every 30 s: a job that is added is scheduled first, and
/// wakes nobody.
const POLL_EVERY: Duration = Duration::from_millis(100);

async fn storage(redis: &str) -> anyhow::Result<RedisStorage<Job>> {
    let connection = apalis_redis::connect(redis).await?;
    Ok(RedisStorage::new(connection).with_config(Config::default().queue("peer").batch_size(BATCH)))
}

pub(crate) struct Adder {
    storage: RedisStorage<Job>,
}

impl Adder {
    pub(crate) async fn connect(redis: &str) -> anyhow::Result<Self> {
        Ok(Self { storage: storage(redis).await? })
    }
}

impl Add for Adder {
    async fn add(&mut self, jobs: Vec<Job>) -> anyhow::Result<()> {
        self.storage.push_bulk(jobs).await?;
        Ok(())
    }
}

/// A failed job is taken up again by the library itself.
pub(crate) async fn work(args: &WorkArgs) -> anyhow::Result<()> {
    let sender = Sender::new(Duration::from_millis(args.timeout_ms))?;
    let storage = storage(&args.queue.redis).await?.poll_with_interval(POLL_EVERY);
    let worker = WorkerBuilder::new(args.name.as_str())
        .backend(storage)
        .data(sender)
        .concurrency(args.concurrency)
        .build(deliver);
    println!("ready");
    worker.run().await?;
    Ok(())
}

async fn deliver(job: Job, sender: Data<Sender>) -> Result<(), BoxDynError> {
    Ok(sender.attempt(&job).await?)
}
