//! One connection for commands, and when the last byte came on one for reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError, Value};

use super::patience::{Watched, while_bytes_come};
use super::socket::Socket;

/// One connection. A clone is the same connection, whose commands don't wait for each other's answers; dropping the last
/// clone closes the socket.
#[derive(Clone)]
pub struct Connection {
    inner: MultiplexedConnection,
    shared: Arc<Shared>,
    activity: Activity,
    response_timeout: Option<Duration>,
    epoch: u64,
    /// Each command goes behind ASKING.
    is_asking: bool,
}

/// What all clones of a connection share.
struct Shared {
    driver: tokio::task::AbortHandle,
    is_broken: AtomicBool,
}

impl Connection {
    /// Logs in over a new socket.
    pub(super) async fn over(
        socket: Socket,
        login: &RedisConnectionInfo,
        response_timeout: Option<Duration>,
        epoch: u64,
    ) -> Result<Self, RedisError> {
        // The client's own limit would be one for the whole of an answer, however large it is.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let activity = Activity::new();
        let socket = Watched::new(socket, activity.clone());
        let (inner, driver) = MultiplexedConnection::new_with_config(login, socket, config).await?;
        let driver = tokio::spawn(driver).abort_handle();
        let shared = Arc::new(Shared { driver, is_broken: AtomicBool::new(false) });
        Ok(Self { inner, shared, activity, response_timeout, epoch, is_asking: false })
    }

    /// The same, for commands that a moving slot's old owner has sent to its new one.
    pub(crate) fn asking(self) -> Self {
        Self { is_asking: true, ..self }
    }

    /// The connector's epoch when it was made.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Says that this connection is of no use any more, for all that share it.
    pub(crate) fn give_up(&self) {
        self.shared.is_broken.store(true, Ordering::Relaxed);
    }

    /// Whether someone has given it up.
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.is_broken.load(Ordering::Relaxed)
    }

    /// Sends one command and waits for its answer.
    pub async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        if self.is_asking {
            return self.send_asking(command).await;
        }
        // No reply of ours has errors inside but that of EXEC, which `transact` looks through.
        let answer =
            patiently(&self.activity, self.response_timeout, self.inner.send_packed_command(command));
        match answer.await? {
            Value::ServerError(error) => Err(error.into()),
            answer => Ok(answer),
        }
    }

    async fn send_asking(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        let answers = self.inner.send_packed_commands(&both, 1, 1);
        let answer = patiently(&self.activity, self.response_timeout, answers).await?.pop();
        answer.unwrap_or(Value::Nil).extract_error()
    }

    /// Sends commands in one go; each answer may be an error of its own.
    pub(crate) async fn send_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let count = commands.cmd_iter().count();
        if !self.is_asking {
            let answers = self.inner.send_packed_commands(commands, 0, count);
            return patiently(&self.activity, self.response_timeout, answers).await;
        }
        let mut asking = redis::pipe();
        for command in commands.cmd_iter() {
            asking.cmd("ASKING").add_command(command.clone());
        }
        let answers = self.inner.send_packed_commands(&asking, 0, 2 * count);
        let answers = patiently(&self.activity, self.response_timeout, answers).await?;
        Ok(answers.into_iter().skip(1).step_by(2).collect())
    }

    /// Runs a MULTI/EXEC transaction; an error of any of its commands is its error.
    pub async fn transact(&mut self, transaction: &Pipeline) -> Result<Value, RedisError> {
        patiently(&self.activity, self.response_timeout, transaction.query_async(&mut self.inner)).await
    }
}

/// Waits for an answer; `limit`: how long nothing may come of it.
async fn patiently<T>(
    activity: &Activity,
    limit: Option<Duration>,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    match limit {
        Some(limit) => while_bytes_come(activity, limit, answer).await,
        None => answer.await,
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// When the last byte came.
#[derive(Clone)]
pub(crate) struct Activity {
    start: Instant,
    last_millis: Arc<AtomicU64>,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), last_millis: Arc::default() }
    }

    pub(crate) fn note(&self) {
        self.last_millis.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn age(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.last_millis.load(Ordering::Relaxed)))
    }
}
