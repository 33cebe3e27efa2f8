//! Connections to Redis, made one by one: the engine knows each of its few, and when the last byte came on it.
//!
//! - `place`: what `redis.url` says; `socket` and [`tls`]: from a host to a stream of bytes.
//! - `sentinel`: which server is the primary; `cluster`: which node serves a slot, `redirect`: what a node says that doesn't.
//! - `connection`: one connection for commands, `patience`: how long it waits. Reading has its own, elsewhere.

pub(crate) mod cluster;
mod connection;
mod patience;
mod place;
pub(crate) mod redirect;
mod sentinel;
mod socket;
pub mod tls;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postrider_core::shard::key_slot;
use redis::RedisError;

use self::cluster::Cluster;
use self::place::{Place, REDIS_PORT, Target};
use self::redirect::Redirect;
use self::sentinel::Sentinels;
use self::socket::dial_path;
use self::tls::{Tls, TlsFault};
use crate::fault::{FaultClass, describe, is_demotion};
use crate::resp::RespConnection;

pub(crate) use self::connection::Activity;
pub use self::connection::Connection;
pub(crate) use self::place::Host;
pub use self::place::{ACCEPTED_URLS, is_cluster, wants_tls};
pub(crate) use self::socket::{Dialler, Socket};

/// How long making a connection may take, its handshake and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where Redis is. Who serves is asked anew for each connection, and names are resolved anew, so that a failover is followed.
#[derive(Clone)]
pub struct Connector {
    way: Arc<Way>,
    /// In a cluster, the slot of the keys that this connector is for.
    home: Option<u16>,
}

/// What all clones of a connector share.
struct Way {
    target: Target,
    tls: Option<Tls>,
    guide: Guide,
    /// Grows whenever another server turns out to be the primary: connections from before are not to be trusted.
    epoch: AtomicU64,
}

/// How the server is found.
enum Guide {
    /// The URL names it.
    Url,
    Sentinels(Sentinels),
    Cluster(Cluster),
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connector({})", self.address())
    }
}

impl Connector {
    /// Reads `redis.url`; the error says what would be accepted and repeats nothing of the URL. Where TLS is wanted, the
    /// system's roots are trusted.
    pub fn new(url: &str) -> Result<Self, String> {
        let tls = if wants_tls(url)? {
            Some(Tls::new(None, None).map_err(|fault: TlsFault| fault.to_string())?)
        } else {
            None
        };
        Self::with_tls(url, tls)
    }

    /// Likewise, with TLS as it was set up; it isn't used where the URL doesn't want it.
    pub fn with_tls(url: &str, tls: Option<Tls>) -> Result<Self, String> {
        let target = Target::parse(url)?;
        let guide = match &target.place {
            Place::Server(_) | Place::Unix(_) => Guide::Url,
            Place::Sentinel { sentinels, name, login } => {
                Guide::Sentinels(Sentinels::new(sentinels, name, login))
            }
            Place::Cluster(seeds) => Guide::Cluster(Cluster::new(seeds)),
        };
        let tls = tls.filter(|_| target.wants_tls);
        Ok(Self { way: Arc::new(Way { target, tls, guide, epoch: AtomicU64::new(0) }), home: None })
    }

    /// Host and port, or the socket's path; no user, no password.
    pub fn address(&self) -> String {
        self.way.target.place.to_string()
    }

    /// Whether it leads to a cluster.
    pub fn is_cluster(&self) -> bool {
        self.cluster().is_some()
    }

    /// The same for a key and all that share its slot: in a cluster, connections lead to the node that serves it.
    pub fn for_key(&self, key: &str) -> Self {
        let home = self.is_cluster().then(|| key_slot(key.as_bytes()));
        Self { way: self.way.clone(), home }
    }

    /// A connection whose commands fail when no answer came within `response_timeout`; `None`: never.
    pub async fn connect(&self, response_timeout: Option<Duration>) -> Result<Connection, RedisError> {
        self.bounded(async {
            let socket = self.dial().await?;
            // Read now: it may have grown with the discovery of this very server.
            let over = Connection::over(socket, &self.way.target.login, response_timeout, self.epoch());
            over.await.map_err(|error| self.hint(error))
        })
        .await
    }

    /// A connection to one node of a cluster.
    pub(crate) async fn connect_to(
        &self,
        node: &Host,
        response_timeout: Option<Duration>,
    ) -> Result<Connection, RedisError> {
        self.bounded(async {
            let socket = self.dialler().dial(node).await?;
            Connection::over(socket, &self.way.target.login, response_timeout, self.epoch()).await
        })
        .await
    }

    /// A connection for blocking reads: no time-out but the one its user keeps.
    pub(crate) async fn connect_reader(&self) -> Result<RespConnection, RedisError> {
        self.bounded(async { RespConnection::over(self.dial().await?, &self.way.target.login).await }).await
    }

    /// Likewise, to a node that a key is moving to.
    pub(crate) async fn connect_reader_to(&self, node: &Host) -> Result<RespConnection, RedisError> {
        self.bounded(async { self.dialler().log_in(node).await }).await
    }

    /// Who serves a slot, or this connector's own where there is none.
    pub(crate) async fn owner(&self, cluster: &Cluster, slot: Option<u16>) -> Result<Arc<Host>, RedisError> {
        self.bounded(cluster.owner(slot.or(self.home), self.dialler())).await
    }

    /// All nodes that serve slots.
    pub(crate) async fn primaries(&self, cluster: &Cluster) -> Result<Vec<Arc<Host>>, RedisError> {
        self.bounded(cluster.primaries(self.dialler())).await
    }

    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match &self.way.guide {
            Guide::Cluster(cluster) => Some(cluster),
            Guide::Url | Guide::Sentinels(_) => None,
        }
    }

    /// Counts the changes of primary that were seen: a connection of an earlier epoch may lead to a server that is a replica
    /// now, and read what is out of date, or to one that will never answer again.
    pub(crate) fn epoch(&self) -> u64 {
        self.way.epoch.load(Ordering::Relaxed)
    }

    /// In a cluster, who serves this connector's slot as far as is known: a connection to another node has had its day.
    pub(crate) fn known_home(&self) -> Option<Arc<Host>> {
        self.cluster()?.known(self.home)
    }

    /// Learns from an error what it says of who serves, and tells where the command may be carried out instead.
    /// `epoch` is that of the connection that brought the error.
    pub(crate) fn learn(&self, error: &RedisError, epoch: u64) -> Option<Redirect> {
        if let Some(cluster) = self.cluster() {
            let redirect = Redirect::of(error);
            match &redirect {
                Some(Redirect::Moved { slot, host }) => cluster.moved(*slot, host.clone()),
                Some(Redirect::Ask { .. }) => {}
                None if leads_nowhere(error) => cluster.doubt(),
                None => {}
            }
            return redirect;
        }
        if is_demotion(error) {
            // Once for all connections of that epoch.
            let _ = self.way.epoch.compare_exchange(epoch, epoch + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        None
    }

    async fn dial(&self) -> Result<Socket, RedisError> {
        let dialler = self.dialler();
        match (&self.way.guide, &self.way.target.place) {
            (Guide::Sentinels(sentinels), _) => {
                let primary = sentinels.dial_primary(dialler).await?;
                if primary.is_new {
                    self.way.epoch.fetch_add(1, Ordering::Relaxed);
                }
                Ok(primary.socket)
            }
            (Guide::Cluster(cluster), _) => {
                Ok(dialler.dial(&*cluster.owner(self.home, dialler).await?).await?)
            }
            (Guide::Url, Place::Unix(path)) => Ok(dial_path(path).await?),
            (Guide::Url, Place::Server(host)) => Ok(dialler.dial(host).await?),
            (Guide::Url, _) => Err(refused("ERR", "nothing leads to this place".to_owned())),
        }
    }

    fn dialler(&self) -> Dialler<'_> {
        Dialler::new(self.way.tls.as_ref(), &self.way.target.login)
    }

    /// Connecting has an end; where it fails, the map of a cluster may be out of date.
    async fn bounded<T>(
        &self,
        connecting: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let connected = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 3 s").into()),
        };
        if let (Err(error), Some(cluster)) = (&connected, self.cluster())
            && leads_nowhere(error)
        {
            cluster.doubt();
        }
        connected
    }

    /// A server that wants TLS hangs up on who doesn't speak it, or answers with an alert.
    fn hint(&self, error: RedisError) -> RedisError {
        let is_cut_off = error.is_io_error() || error.kind() == redis::ErrorKind::Parse;
        if !is_cut_off || self.way.tls.is_some() {
            return error;
        }
        let text = format!(
            "the handshake failed ({}); if the server wants TLS, redis.url begins with rediss; \
             or it takes no more clients (maxclients)",
            describe(&error)
        );
        io::Error::new(io::ErrorKind::ConnectionAborted, text).into()
    }
}

/// No connection, or a cluster that says itself that it isn't whole.
fn leads_nowhere(error: &RedisError) -> bool {
    FaultClass::of(error) == FaultClass::Reconnect || error.code() == Some("CLUSTERDOWN")
}

/// An error as Redis would put it.
fn refused(code: &str, detail: String) -> RedisError {
    redis::make_extension_error(code.to_owned(), Some(detail))
}
