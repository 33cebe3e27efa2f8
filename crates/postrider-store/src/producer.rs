//! Adding jobs to a queue, for whoever produces them: a pool of connections, and XADD in bounded batches.
//!
//! Never looks into a job, and **never repeats an XADD whose answer was lost**: Redis may have carried it out, and the
//! second one would be a second job. Who gets [`AddError::AnswerLost`] decides; with an `eventId` of the producer's own,
//! adding again is harmless to receivers that de-duplicate.
//!
//! What Redis has refused because the stream is another server's by now was not added, and is tried once more there.
//!
//! A user who may do nothing but XADD is enough: a connection is asked whether it lives (PING) before it is used again, and a
//! refusal is an answer.

mod batch;

use std::io;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, RecycleResult};
use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use redis::RedisError;

use crate::connect::Connector;
use crate::entry::integer;
use crate::fault::{FaultClass, StoreError};
use crate::link::{BatchFault, Link, RESPONSE_TIMEOUT};
use crate::once::{Once, add_once, odd};

pub use self::batch::Batch;

/// Most entries that are sent in one go: one more round trip in 500 costs nothing, and an answer that is lost leaves no
/// more than these in doubt.
pub const MAX_BATCH_ENTRIES: usize = 500;

/// Bytes of names and values after which a batch is sent; one entry may lie beyond.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// Longest wait for replicas: a producer that needs longer has no replica.
pub const MAX_REPLICATION_WAIT: Duration = Duration::from_secs(60);

/// Connections of one pool. Each carries whole batches, so few keep a Redis busy.
const MAX_CONNECTIONS: usize = 8;

/// How many replicas must have a job before its adding counts as done (WAIT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicated {
    /// Replicas that must acknowledge, at least 1.
    pub replicas: u32,
    /// How long they may take, at most [`MAX_REPLICATION_WAIT`].
    pub timeout: Duration,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL isn't one; the sentence says what would be accepted and repeats nothing of it.
    #[error("the URL of Redis can't be read; {0}")]
    Url(String),
    /// There is no connection; [`StoreError::class`] tells a refused login from an unreachable server.
    #[error(transparent)]
    Unreachable(StoreError),
}

/// Why an entry was not added, as far as that is known.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There was no connection: nothing was added.
    #[error(transparent)]
    Unreachable(StoreError),
    /// Redis refused it: nothing was added.
    #[error(transparent)]
    Refused(StoreError),
    /// The connection broke or the answer took too long: the entry may have been added, or not.
    #[error("the answer was lost, so the job may have been added or not")]
    AnswerLost(#[source] StoreError),
    /// It was added, but fewer replicas than asked for have it yet.
    #[error("added as {entry}, but only {replicas} replicas have it")]
    NotReplicated {
        /// The entry.
        entry: EntryId,
        /// Replicas that acknowledged in time.
        replicas: u32,
    },
}

impl AddError {
    /// Whether the next entry would meet the same, because there is no Redis to talk to.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::AnswerLost(_))
    }

    /// Whether Redis refused it because its memory is full: nothing was added, and a later try may be accepted.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused(error) if error.class() == FaultClass::OutOfMemory)
    }

    /// What happened and why in one line, each once; holds no secret.
    pub fn line(&self) -> String {
        match self {
            Self::Unreachable(error) | Self::Refused(error) => error.line(),
            Self::AnswerLost(error) => format!("{self}: {}", error.line()),
            Self::NotReplicated { .. } => self.to_string(),
        }
    }
}

/// Adds jobs. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct JobAdder {
    pool: managed::Pool<Links>,
    replicated: Option<Replicated>,
}

impl std::fmt::Debug for JobAdder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The pool's own would show the password.
        f.debug_struct("JobAdder").field("replicated", &self.replicated).finish_non_exhaustive()
    }
}

impl JobAdder {
    /// Connects once, so that an absent server is noticed now; later connections are made when needed,
    /// the address resolved anew for each.
    ///
    /// # Errors
    /// No server within 3 s, or a refused login.
    pub async fn connect(connector: Connector, replicated: Option<Replicated>) -> Result<Self, ConnectError> {
        let replicated = replicated.map(Replicated::bounded);
        let operation = || format!("connect to {}", connector.address());
        let unreachable = |error| ConnectError::Unreachable(StoreError::new(operation(), error));
        let adder = Self { pool: pool(connector.clone(), replicated), replicated };
        let mut link = adder.link().await.map_err(unreachable)?;
        link.connection().await.map_err(unreachable)?;
        drop(link);
        Ok(adder)
    }

    /// Adds one entry.
    ///
    /// # Errors
    /// See [`AddError`]; only with [`AddError::AnswerLost`] it is unknown whether the entry was added.
    pub async fn add(&self, queue: &QueueName, fields: &[Field]) -> Result<EntryId, AddError> {
        let mut batch = Batch::new(queue);
        batch.push(fields);
        self.add_batch(batch).await.pop().expect("each entry of a batch has its result")
    }

    /// How many jobs of the queue are ready or leased (XLEN). The user needs `+xlen` for it.
    ///
    /// # Errors
    /// No connection, or a refusal.
    pub async fn length(&self, queue: &QueueName) -> Result<u64, StoreError> {
        let operation = || format!("count the jobs in {queue}");
        let mut link = self.link().await.map_err(|error| StoreError::new(operation(), error))?;
        let counted = link.send(redis::cmd("XLEN").arg(queue.as_str()), operation).await?;
        let length = integer(&counted).and_then(|length| u64::try_from(length).ok());
        length.ok_or_else(|| StoreError::new(operation(), odd("its answer is no number")))
    }

    /// Adds one entry, unless `key` stands for it already; see [`crate::once`]. Repeating it after any error is harmless.
    ///
    /// # Errors
    /// See [`AddError`].
    pub async fn add_once(
        &self,
        queue: &QueueName,
        key: &str,
        window: Duration,
        fields: &[Field],
    ) -> Result<Once, AddError> {
        let unreachable =
            |error| AddError::Unreachable(StoreError::new(format!("add a job to {queue}"), error));
        let mut link = self.link().await.map_err(unreachable)?;
        let added = add_once(&mut link, queue, Some(key), window, fields).await;
        added.map_err(|error| match error.class() {
            FaultClass::Reconnect | FaultClass::BackOff => AddError::AnswerLost(error),
            _ => AddError::Refused(error),
        })
    }

    /// Adds many, in batches of [`MAX_BATCH_ENTRIES`] or [`MAX_BATCH_BYTES`]. One result an entry, in order; ends early
    /// with the batch that met no Redis, and entries beyond the last result weren't tried.
    pub async fn add_many<F: AsRef<[Field]>>(
        &self,
        queue: &QueueName,
        entries: impl IntoIterator<Item = F>,
    ) -> Vec<Result<EntryId, AddError>> {
        let mut entries = entries.into_iter().peekable();
        let mut results = Vec::new();
        while entries.peek().is_some() && !results.last().is_some_and(is_connection_error) {
            let mut batch = Batch::new(queue);
            while !batch.is_full()
                && let Some(fields) = entries.next()
            {
                batch.push(fields.as_ref());
            }
            results.extend(self.add_batch(batch).await);
        }
        results
    }

    /// Adds one batch in one round trip. One result an entry, in order; where there was no Redis, each is that error.
    pub async fn add_batch(&self, mut batch: Batch) -> Vec<Result<EntryId, AddError>> {
        if batch.is_empty() {
            return Vec::new();
        }
        if let Some(wanted) = self.replicated {
            batch.wait_for(wanted);
        }
        let mut link = match self.link().await {
            Ok(link) => link,
            Err(error) => return batch.all_failed(AddError::Unreachable, &error),
        };
        let mut results = self.add_over(&mut link, &batch).await;
        let moved: Vec<usize> = (0..results.len()).filter(|at| has_moved(&results[*at])).collect();
        if !moved.is_empty() {
            let again = self.add_over(&mut link, &batch.only(&moved)).await;
            moved.into_iter().zip(again).for_each(|(at, result)| results[at] = result);
        }
        results
    }

    async fn add_over(&self, link: &mut Link, batch: &Batch) -> Vec<Result<EntryId, AddError>> {
        match link.send_all(&batch.pipeline).await {
            Ok(answers) => {
                let results = batch.judge(answers, self.replicated);
                if let Some(Err(AddError::Refused(error))) = results.iter().find(|result| has_moved(result)) {
                    link.follow(&error.source);
                }
                results
            }
            Err(BatchFault::NotSent(error)) => batch.all_failed(AddError::Unreachable, &error),
            Err(BatchFault::AnswerLost(error)) => batch.all_failed(AddError::AnswerLost, &error),
        }
    }

    async fn link(&self) -> Result<Object<Links>, RedisError> {
        let busy = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection was free in time").into();
        self.pool.get().await.map_err(busy)
    }
}

/// Makes the pool's links. Each connects when it is used.
struct Links {
    connector: Connector,
    response_timeout: Duration,
}

impl managed::Manager for Links {
    type Type = Link;
    type Error = std::convert::Infallible;

    async fn create(&self) -> Result<Link, Self::Error> {
        Ok(Link::with_timeout(self.connector.clone(), self.response_timeout))
    }

    async fn recycle(&self, _: &mut Link, _: &Metrics) -> RecycleResult<Self::Error> {
        Ok(())
    }
}

fn pool(connector: Connector, replicated: Option<Replicated>) -> managed::Pool<Links> {
    let response_timeout =
        RESPONSE_TIMEOUT + replicated.map_or(Duration::ZERO, |replicated| replicated.timeout);
    let pool = managed::Pool::builder(Links { connector, response_timeout })
        .max_size(MAX_CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(response_timeout))
        .build();
    pool.expect("a pool with time-outs has a runtime")
}

/// Whether it was refused only because the stream is another server's by now, or this connection is of no use.
fn has_moved(result: &Result<EntryId, AddError>) -> bool {
    matches!(result, Err(AddError::Refused(error)) if error.class() == FaultClass::Reconnect)
}

fn is_connection_error(result: &Result<EntryId, AddError>) -> bool {
    result.as_ref().is_err_and(AddError::is_connection)
}

impl Replicated {
    /// Zero replicas would ask for nothing, and a time-out of zero means for ever to Redis.
    fn bounded(self) -> Self {
        let timeout = self.timeout.clamp(Duration::from_millis(1), MAX_REPLICATION_WAIT);
        Self { replicas: self.replicas.max(1), timeout }
    }
}
