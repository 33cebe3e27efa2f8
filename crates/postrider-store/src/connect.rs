//! Connections to Redis, made one by one: the engine knows each of its few, and when the last byte came on it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisError,
    Value,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::resp::RespConnection;

/// How long making a connection may take, its handshake and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where Redis is. The address is resolved anew for each connection, so that a failover by DNS is followed.
#[derive(Clone)]
pub struct Connector {
    client: Client,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connector({})", self.address())
    }
}

impl Connector {
    /// Reads `redis.url`; the error says what would be accepted and repeats nothing of the URL.
    pub fn new(url: &str) -> Result<Self, String> {
        let accepted = "redis://[user:password@]host:port[/db], rediss:// for TLS, or redis+unix:///path";
        if url.starts_with("redis+sentinel:") || url.starts_with("redis+cluster:") {
            return Err(format!("Sentinel and Cluster are not served by this version; accepted: {accepted}"));
        }
        let info = url.into_connection_info().map_err(|_| format!("accepted: {accepted}"))?;
        // Replies are taken apart by hand, in the older protocol, whatever the URL asks for.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let info = info.set_redis_settings(settings);
        let client = Client::open(info).map_err(|_| format!("accepted: {accepted}"))?;
        Ok(Self { client })
    }

    /// Host and port, or the socket's path; no user, no password.
    pub fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// A connection whose commands fail when no answer came within `response_timeout`; `None`: never.
    pub async fn connect(&self, response_timeout: Option<Duration>) -> Result<Connection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(response_timeout);
        in_time(self.open(config)).await
    }

    /// A connection for blocking reads: no time-out but the one its user keeps.
    pub(crate) async fn connect_reader(&self) -> Result<ReaderConnection, RedisError> {
        in_time(async {
            let settings = self.client.get_connection_info().redis_settings();
            Ok(match self.dial().await? {
                Some(socket) => ReaderConnection::Own(RespConnection::over(socket, settings).await?),
                None => ReaderConnection::Library(
                    self.open(AsyncConnectionConfig::new().set_response_timeout(None)).await?,
                ),
            })
        })
        .await
    }

    async fn open(&self, config: AsyncConnectionConfig) -> Result<Connection, RedisError> {
        let settings = self.client.get_connection_info().redis_settings();
        match self.dial().await? {
            Some(socket) => Connection::over(socket, settings, config).await,
            None => {
                let inner = self.client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Connection::new(inner, None, None))
            }
        }
    }

    /// A bare socket; none where TLS is wanted, which only the client library speaks.
    async fn dial(&self) -> Result<Option<Socket>, RedisError> {
        match self.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Some(Box::new(stream)))
            }
            ConnectionAddr::Unix(path) => Ok(Some(Box::new(UnixStream::connect(path).await?))),
            _ => Ok(None),
        }
    }
}

async fn in_time<T>(connecting: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connection) => connection,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 3 s").into()),
    }
}

/// A connected stream of bytes.
pub(crate) type Socket = Box<dyn Stream>;

/// What a socket can do.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A connection for blocking reads.
pub(crate) enum ReaderConnection {
    /// One whose replies are read here.
    Own(RespConnection),
    /// One of the client library, for TLS.
    Library(Connection),
}

/// One connection. A clone is the same connection, whose commands don't wait for each other's answers; dropping the last
/// clone closes the socket.
#[derive(Clone)]
pub struct Connection {
    inner: MultiplexedConnection,
    activity: Option<Activity>,
    shared: Arc<Shared>,
}

/// What all clones of a connection share.
struct Shared {
    driver: Option<tokio::task::AbortHandle>,
    is_broken: AtomicBool,
}

impl Connection {
    async fn over(
        stream: Socket,
        settings: &redis::RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<Self, RedisError> {
        let activity = Activity::new();
        let watched = Watched { stream, activity: activity.clone() };
        let (inner, driver) = MultiplexedConnection::new_with_config(settings, watched, config).await?;
        let driver = tokio::spawn(driver).abort_handle();
        Ok(Self::new(inner, Some(activity), Some(driver)))
    }

    fn new(
        inner: MultiplexedConnection,
        activity: Option<Activity>,
        driver: Option<tokio::task::AbortHandle>,
    ) -> Self {
        Self { inner, activity, shared: Arc::new(Shared { driver, is_broken: AtomicBool::new(false) }) }
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
        // No reply of ours has errors inside but that of EXEC, which `transact` looks through.
        match self.inner.send_packed_command(command).await? {
            Value::ServerError(error) => Err(error.into()),
            answer => Ok(answer),
        }
    }

    /// Runs a MULTI/EXEC transaction; an error of any of its commands is its error.
    pub async fn transact(&mut self, transaction: &redis::Pipeline) -> Result<Value, RedisError> {
        transaction.query_async(&mut self.inner).await
    }

    /// When the last byte came; `None` where that can't be seen (TLS).
    pub(crate) fn activity(&self) -> Option<Activity> {
        self.activity.clone()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
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

struct Watched {
    stream: Socket,
    activity: Activity,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        if poll.is_ready() {
            self.activity.note();
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
