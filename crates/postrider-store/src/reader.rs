//! The blocking read, on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use redis::{Cmd, RedisError};

use crate::connect::redirect::Redirect;
use crate::connect::{Activity, Connector, Host};
use crate::entry::LeasedEntry;
use crate::fault::{FaultClass, StoreError};
use crate::keys::GROUP;
use crate::link::Link;
use crate::queue::Queue;
use crate::resp::RespConnection;

/// Longest that a read waits inside Redis. Bounds how long a stop takes where CLIENT UNBLOCK isn't allowed.
pub const BLOCK: Duration = Duration::from_secs(1);

/// A connection that has brought no byte for so long beyond [`BLOCK`] is dead, whatever TCP thinks.
const MAX_QUIET: Duration = Duration::from_secs(10);

/// The same while Redis answers others: then it is this connection that is dead.
const MAX_QUIET_ALONE: Duration = Duration::from_secs(2);

/// How often a connection is looked at while its reply is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whether a read waits where there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until an entry comes, at most for [`BLOCK`].
    ForEntries,
    /// Not at all: others want what is reserved for it.
    No,
}

/// Reads one queue for one worker.
pub struct Reader {
    connector: Connector,
    connection: Option<RespConnection>,
    client_id: Arc<AtomicI64>,
    /// The connector's epoch when the connection was made, and who served the stream.
    epoch: u64,
    home: Option<Arc<Host>>,
    /// In a cluster: the node that the stream is moving to, and has been seen at.
    moving_to: Option<Host>,
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
        Self { connector, connection: None, client_id: Arc::default(), epoch: 0, home: None, moving_to: None }
    }

    /// A handle that ends this reader's waits.
    pub fn waker(&self) -> Waker {
        Waker(self.client_id.clone())
    }

    /// Leases up to `count` unread entries, waiting for the first of them up to [`BLOCK`] where that is wanted.
    ///
    /// `redis_answers` tells whether Redis has answered someone else within the last moments.
    ///
    /// The future must not be dropped: Redis would hand the entries to a reply that nobody reads. After an error, entries
    /// may be pending for this worker that it never saw (see [`Queue::own_pending`]).
    pub async fn read(
        &mut self,
        queue: &Queue,
        count: usize,
        wait: Wait,
        redis_answers: impl Fn() -> bool,
    ) -> Result<Vec<LeasedEntry>, StoreError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(queue.consumer()).arg("COUNT").arg(count);
        if wait == Wait::ForEntries {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&queue.keys().stream).arg(">");
        self.read_raw(&command, redis_answers).await.map_err(|error| {
            self.judge(&error);
            StoreError::new(format!("read {}", queue.name()), error)
        })
    }

    fn judge(&mut self, error: &RedisError) {
        self.moving_to = match self.connector.learn(error, self.epoch) {
            Some(Redirect::Ask { host }) => Some(host),
            Some(Redirect::Moved { .. }) | None => None,
        };
        if FaultClass::of(error).needs_new_connection() {
            self.connection = None;
        }
    }

    /// Connects to whoever serves the stream.
    async fn connect(&mut self) -> Result<RespConnection, RedisError> {
        let mut connection = match &self.moving_to {
            None => self.connector.connect_reader().await?,
            Some(host) => self.connector.connect_reader_to(host).await?,
        };
        (self.epoch, self.home) = (self.connector.epoch(), self.connector.known_home());
        self.client_id.store(ask_id(&mut connection).await?, Ordering::Relaxed);
        Ok(connection)
    }

    async fn read_raw(
        &mut self,
        command: &Cmd,
        redis_answers: impl Fn() -> bool,
    ) -> Result<Vec<LeasedEntry>, RedisError> {
        if self.connection.is_none() || !leads_home(&self.connector, self.epoch, self.home.as_ref()) {
            self.connection = Some(self.connect().await?);
        }
        let connection = self.connection.as_mut().expect("it was made just now where it was missing");
        if self.moving_to.is_some() {
            connection.ask(&redis::cmd("ASKING")).await?;
        }
        let activity = connection.activity();
        let leads_home = || leads_home(&self.connector, self.epoch, self.home.as_ref());
        watch(&activity, connection.read_entries(command), redis_answers, leads_home).await
    }
}

/// Whether a connection of that epoch, to that node, still leads to who serves the stream.
fn leads_home(connector: &Connector, epoch: u64, home: Option<&Arc<Host>>) -> bool {
    connector.epoch() == epoch && connector.known_home().as_ref() == home
}

/// This connection's id, 0 where Redis refuses to tell it: then a stop only takes a moment longer. Silence is another matter.
async fn ask_id(connection: &mut RespConnection) -> Result<i64, RedisError> {
    let mut ask = redis::cmd("CLIENT");
    ask.arg("ID");
    let id = tokio::time::timeout(MAX_QUIET_ALONE, connection.number(&ask)).await;
    Ok(id.map_err(|_| silent())?.ok().flatten().unwrap_or(0))
}

/// Waits for the reply as long as the connection shows life. One that doesn't lead home any more has to show it at once.
async fn watch<T>(
    activity: &Activity,
    reply: impl Future<Output = Result<T, RedisError>>,
    redis_answers: impl Fn() -> bool,
    leads_home: impl Fn() -> bool,
) -> Result<T, RedisError> {
    tokio::pin!(reply);
    let started = tokio::time::Instant::now();
    loop {
        let quiet = activity.age().min(started.elapsed());
        let most = if redis_answers() { MAX_QUIET_ALONE } else { MAX_QUIET };
        if quiet > BLOCK + most || quiet >= LOOK_EVERY && !leads_home() {
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
