//! Redis as the phase wants it: one server, or a primary and its replica with sentinels.

use std::time::Duration;

use anyhow::{Context, bail};
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::sentinel::SentinelSet;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Value};
use tokio::sync::Mutex;

use super::clocks::Clocks;
use crate::fault::Topology;

/// What isn't answered by then counts as lost.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a primary is looked for before a look counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The servers. Their processes are behind a lock, which a fault holds for as long as it lasts; asking them needs none.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) processes: Processes,
    urls: Vec<String>,
    worker_url: String,
    single_port: Option<u16>,
}

/// The processes of the servers.
#[derive(Debug)]
pub(crate) enum Processes {
    Single(Mutex<RedisServer>),
    Watched(Mutex<SentinelSet>),
}

impl Servers {
    pub(super) async fn start(topology: Topology, clocks: Option<&Clocks>) -> Self {
        let fsync = match topology {
            Topology::Always => "always",
            Topology::EverySecond => "everysec",
            Topology::Sentinel => return Self::watched(SentinelSet::start().await),
        };
        let server = RedisServer::start_with(single(fsync, clocks)).await;
        let (urls, worker_url) = (vec![server.url()], server.url());
        let single_port = Some(server.port());
        Self { processes: Processes::Single(Mutex::new(server)), urls, worker_url, single_port }
    }

    fn watched(set: SentinelSet) -> Self {
        let urls = set.servers.iter().map(RedisServer::url).collect();
        let worker_url = set.url();
        Self { processes: Processes::Watched(Mutex::new(set)), urls, worker_url, single_port: None }
    }

    /// Where the one server listens.
    pub(crate) fn single_port(&self) -> Option<u16> {
        self.single_port
    }

    /// What a worker is told that goes there directly.
    pub(crate) fn worker_url(&self) -> &str {
        &self.worker_url
    }

    /// Whether there is a replica whose receipt makes an acceptance sure.
    pub(crate) fn is_replicated(&self) -> bool {
        self.urls.len() > 1
    }

    /// A new connection to whoever is the primary now, past all proxies.
    pub(crate) async fn primary(&self) -> anyhow::Result<MultiplexedConnection> {
        Ok(self.numbered_primary().await?.1)
    }

    /// Likewise, with the number of that server.
    pub(crate) async fn numbered_primary(&self) -> anyhow::Result<(usize, MultiplexedConnection)> {
        for (number, url) in self.urls.iter().enumerate() {
            let Ok(mut connection) = connect(url).await else { continue };
            if !self.is_replicated() || is_primary(&mut connection).await {
                return Ok((number, connection));
            }
        }
        bail!("no server is a primary at the moment")
    }
}

async fn connect(url: &str) -> anyhow::Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let client = Client::open(url)?;
    client.get_multiplexed_async_connection_with_config(&config).await.context("failed to reach Redis")
}

async fn is_primary(connection: &mut MultiplexedConnection) -> bool {
    let role: Result<Vec<Value>, _> = redis::cmd("ROLE").query_async(connection).await;
    matches!(role.as_deref(), Ok([Value::BulkString(name), ..]) if name == b"master")
}

/// One server that can be harmed in every way: its clock is false where that is possible, and a file that must not grow
/// makes writing fail instead of ending it.
fn single(fsync: &'static str, clocks: Option<&Clocks>) -> RedisOptions {
    let mut launcher: Vec<String> =
        ["sh", "-c", "trap '' XFSZ; exec env \"$@\"", "redis"].map(str::to_owned).to_vec();
    for (name, value) in clocks.map(Clocks::of_redis).unwrap_or_default() {
        launcher.push(format!("{name}={value}"));
    }
    RedisOptions { append_fsync: Some(fsync), launcher, ..RedisOptions::default() }
}
