//! What befalls the process of the one Redis: death, stand-still, a clock that steps, a disk that is full.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use postrider_tests::redis_server::RedisServer;
use postrider_tests::wait::until;
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;
use crate::scene::servers::Processes;

/// How long Redis is away between its end and its start (milliseconds).
const AWAY_MS: Range<u64> = 0..2_500;

/// How long it stands still.
const STOP_MS: Range<u64> = 1_000..10_000;

/// How far its clock steps, in seconds, either way.
const STEP_SECONDS: Range<i64> = 2..20;

/// How long its clock is wrong.
const WRONG_MS: Range<u64> = 1_500..4_000;

/// How much more than now may be written to a file before the disk is full.
const ROOM_BYTES: u64 = 2_000;

/// How long writing stays impossible once Redis has noticed.
const FULL_MS: Range<u64> = 300..3_000;

/// By then, under load, Redis has met the end of the disk.
const MAX_FILL: Duration = Duration::from_secs(15);

impl Harm {
    pub(super) async fn on_redis_process(&mut self) -> anyhow::Result<()> {
        let scene = self.scene.clone();
        let Processes::Single(server) = &scene.servers.processes else { return Ok(()) };
        let mut server = server.lock().await;
        match self.kind {
            Kind::RedisStop => self.stop_redis(&mut server).await,
            Kind::RedisClock => self.step_redis_clock().await?,
            Kind::DiskFull => self.fill_disk(&server).await?,
            _ => self.restart_redis(&mut server).await,
        }
        Ok(())
    }

    async fn restart_redis(&mut self, server: &mut RedisServer) {
        let away = self.millis(AWAY_MS);
        let fault = self.begin(Scope::All, format!("away for {away:?}"));
        if self.kind == Kind::RedisKill {
            server.kill9();
        } else {
            server.shutdown().await;
        }
        sleep(away).await;
        server.restart().await;
        self.over(fault);
    }

    async fn stop_redis(&mut self, server: &mut RedisServer) {
        let lasts = self.millis(STOP_MS);
        let fault = self.begin(Scope::All, format!("for {lasts:?}"));
        server.pause();
        sleep(lasts).await;
        server.resume();
        self.over(fault);
    }

    async fn step_redis_clock(&mut self) -> anyhow::Result<()> {
        let clocks = self.scene.clocks.as_ref().context("there are no false clocks")?;
        let sign = if self.rng.bool() { 1 } else { -1 };
        let seconds = sign * self.rng.i64(STEP_SECONDS);
        let fault = self.begin(Scope::All, format!("{seconds:+} s"));
        clocks.set_redis(seconds)?;
        let wrong = Duration::from_millis(self.rng.u64(WRONG_MS));
        sleep(wrong).await;
        clocks.set_redis(0)?;
        self.over(fault);
        Ok(())
    }

    async fn fill_disk(&mut self, server: &RedisServer) -> anyhow::Result<()> {
        let room = largest_file(&server.folder().join("appendonlydir"))? + ROOM_BYTES;
        let fault = self.begin(Scope::All, format!("at {room} bytes"));
        limit_files(server.id(), &room.to_string())?;
        let noticed =
            tokio::time::timeout(MAX_FILL, until("Redis notices", MAX_FILL, || fails_to_write(server)));
        let noticed = noticed.await.is_ok();
        sleep(self.millis(FULL_MS)).await;
        limit_files(server.id(), "unlimited")?;
        ensure!(noticed, "Redis never met the end of the disk");
        until("Redis writes again", MAX_FILL, || writes(server)).await;
        self.healed(fault);
        rewrite(server).await;
        self.over(fault);
        Ok(())
    }
}

fn largest_file(folder: &Path) -> anyhow::Result<u64> {
    let sizes = fs::read_dir(folder)?.filter_map(Result::ok).filter_map(|file| file.metadata().ok());
    sizes.map(|file| file.len()).max().context("the folder of the append-only file is empty")
}

/// The soft limit only: it can be raised again by anyone.
fn limit_files(process: u32, bytes: &str) -> anyhow::Result<()> {
    let limit = format!("--fsize={bytes}:unlimited");
    let told = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).output()?;
    ensure!(told.status.success(), "prlimit failed: {}", String::from_utf8_lossy(&told.stderr));
    Ok(())
}

/// Writes the append-only file anew. Redis 7.0 garbles it when a write falls short after a rewrite, and says nothing until
/// it can't start from it: an operator whose disk was full does this before anything else happens.
async fn rewrite(server: &RedisServer) {
    until("the append-only file is written anew", MAX_FILL, || async {
        let mut connection = server.try_connection().await.map_err(|error| error.to_string())?;
        let begun: Result<String, _> = redis::cmd("BGREWRITEAOF").query_async(&mut connection).await;
        // Refused while another is under way, which may have begun too soon.
        begun.map(drop).map_err(|error| error.to_string())
    })
    .await;
    until("that is done", MAX_FILL, || async {
        let info = persistence(server).await?;
        let is_done =
            ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok"]
                .iter()
                .all(|fact| info.contains(fact));
        if is_done { Ok(()) } else { Err(info) }
    })
    .await;
}

async fn persistence(server: &RedisServer) -> Result<String, String> {
    let mut connection = server.try_connection().await.map_err(|error| error.to_string())?;
    let info = redis::cmd("INFO").arg("persistence").query_async(&mut connection).await;
    info.map_err(|error: redis::RedisError| error.to_string())
}

async fn fails_to_write(server: &RedisServer) -> Result<(), String> {
    if is_writing(server).await? { Err("it writes".to_owned()) } else { Ok(()) }
}

async fn writes(server: &RedisServer) -> Result<(), String> {
    if is_writing(server).await? { Ok(()) } else { Err("it fails to write".to_owned()) }
}

async fn is_writing(server: &RedisServer) -> Result<bool, String> {
    Ok(persistence(server).await?.contains("aof_last_write_status:ok"))
}
