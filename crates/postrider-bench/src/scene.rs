//! One measurement's own Redis, receiver and workers: fresh each time, so that no run inherits another's files,
//! connections or memory. All of them end with it.

pub(crate) mod adding;
mod child;
mod keeping;
pub(crate) mod peer;
pub(crate) mod target;
mod worker;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::wait::until;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use self::child::{FloorProcess, ReceiverProcess};
pub(crate) use self::worker::{Worker, in_flight, slots};
use crate::args::FloorArgs;
use crate::floor::FloorFigures;

const QUEUE: &str = "postrider:deliveries";
const RETRY: &str = "{postrider:deliveries}:retry";
const DEAD: &str = "{postrider:deliveries}:dead";
const BEATS: &str = "{postrider:deliveries}:workers:seen";

/// How long the end of any load is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a measurement runs on.
pub(crate) struct Scene {
    pub(crate) receiver: ReceiverProcess,
    pub(crate) connection: MultiplexedConnection,
    redis: RedisServer,
    folder: TempDir,
}

impl Scene {
    /// A Redis with a file that is written every second, as `doctor` asks for, and a receiver.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
        // Redis would otherwise rewrite its file in the middle of a run, on a core that is measured.
        let extra = ["--auto-aof-rewrite-percentage", "0"].map(str::to_owned).to_vec();
        let redis = RedisServer::start_with(RedisOptions { extra, ..RedisOptions::default() }).await;
        let receiver = ReceiverProcess::start(folder.path()).await?;
        Ok(Self { connection: redis.connection().await, receiver, redis, folder })
    }

    /// Runs the raw loop to its end.
    pub(crate) async fn floor(&self, jobs: u64, concurrency: u32) -> anyhow::Result<FloorFigures> {
        let load = FloorArgs { url: self.receiver.url("ok"), jobs, concurrency };
        FloorProcess::start(self.folder.path(), &load)?.figures().await
    }

    /// Starts a worker with these settings beside the benchmark's own.
    pub(crate) fn worker(&self, program: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Worker> {
        Worker::start(program, self.folder.path(), &self.redis.url(), settings)
    }

    /// Waits until so many workers have beaten.
    pub(crate) async fn workers_beat(&self, count: u64) {
        until(&format!("{count} workers beat"), PATIENCE, || async {
            let beating = self.count("ZCARD", BEATS).await?;
            ensure!(beating >= count, "{beating} beat");
            anyhow::Ok(())
        })
        .await;
    }

    /// Waits until no job is ready, leased or waiting, and tells how many are dead.
    pub(crate) async fn settled(&self) -> anyhow::Result<u64> {
        until("every job has ended", PATIENCE, || async {
            // Waiting is asked for first and last: a job that moves between the questions is seen by one of them.
            let before = self.count("ZCARD", RETRY).await?;
            let in_stream = self.count("XLEN", QUEUE).await?;
            let waiting = before.max(self.count("ZCARD", RETRY).await?);
            ensure!(in_stream + waiting == 0, "{in_stream} in the stream, {waiting} waiting");
            anyhow::Ok(())
        })
        .await;
        self.count("XLEN", DEAD).await
    }

    /// Jobs that wait for a later time.
    pub(crate) async fn waiting(&self) -> anyhow::Result<u64> {
        self.count("ZCARD", RETRY).await
    }

    /// Jobs in the stream.
    pub(crate) async fn in_stream(&self) -> anyhow::Result<u64> {
        self.count("XLEN", QUEUE).await
    }

    /// The reply of a command that counts what a key holds.
    pub(crate) async fn count(&self, command: &str, key: &str) -> anyhow::Result<u64> {
        let mut connection = self.connection.clone();
        let reply = redis::cmd(command).arg(key).query_async(&mut connection).await;
        reply.with_context(|| format!("{command} of {key} was refused"))
    }
}
