//! Adding jobs to a queue, for whoever produces them: a pool of connections, and XADD in bounded batches.
//!
//! Never looks into a job, and **never repeats an XADD whose answer was lost**: Redis may have carried it out, and the
//! second one would be a second job. Who gets [`AddError::AnswerLost`] decides; with an `eventId` of the producer's own,
//! adding again is harmless to receivers that de-duplicate.
//!
//! A user who may do nothing but XADD is enough. One who may also PING and UNWATCH keeps the connections, since the pool
//! asks each whether it lives before it is used again; without these rights each use makes a new one.

use std::io;
use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use postrider_core::entry_id::EntryId;
use postrider_core::job::{Field, entry_size};
use postrider_core::queue_name::QueueName;
use redis::{AsyncConnectionConfig, Pipeline, RedisError, Value};

use crate::connect::Connector;
use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::link::RESPONSE_TIMEOUT;

/// Most entries that are sent in one go: one more round trip in 500 costs nothing, and an answer that is lost leaves no
/// more than these in doubt.
pub const MAX_BATCH_ENTRIES: usize = 500;

/// Bytes of names and values after which a batch is sent; one entry may lie beyond.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// Longest wait for replicas: a producer that needs longer has no replica.
pub const MAX_REPLICATION_WAIT: Duration = Duration::from_secs(60);

/// Connections of one pool. Each carries whole batches, so few keep a Redis busy.
const MAX_CONNECTIONS: usize = 8;

/// How long a caller waits for a connection that others hold, and how long making one may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

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
    pool: Pool,
    replicated: Option<Replicated>,
}

impl std::fmt::Debug for JobAdder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The pool's own would show the password.
        f.debug_struct("JobAdder").field("replicated", &self.replicated).finish_non_exhaustive()
    }
}

impl JobAdder {
    /// Connects once, so that a wrong URL or an absent server is noticed now; later connections are made when needed,
    /// the address resolved anew for each.
    ///
    /// # Errors
    /// A URL that isn't one, no server within 3 s, or a refused login.
    pub async fn connect(url: &str, replicated: Option<Replicated>) -> Result<Self, ConnectError> {
        let connector = Connector::new(url).map_err(ConnectError::Url)?;
        let replicated = replicated.map(Replicated::bounded);
        let adder = Self { pool: pool(url, replicated)?, replicated };
        let operation = || format!("connect to {}", connector.address());
        match adder.connection().await {
            Ok(_) => Ok(adder),
            Err(error) => Err(ConnectError::Unreachable(StoreError::new(operation(), error))),
        }
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
            batch.pipeline.cmd("WAIT").arg(wanted.replicas).arg(wanted.timeout.as_millis() as u64);
        }
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => return batch.all_failed(AddError::Unreachable, &error),
        };
        let commands = batch.entries + usize::from(self.replicated.is_some());
        match connection.send_packed_commands(&batch.pipeline, 0, commands).await {
            Ok(answers) => batch.judge(answers, self.replicated),
            Err(error) => {
                // Its answers may still come: the next user would take them for their own.
                drop(Connection::take(connection));
                batch.all_failed(AddError::AnswerLost, &error)
            }
        }
    }

    async fn connection(&self) -> Result<Connection, RedisError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            _ => io::Error::new(io::ErrorKind::TimedOut, "no connection was free, or could be made, in time")
                .into(),
        })
    }
}

fn pool(url: &str, replicated: Option<Replicated>) -> Result<Pool, ConnectError> {
    let wait = replicated.map_or(Duration::ZERO, |replicated| replicated.timeout);
    // The client's own limit of 500 ms would give up answers that are only late, and leave their jobs in doubt.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT + wait));
    let manager = Manager::new_with_config(url, config)
        .map_err(|error| ConnectError::Unreachable(StoreError::new("read the URL of Redis", error)))?;
    let pool = Pool::builder(manager)
        .max_size(MAX_CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(RESPONSE_TIMEOUT + wait))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .build();
    Ok(pool.expect("a pool with time-outs has a runtime"))
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

/// Entries that go to Redis in one round trip. `Debug` shows none of them.
pub struct Batch {
    queue: String,
    pipeline: Pipeline,
    entries: usize,
    bytes: usize,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { queue, entries, bytes, .. } = self;
        write!(f, "Batch({entries} entries of {bytes} bytes for {queue})")
    }
}

impl Batch {
    /// An empty one for this queue.
    pub fn new(queue: &QueueName) -> Self {
        Self { queue: queue.as_str().to_owned(), pipeline: Pipeline::new(), entries: 0, bytes: 0 }
    }

    /// Puts one more entry in, whether or not it [is full](Self::is_full).
    pub fn push(&mut self, fields: &[Field]) {
        self.pipeline.cmd("XADD").arg(&self.queue).arg("*");
        for (name, value) in fields {
            self.pipeline.arg(name.as_slice()).arg(value.as_slice());
        }
        self.entries += 1;
        self.bytes += entry_size(fields);
    }

    /// Whether it should be sent before more is put in.
    pub fn is_full(&self) -> bool {
        self.entries >= MAX_BATCH_ENTRIES || self.bytes >= MAX_BATCH_BYTES
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    fn judge(&self, answers: Vec<Value>, replicated: Option<Replicated>) -> Vec<Result<EntryId, AddError>> {
        let mut answers = answers.into_iter();
        let added: Vec<_> = answers.by_ref().take(self.entries).map(|answer| self.entry_id(answer)).collect();
        let Some(wanted) = replicated else { return added };
        let replicas = answers.next().and_then(|answer| integer(&answer)).unwrap_or(0);
        let replicas = u32::try_from(replicas).unwrap_or(0);
        if replicas >= wanted.replicas {
            return added;
        }
        added.into_iter().map(|entry| Err(AddError::NotReplicated { entry: entry?, replicas })).collect()
    }

    fn entry_id(&self, answer: Value) -> Result<EntryId, AddError> {
        let answer = answer.extract_error().map_err(|error| AddError::Refused(self.failed(error)))?;
        bytes(answer).and_then(|id| EntryId::parse(&id)).ok_or_else(|| {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the answer is no id of an entry");
            AddError::AnswerLost(self.failed(error.into()))
        })
    }

    fn all_failed(
        &self,
        kind: fn(StoreError) -> AddError,
        error: &RedisError,
    ) -> Vec<Result<EntryId, AddError>> {
        (0..self.entries).map(|_| Err(kind(self.failed(error.clone())))).collect()
    }

    fn failed(&self, error: RedisError) -> StoreError {
        StoreError::new(format!("add to {}", self.queue), error)
    }
}
