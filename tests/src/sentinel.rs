//! A primary, its replicas and the sentinels that watch over them, all on loopback. Owns the processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::ports::free_port;
use crate::process::Process;
use crate::redis_server::{RedisOptions, RedisServer, program};
use crate::wait::{PATIENCE, until};

/// What the primary is called.
pub const NAME: &str = "main";

/// Silence after which a sentinel takes a server for dead. Short, so that a test of a failover takes seconds.
const DOWN_AFTER_MS: u32 = 1000;

/// The password of the servers.
pub const PASSWORD: &str = "data-s3cret";

/// The password of the sentinels.
pub const SENTINEL_PASSWORD: &str = "sentinel-s3cret";

/// Sentinels that watch over one primary.
#[derive(Debug)]
pub struct SentinelSet {
    sentinels: Vec<Sentinel>,
    /// The servers; the first was the primary at the start.
    pub servers: Vec<RedisServer>,
}

/// One sentinel.
#[derive(Debug)]
pub struct Sentinel {
    // Before the folder, which holds its configuration and its log.
    process: Process,
    _folder: TempDir,
    port: u16,
}

impl SentinelSet {
    /// Two servers and three sentinels; returns when all know of each other.
    pub async fn start() -> Self {
        let primary = RedisServer::start_with(options(&[])).await;
        let port = primary.port().to_string();
        let replica = RedisServer::start_with(options(&["--replicaof", "127.0.0.1", &port])).await;
        let sentinels = (0..3).map(|_| Sentinel::start(primary.port(), 2)).collect();
        let set = Self { sentinels, servers: vec![primary, replica] };
        for sentinel in &set.sentinels {
            until("the sentinel knows the others", PATIENCE, || async {
                let known = sentinel.known().await.map_err(|error| error.to_string())?;
                if known == ("1".to_owned(), "2".to_owned()) { Ok(()) } else { Err(format!("{known:?}")) }
            })
            .await;
        }
        set
    }

    /// The URL for a worker, passwords included.
    pub fn url(&self) -> String {
        url_of(&self.sentinels.iter().collect::<Vec<_>>())
    }

    /// The same with another sentinel, named before these.
    pub fn url_behind(&self, first: &Sentinel) -> String {
        url_of(&std::iter::once(first).chain(&self.sentinels).collect::<Vec<_>>())
    }

    /// Asks for a failover as an operator does.
    ///
    /// # Panics
    /// When the sentinel refuses.
    pub async fn fail_over(&self) {
        until("the sentinel starts a failover", PATIENCE, || async {
            let mut connection = self.sentinels[0].connection().await.map_err(|error| error.to_string())?;
            let mut fail_over = redis::cmd("SENTINEL");
            fail_over.arg("FAILOVER").arg(NAME);
            let told: RedisResult<()> = fail_over.query_async(&mut connection).await;
            told.map_err(|error| error.to_string())
        })
        .await;
    }

    /// Waits until another server than `former` is the primary; its number.
    pub async fn new_primary(&self, former: usize) -> usize {
        until("another server is the primary", PATIENCE, || async {
            for (number, server) in self.servers.iter().enumerate().filter(|(number, _)| *number != former) {
                if role(server).await.is_ok_and(|role| role == "master") {
                    return Ok(number);
                }
            }
            Err("there is none")
        })
        .await
    }

    /// Waits until the server follows a primary, and has all that it has.
    pub async fn follows(&self, number: usize) {
        until("the server is a replica in step", PATIENCE, || async {
            let info = replication(&self.servers[number]).await.unwrap_or_default();
            let in_step = info.contains("role:slave") && info.contains("master_link_status:up");
            if in_step { Ok(()) } else { Err(info) }
        })
        .await;
    }
}

fn url_of(sentinels: &[&Sentinel]) -> String {
    let hosts: Vec<_> = sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let hosts = hosts.join(",");
    format!("redis+sentinel://:{PASSWORD}@{hosts}/{NAME}?sentinel_password={SENTINEL_PASSWORD}")
}

/// How a server is set up that sentinels watch over, and more of its command line.
pub fn options(more: &[&str]) -> RedisOptions {
    let common = ["--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"];
    let extra = common.iter().chain(more).map(|word| (*word).to_owned()).collect();
    RedisOptions { password: Some(PASSWORD.to_owned()), extra, ..RedisOptions::default() }
}

async fn role(server: &RedisServer) -> RedisResult<String> {
    let mut connection = server.try_connection().await?;
    let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
    Ok(role
        .into_iter()
        .next()
        .and_then(|role| redis::FromRedisValue::from_redis_value(role).ok())
        .unwrap_or_default())
}

async fn replication(server: &RedisServer) -> RedisResult<String> {
    let mut connection = server.try_connection().await?;
    redis::cmd("INFO").arg("replication").query_async(&mut connection).await
}

impl Sentinel {
    /// A sentinel of the server at this port; `quorum` must agree that it is dead.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(watched: u16, quorum: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, configuration(port, watched, quorum)).expect("the folder can be written to");
        let process = spawn(&file, folder.path());
        Self { process, _folder: folder, port }
    }

    /// Its URL alone, passwords included.
    pub fn url(&self) -> String {
        url_of(&[self])
    }

    /// Watches another server from now on, as if that had been the primary all the time.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn watch(&self, watched: u16) {
        let mut connection = self.connection().await.expect("the sentinel answers");
        let mut script = redis::pipe();
        script.cmd("SENTINEL").arg("REMOVE").arg(NAME).ignore();
        script.cmd("SENTINEL").arg("MONITOR").arg(NAME).arg("127.0.0.1").arg(watched).arg(99).ignore();
        script.cmd("SENTINEL").arg("SET").arg(NAME).arg("auth-pass").arg(PASSWORD).ignore();
        let () = script.query_async(&mut connection).await.expect("the sentinel is told");
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let url = format!("redis://:{SENTINEL_PASSWORD}@127.0.0.1:{}", self.port);
        redis::Client::open(url)?.get_multiplexed_async_connection().await
    }

    /// How many replicas and how many other sentinels it knows.
    async fn known(&self) -> RedisResult<(String, String)> {
        let mut connection = self.connection().await?;
        let flat: Vec<String> =
            redis::cmd("SENTINEL").arg("MASTER").arg(NAME).query_async(&mut connection).await?;
        let value = |name: &str| {
            let found = flat.chunks(2).find(|pair| pair[0] == name);
            found.map_or_else(String::new, |pair| pair[1].clone())
        };
        Ok((value("num-slaves"), value("num-other-sentinels")))
    }
}

fn configuration(port: u16, watched: u16, quorum: u32) -> String {
    format!(
        "port {port}\nbind 127.0.0.1\nrequirepass {SENTINEL_PASSWORD}\nsentinel sentinel-pass {SENTINEL_PASSWORD}\n\
         sentinel monitor {NAME} 127.0.0.1 {watched} {quorum}\nsentinel auth-pass {NAME} {PASSWORD}\n\
         sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\nsentinel failover-timeout {NAME} 4000\n"
    )
}

fn spawn(file: &Path, folder: &Path) -> Process {
    let mut command = Command::new(program());
    command.arg(file).arg("--sentinel").current_dir(folder);
    match Process::spawn(&mut command, &folder.join("sentinel.log")) {
        Ok(process) => process,
        Err(error) => panic!("a sentinel can't be started: {error}"),
    }
}
