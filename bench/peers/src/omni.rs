//! omniqueue on Redis streams, the library of Svix.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use omniqueue::Delivery;
use omniqueue::backends::redis::{self, RedisBackend, RedisConfig, RedisConnectionManager};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::add::Add;
use crate::args::WorkArgs;
use crate::job::Job;
use crate::sender::Sender;

/// How long a job may be in a worker's hands before others take it: it must outlast the attempt's time-out.
const ACK_DEADLINE_MS: i64 = 45_000;

/// Wait before a failed job is sent again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long one read waits for jobs.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

type RedisProducer = redis::RedisProducer<RedisConnectionManager>;
type RedisConsumer = redis::RedisConsumer<RedisConnectionManager>;

fn config(redis: &str, name: &str) -> RedisConfig {
    RedisConfig {
        dsn: redis.to_owned(),
        max_connections: 16,
        reinsert_on_nack: false,
        queue_key: "peer".into(),
        delayed_queue_key: "peer:delayed".into(),
        delayed_lock_key: "peer:delayed:lock".into(),
        // The library leaves making it to its user: the benchmark does.
        consumer_group: "peers".into(),
        consumer_name: name.to_owned(),
        payload_key: "payload".into(),
        ack_deadline_ms: ACK_DEADLINE_MS,
        dlq_config: None,
        sentinel_config: None,
    }
}

pub(crate) struct Adder {
    producer: RedisProducer,
}

impl Adder {
    pub(crate) async fn connect(redis: &str) -> anyhow::Result<Self> {
        let producer = RedisBackend::builder(config(redis, "adder")).build_producer().await?;
        Ok(Self { producer })
    }
}

impl Add for Adder {
    async fn add(&mut self, jobs: Vec<Job>) -> anyhow::Result<()> {
        for job in jobs {
            self.producer.send_serde_json(&job).await?;
        }
        Ok(())
    }
}

/// Reads as many jobs as may start, and settles each by itself, as the library does.
pub(crate) async fn work(args: &WorkArgs) -> anyhow::Result<()> {
    let sender = Sender::new(Duration::from_millis(args.timeout_ms))?;
    let (producer, mut consumer) =
        RedisBackend::builder(config(&args.queue.redis, &args.name)).build_pair().await?;
    let producer = Arc::new(producer);
    let slots = Arc::new(Semaphore::new(args.concurrency));
    println!("ready");
    loop {
        let mut permits = free(&slots).await?;
        for delivery in read(&mut consumer, permits.len()).await? {
            let permit = permits.pop();
            let (sender, producer) = (sender.clone(), producer.clone());
            tokio::spawn(async move {
                if let Err(error) = deliver(&sender, &producer, delivery).await {
                    eprintln!("{error:#}");
                }
                drop(permit);
            });
        }
    }
}

async fn read(consumer: &mut RedisConsumer, count: usize) -> anyhow::Result<Vec<Delivery>> {
    consumer.receive_all(count, READ_TIMEOUT).await.context("failed to read")
}

/// All that is free, and at least one.
async fn free(slots: &Arc<Semaphore>) -> anyhow::Result<Vec<OwnedSemaphorePermit>> {
    let mut permits = vec![slots.clone().acquire_owned().await?];
    while let Ok(permit) = slots.clone().try_acquire_owned() {
        permits.push(permit);
    }
    Ok(permits)
}

async fn deliver(sender: &Sender, producer: &RedisProducer, delivery: Delivery) -> anyhow::Result<()> {
    let job: Job = delivery.payload_serde_json()?.context("a job without a payload")?;
    if sender.attempt(&job).await.is_err() {
        producer.send_serde_json_scheduled(&job, RETRY_AFTER).await?;
    }
    delivery.ack().await.map_err(|(error, _)| error).context("failed to acknowledge")
}
