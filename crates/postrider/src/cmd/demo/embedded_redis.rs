//! The demo's private Redis: a `redis-server` child on a free loopback port with an append-only file. Owns the
//! process; what is in it is the queue's.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use postrider_store::connect::Connector;
use postrider_store::inspect;
use postrider_store::link::Link;
use postrider_store::start_check::{self, Fitness};
use tokio::time::Instant;

use super::child::{ChildProcess, LOOK_PAUSE};

/// The programs that serve, the first found first.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// How often another program may be faster in taking the free port.
const MAX_STARTS: u32 = 5;

/// How long it may take to answer: an append-only file of many demos takes a while to read.
const START_PATIENCE: Duration = Duration::from_secs(8);

/// A server that answers.
#[derive(Debug)]
pub(crate) struct EmbeddedRedis {
    pub(crate) process: ChildProcess,
    /// For workers and users.
    pub(crate) url: String,
    pub(crate) connector: Connector,
    pub(crate) version: String,
}

impl EmbeddedRedis {
    /// Starts it with its files in `folder`; returns when it answers and is fit to hold jobs.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        for _ in 0..MAX_STARTS {
            let port = free_port().context("failed to find a free port")?;
            let url = format!("redis://127.0.0.1:{port}");
            let connector = Connector::new(&url).map_err(|error| anyhow!(error))?;
            let mut process = spawn(folder, port)?;
            if answers(&mut process, &connector).await? {
                let version = fit_version(&connector).await?;
                return Ok(Self { process, url, connector, version });
            }
        }
        bail!("redis-server found no free port in {MAX_STARTS} starts")
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn spawn(folder: &Path, port: u16) -> anyhow::Result<ChildProcess> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.current_dir(folder).args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]);
        match ChildProcess::spawn(&mut command, folder.join("redis.log")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            spawned => return spawned.with_context(|| format!("failed to start {program}")),
        }
    }
    bail!(
        "the demo needs the program redis-server, and it is not in PATH: install Redis 7.0 or newer \
         (apt-get install redis-server, dnf install redis, brew install redis)"
    )
}

/// Waits until it answers; `false`: another program has taken its port.
async fn answers(process: &mut ChildProcess, connector: &Connector) -> anyhow::Result<bool> {
    let deadline = Instant::now() + START_PATIENCE;
    let mut link = Link::new(connector.clone());
    loop {
        // Whoever else answers at this port isn't ours.
        if inspect::server_pid(&mut link).await.is_ok_and(|pid| pid == process.id()) {
            return Ok(true);
        }
        match process.end() {
            Some(end) if end.contains("in use") => return Ok(false),
            Some(end) => bail!("redis-server doesn't start: {end}"),
            None if Instant::now() > deadline => {
                bail!("redis-server doesn't answer; its log: {}", process.log_path().display())
            }
            None => tokio::time::sleep(LOOK_PAUSE).await,
        }
    }
}

async fn fit_version(connector: &Connector) -> anyhow::Result<String> {
    let facts = start_check::facts(&mut Link::new(connector.clone())).await?;
    match start_check::fitness(&facts, false) {
        Fitness::Unfit(sentence) => bail!(sentence),
        Fitness::Fit(_) => Ok(facts.version),
    }
}
