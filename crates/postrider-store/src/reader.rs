//! The blocking read, on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use redis::{Cmd, RedisError};

use crate::connect::{Activity, Connector, ReaderConnection};
use crate::entry::{LeasedEntry, entries_of_read, integer};
use crate::fault::StoreError;
use crate::keys::GROUP;
use crate::link::Link;
use crate::queue::Queue;

/// Longest that a read waits inside Redis. Bounds how long a stop takes where CLIENT UNBLOCK isn't allowed.
pub const BLOCK: Duration = Duration::from_secs(1);

/// A connection that has brought no byte for so long beyond [`BLOCK`] is dead, whatever TCP thinks.
const MAX_QUIET: Duration = Duration::from_secs(10);

/// The same while Redis answers others: then it is this connection that is dead.
const MAX_QUIET_ALONE: Duration = Duration::from_secs(2);

/// The same where bytes can't be seen (TLS): long enough for the largest reply on a slow line.
const MAX_QUIET_UNSEEN: Duration = Duration::from_secs(120);

/// How often a connection is looked at while its reply is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Reads one queue for one worker.
pub struct Reader {
    connector: Connector,
    connection: Option<ReaderConnection>,
    client_id: Arc<AtomicI64>,
}

/// Wakes a reader out of its wait inside Redis.
#[derive(Clone, Debug)]
pub struct Waker(Arc<AtomicI64>);

impl Waker {
    /// Asks Redis to end the reader's wait at once. Where that isn't allowed the read ends by itself, after [`BLOCK`].
    pub async fn wake(&self, link: &mut Link) {
        let id = self.0.load(Ordering::Relaxed);
        if id > 0 {
            let mut command = redis::cmd("CLIENT");
            command.arg("UNBLOCK").arg(id).arg("TIMEOUT");
            let _ = link.send(&command, || "unblock the reader".to_owned()).await;
        }
    }
}

impl Reader {
    /// A reader with no connection yet.
    pub fn new(connector: Connector) -> Self {
        Self { connector, connection: None, client_id: Arc::default() }
    }

    /// A handle that ends this reader's waits.
    pub fn waker(&self) -> Waker {
        Waker(self.client_id.clone())
    }

    /// Leases up to `count` unread entries, waiting for the first of them up to [`BLOCK`].
    ///
    /// `redis_answers` tells whether Redis has answered someone else within the last moments.
    ///
    /// The future must not be dropped: Redis would hand the entries to a reply that nobody reads. After an error, entries
    /// may be pending for this worker that it never saw (see [`Queue::own_pending`]).
    pub async fn read(
        &mut self,
        queue: &Queue,
        count: usize,
        redis_answers: impl Fn() -> bool,
    ) -> Result<Vec<LeasedEntry>, StoreError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(queue.consumer()).arg("COUNT").arg(count);
        command.arg("BLOCK").arg(BLOCK.as_millis() as u64).arg("STREAMS").arg(&queue.keys().stream).arg(">");
        self.read_raw(&command, redis_answers).await.map_err(|error| {
            let error = StoreError::new(format!("read {}", queue.name()), error);
            if error.class().needs_new_connection() {
                self.connection = None;
            }
            error
        })
    }

    async fn read_raw(
        &mut self,
        command: &Cmd,
        redis_answers: impl Fn() -> bool,
    ) -> Result<Vec<LeasedEntry>, RedisError> {
        if self.connection.is_none() {
            let mut connection = self.connector.connect_reader().await?;
            self.client_id.store(ask_id(&mut connection).await?, Ordering::Relaxed);
            self.connection = Some(connection);
        }
        match self.connection.as_mut().expect("it was made just now where it was missing") {
            ReaderConnection::Own(connection) => {
                let activity = connection.activity();
                watch(Some(&activity), connection.read_entries(command), redis_answers).await
            }
            ReaderConnection::Library(connection) => {
                let activity = connection.activity();
                watch(activity.as_ref(), connection.send(command), redis_answers).await.map(entries_of_read)
            }
        }
    }
}

/// This connection's id, 0 where Redis refuses to tell it: then a stop only takes a moment longer. Silence is another matter.
async fn ask_id(connection: &mut ReaderConnection) -> Result<i64, RedisError> {
    let mut ask = redis::cmd("CLIENT");
    ask.arg("ID");
    let id = tokio::time::timeout(MAX_QUIET_ALONE, async {
        match connection {
            ReaderConnection::Own(connection) => connection.number(&ask).await.ok().flatten(),
            ReaderConnection::Library(connection) => {
                connection.send(&ask).await.ok().as_ref().and_then(integer)
            }
        }
    });
    Ok(id.await.map_err(|_| silent())?.unwrap_or(0))
}

/// Waits for the reply as long as the connection shows life.
async fn watch<T>(
    activity: Option<&Activity>,
    reply: impl Future<Output = Result<T, RedisError>>,
    redis_answers: impl Fn() -> bool,
) -> Result<T, RedisError> {
    tokio::pin!(reply);
    let started = tokio::time::Instant::now();
    loop {
        let (quiet, most) = match activity {
            Some(activity) if redis_answers() => (activity.age().min(started.elapsed()), MAX_QUIET_ALONE),
            Some(activity) => (activity.age().min(started.elapsed()), MAX_QUIET),
            None => (started.elapsed(), MAX_QUIET_UNSEEN),
        };
        if quiet > BLOCK + most {
            return Err(silent());
        }
        tokio::select! {
            reply = &mut reply => return reply,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn silent() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the connection has gone silent").into()
}
