//! Redis, a receiver and workers together, and questions to the queue as any outsider may put them (contract section 2).

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Cmd, FromRedisValue, Value};

use crate::receiver::Receiver;
use crate::redis_server::{RedisOptions, RedisServer};
use crate::wait::{self, PATIENCE};
use crate::worker_process::{WorkerProcess, program};

/// The queue of a worker with default settings.
pub const DEFAULT_QUEUE: &str = "postrider:deliveries";

/// The consumer group of every queue.
pub const GROUP: &str = "postrider";

/// An entry as Redis keeps it: names and values in order, repeats included.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a world consists of.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// How many workers run from the start.
    pub workers: usize,
    /// Their settings, beside those of the harness.
    pub environment: Vec<(String, String)>,
    /// How Redis is set up.
    pub redis: RedisOptions,
    /// The queue that the questions are about, and that the workers serve.
    pub queue: String,
}

impl Default for WorldOptions {
    fn default() -> Self {
        let (environment, redis) = (Vec::new(), RedisOptions::default());
        Self { workers: 1, environment, redis, queue: DEFAULT_QUEUE.to_owned() }
    }
}

impl WorldOptions {
    /// With one more setting of the workers.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this many workers.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }
}

/// Everything that a delivery needs, all of the test's own.
#[derive(Debug)]
pub struct World {
    // Workers end before Redis does, so that no log fills with what is only the end of a test.
    /// The workers, those that were killed included.
    pub workers: Vec<WorkerProcess>,
    /// The receiver.
    pub receiver: Receiver,
    /// The server.
    pub redis: RedisServer,
    options: WorldOptions,
}

impl World {
    /// With one ready worker of default settings.
    pub async fn start() -> Self {
        Self::with(WorldOptions::default()).await
    }

    /// With what `options` say; every worker is ready.
    pub async fn with(options: WorldOptions) -> Self {
        let redis = RedisServer::start_with(options.redis.clone()).await;
        let receiver = Receiver::start().await;
        let workers = Vec::new();
        let mut world = Self { workers, receiver, redis, options };
        for _ in 0..world.options.workers {
            world.add_worker(&[]);
        }
        for worker in &mut world.workers {
            worker.wait_ready().await;
        }
        world
    }

    /// Starts one more worker, with these settings on top of the world's; doesn't wait until it is ready.
    pub fn add_worker(&mut self, environment: &[(&str, &str)]) -> &mut WorkerProcess {
        self.add_worker_of(&program(), environment)
    }

    /// The same of another program, such as an older version.
    pub fn add_worker_of(&mut self, program: &Path, environment: &[(&str, &str)]) -> &mut WorkerProcess {
        let own = self.options.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let queue = ("POSTRIDER_QUEUE_NAMES", self.options.queue.as_str());
        let all: Vec<_> = std::iter::once(queue).chain(own).chain(environment.iter().copied()).collect();
        self.workers.push(WorkerProcess::start_program(program, &self.redis.url(), &all));
        self.workers.last_mut().expect("one was just added")
    }

    /// The queue that the questions are about.
    pub fn queue(&self) -> &str {
        &self.options.queue
    }

    /// The same questions about another queue.
    pub fn set_queue(&mut self, queue: &str) {
        queue.clone_into(&mut self.options.queue);
    }

    /// Another key of the queue, as `retry` or `dead`.
    pub fn key(&self, satellite: &str) -> String {
        let queue = self.queue();
        if queue.contains('{') { format!("{queue}:{satellite}") } else { format!("{{{queue}}}:{satellite}") }
    }

    /// A new connection to Redis.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.redis.connection().await
    }

    /// XADDs a job whose `to` is the receiver's `path`, of type `note` with `{}` as content, with more fields behind.
    pub async fn send_to(&self, path: &str, more: &[(&str, &str)]) -> String {
        let to = self.receiver.url(path);
        let plain = [("to", to.as_str()), ("type", "note"), ("content", "{}")];
        let fields: Vec<_> = plain.iter().chain(more).copied().collect();
        self.enqueue(&fields).await
    }

    /// XADDs one entry of any bytes; its id.
    pub async fn enqueue<N: AsRef<[u8]>, V: AsRef<[u8]>>(&self, fields: &[(N, V)]) -> String {
        self.query(&xadd(self.queue(), "*", fields)).await
    }

    /// The dead letters, oldest first, each with its fields by name (of a repeated one, the last).
    pub async fn dead_letters(&self) -> Vec<HashMap<Vec<u8>, Vec<u8>>> {
        let letters = self.entries(&self.key("dead")).await;
        letters.into_iter().map(|(_, fields)| fields.into_iter().collect()).collect()
    }

    /// Waits until there are at least `count` dead letters.
    pub async fn wait_for_dead(&self, count: usize) -> Vec<HashMap<Vec<u8>, Vec<u8>>> {
        self.until("dead letters", PATIENCE, || async {
            let letters = self.dead_letters().await;
            if letters.len() >= count { Ok(letters) } else { Err(format!("{} of {count}", letters.len())) }
        })
        .await
    }

    /// Ids of the waiting jobs, and when each is due (epoch ms), the earliest first.
    pub async fn waiting(&self) -> Vec<(String, f64)> {
        self.query(redis::cmd("ZRANGE").arg(self.key("retry")).arg(0).arg(-1).arg("WITHSCORES")).await
    }

    /// The records of attempts, oldest first.
    pub async fn attempts(&self) -> Vec<HashMap<String, String>> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let records = self.entries(&self.key("attempts")).await;
        records
            .into_iter()
            .map(|(_, fields)| fields.into_iter().map(|(name, value)| (text(name), text(value))).collect())
            .collect()
    }

    /// Entries of the queue: ready and leased.
    pub async fn length(&self) -> usize {
        self.query(redis::cmd("XLEN").arg(self.queue())).await
    }

    /// Entries that some worker holds; 0 while there is no group yet.
    pub async fn leased(&self) -> usize {
        let mut connection = self.connection().await;
        let summary: redis::RedisResult<Vec<Value>> =
            redis::cmd("XPENDING").arg(self.queue()).arg(GROUP).query_async(&mut connection).await;
        match summary {
            Ok(parts) => {
                parts.into_iter().next().and_then(|count| usize::from_redis_value(count).ok()).unwrap_or(0)
            }
            Err(error) if error.code() == Some("NOGROUP") => 0,
            Err(error) => panic!("XPENDING failed: {error}"),
        }
    }

    /// All entries of a stream, oldest first, byte for byte.
    pub async fn entries(&self, key: &str) -> Vec<(String, Fields)> {
        let raw: Vec<(String, Vec<Vec<u8>>)> =
            self.query(redis::cmd("XRANGE").arg(key).arg("-").arg("+")).await;
        raw.into_iter().map(|(id, flat)| (id, in_pairs(flat))).collect()
    }

    /// Puts a registered hook's record, as raw bytes.
    pub async fn register(&self, user_id: &str, hook_id: &str, record: &[u8]) {
        let key = format!("postrider:hooks:{{{user_id}}}");
        let () = self.connection().await.hset(key, hook_id, record).await.expect("HSET is accepted");
    }

    /// Looks until `look` finds the fact; see [`wait::until`].
    pub async fn until<T, E: Display, F>(&self, fact: &str, timeout: Duration, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, E>>,
    {
        wait::until(fact, timeout, look).await
    }

    /// Waits until no job is ready, leased or waiting any more.
    pub async fn settled(&self) {
        self.until("every job has ended", PATIENCE, || async {
            // Waiting is asked for first and last: a job that moves between the questions is seen by one of them.
            let before = self.waiting().await.len();
            let (length, leased) = (self.length().await, self.leased().await);
            let seen = (length, leased, before.max(self.waiting().await.len()));
            if seen == (0, 0, 0) { Ok(()) } else { Err(format!("in the stream, leased, waiting: {seen:?}")) }
        })
        .await;
    }

    /// One command on a connection of its own.
    ///
    /// # Panics
    /// When Redis refuses it.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let mut connection = self.connection().await;
        match command.query_async(&mut connection).await {
            Ok(reply) => reply,
            Err(error) => panic!("a command of the test was refused: {error}"),
        }
    }
}

/// XADD of any bytes.
pub fn xadd<N: AsRef<[u8]>, V: AsRef<[u8]>>(queue: &str, id: &str, fields: &[(N, V)]) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(queue).arg(id);
    for (name, value) in fields {
        command.arg(name.as_ref()).arg(value.as_ref());
    }
    command
}

fn in_pairs(flat: Vec<Vec<u8>>) -> Fields {
    let mut flat = flat.into_iter();
    std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_seen_as_it_is() {
        let world = World::with(WorldOptions::default().workers(0)).await;
        world.settled().await;
        let id = world.enqueue(&[(&b"a\xff"[..], &b"\x00"[..]), (b"a\xff", b"2")]).await;
        assert_eq!((world.length().await, world.leased().await), (1, 0));
        let (found, fields) = world.entries(world.queue()).await.remove(0);
        assert_eq!(found, id);
        assert_eq!(fields, [(b"a\xff".to_vec(), b"\x00".to_vec()), (b"a\xff".to_vec(), b"2".to_vec())]);
    }

    #[tokio::test]
    async fn leased_and_waiting_jobs_keep_it_from_being_settled() {
        let world = World::with(WorldOptions::default().workers(0)).await;
        world.send_to("/", &[]).await;
        let queue = world.queue();
        let () = world.query(redis::cmd("XGROUP").arg("CREATE").arg(queue).arg(GROUP).arg(0)).await;
        let read = ["GROUP", GROUP, "someone", "STREAMS", queue, ">"];
        let _: Value = world.query(redis::cmd("XREADGROUP").arg(&read)).await;
        assert_eq!(world.leased().await, 1);
        let () = world
            .query(redis::cmd("ZADD").arg(world.key("retry")).arg(1_764_324_000_123_u64).arg("job"))
            .await;
        assert_eq!(world.waiting().await, [("job".to_owned(), 1_764_324_000_123.0)]);
    }
}
