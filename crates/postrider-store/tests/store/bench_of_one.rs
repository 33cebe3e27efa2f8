//! One Redis and one queue to work on.

use std::collections::HashMap;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::queue_name::QueueName;
use postrider_core::verdict::DeadReason;
use postrider_store::connect::Connector;
use postrider_store::entry::LeasedEntry;
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use postrider_store::reader::{Reader, Wait};
use postrider_store::settlement::{Destination, Made, Settled, Settlement};
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use redis::FromRedisValue;

/// More leases than any of these tests has.
pub(crate) const MOST: usize = 1000;

/// A server, a queue named `q`, and a link.
pub(crate) struct Bench {
    pub(crate) redis: RedisServer,
    pub(crate) link: Link,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(RedisOptions::default()).await
    }

    pub(crate) async fn with(options: RedisOptions) -> Self {
        let redis = RedisServer::start_with(options).await;
        let link = Link::new(Connector::new(&redis.url()).unwrap());
        let mut bench = Self { redis, link };
        bench.worker("setup").ensure_group(&mut bench.link).await.unwrap();
        bench
    }

    /// The queue as a worker of this name sees it.
    pub(crate) fn worker(&self, name: &str) -> Queue {
        Queue::new(QueueName::parse("q").unwrap(), name, 100)
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(Connector::new(&self.redis.url()).unwrap())
    }

    /// Sends any command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query_async(&mut self.redis.connection().await).await.unwrap()
    }

    pub(crate) async fn add(&self, fields: &[(&str, &str)]) -> EntryId {
        let mut words = vec!["XADD", "q", "*"];
        words.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
        let id: String = self.ask(&words).await;
        EntryId::parse(id.as_bytes()).unwrap()
    }

    /// Adds a job and leases it for a worker.
    pub(crate) async fn leased(&self, worker: &str) -> EntryId {
        let id = self.add(&[("to", "https://x.example/"), ("content", "{}")]).await;
        let read = self.read(worker, 100).await;
        assert_eq!(read.last().map(|entry| entry.id), Some(id));
        id
    }

    pub(crate) async fn read(&self, worker: &str, count: usize) -> Vec<LeasedEntry> {
        self.reader().read(&self.worker(worker), count, Wait::ForEntries, || false).await.unwrap()
    }

    /// Settles one job as `worker`.
    pub(crate) async fn settle(
        &mut self,
        worker: &str,
        entry: EntryId,
        job: &str,
        destination: Destination,
    ) -> Settled {
        let settlement = settlement(entry, job, destination);
        self.settle_all(worker, &[settlement]).await.remove(0)
    }

    pub(crate) async fn settle_all(&mut self, worker: &str, batch: &[Settlement]) -> Vec<Settled> {
        let queue = self.worker(worker);
        queue.settle(&mut self.link, batch, MOST, false).await.unwrap().results
    }

    /// Entries in the stream, pending ids, waiting jobs, dead letters.
    pub(crate) async fn counts(&self) -> [usize; 4] {
        let pending: (usize, redis::Value, redis::Value, redis::Value) =
            self.ask(&["XPENDING", "q", "postrider"]).await;
        [
            self.ask(&["XLEN", "q"]).await,
            pending.0,
            self.ask(&["ZCARD", "{q}:retry"]).await,
            self.ask(&["XLEN", "{q}:dead"]).await,
        ]
    }

    /// All fields of the last entry of a stream, duplicates included.
    pub(crate) async fn last_entry(&self, stream: &str) -> Vec<(String, String)> {
        let entries: Vec<(String, Vec<(String, String)>)> =
            self.ask(&["XREVRANGE", stream, "+", "-", "COUNT", "1"]).await;
        entries.into_iter().next().expect("the stream has an entry").1
    }

    pub(crate) async fn last_as_map(&self, stream: &str) -> HashMap<String, String> {
        self.last_entry(stream).await.into_iter().collect()
    }
}

pub(crate) fn settlement(entry: EntryId, job: &str, destination: Destination) -> Settlement {
    Settlement { entry, job_id: job.into(), hook: None, destination, attempt: None, bytes: 0 }
}

pub(crate) fn retry(wait: Duration) -> Destination {
    Destination::Retry {
        wait,
        state: JobState { attempts: 1, ..JobState::default() },
        made: Made { status: 503, attempts: 1 },
    }
}

pub(crate) fn dead() -> Destination {
    Destination::Dead {
        reason: DeadReason::Rejected,
        made: Made { status: 404, attempts: 2 },
        error: "the receiver answered 404".to_owned(),
    }
}

pub(crate) fn given_back() -> Destination {
    Destination::GivenBack { state: JobState { attempts: 4, crashes: 1, ..JobState::default() } }
}
