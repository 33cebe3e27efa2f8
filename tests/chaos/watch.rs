//! Looks on while a phase runs: how much memory is used, and whether what must agree at any moment does.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::clock::{MILLI, SECOND, now_us};
use crate::load::QUEUE;
use crate::scene::Scene;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// The waiting jobs are listed in one key and kept in another; every script changes both or neither.
const WAITING: &str = "return {redis.call('ZCARD', KEYS[1]), redis.call('HLEN', KEYS[2])}";

/// What it has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Of each worker's process: its number, when (µs), and its resident KiB.
    pub(crate) workers: Vec<(u16, u64, u64)>,
    /// `used_memory` of Redis, with its time.
    pub(crate) redis: Vec<(u64, u64)>,
    /// Most jobs that waited at a time.
    pub(crate) most_waiting: u64,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// The most that any worker held, KiB.
    pub(crate) peak_kib: u64,
    /// How much the worst of the workers has grown by the hour, after it had warmed up, KiB; 0 where none lived so long.
    pub(crate) growth_kib_per_hour: i64,
}

/// A process counts as warm after so long (µs).
const WARM_AFTER: u64 = 60 * SECOND;

/// Shorter lives say nothing about growth.
const MIN_OBSERVED: u64 = 240 * SECOND;

/// How often this program looks whether it still runs.
const PULSE: Duration = Duration::from_millis(50);

/// A pulse that is so late (µs) is worth a note: an attempt's time is seconds.
const STALL: u64 = 400 * MILLI;

/// Notes when the machine lets this program wait.
pub(crate) async fn notice_stalls(scene: Arc<Scene>, stop: watch::Receiver<bool>) {
    let mut last = now_us();
    while !*stop.borrow() {
        sleep(PULSE).await;
        let now = now_us();
        if now.saturating_sub(last) > STALL {
            scene.ledger.stalled(last, now);
        }
        last = now;
    }
}

/// Looks until it is stopped.
pub(crate) async fn run(scene: Arc<Scene>, mut stop: watch::Receiver<bool>) -> Seen {
    let (mut seen, mut redis) = (Seen::default(), None);
    while !*stop.borrow() {
        look_at_workers(&scene, &mut seen).await;
        if redis.is_none() {
            redis = scene.servers.primary().await.ok();
        }
        if let Some(connection) = &mut redis
            && look_at_redis(&scene, connection, &mut seen).await.is_err()
        {
            redis = None;
        }
        let _ = timeout(EVERY, stop.wait_for(|stop| *stop)).await;
    }
    seen
}

async fn look_at_workers(scene: &Scene, seen: &mut Seen) {
    // A fault may hold the crew for long: then this look is left out.
    let Ok(crew) = scene.crew.try_lock() else { return };
    for (number, id) in crew.ids() {
        if let Some(kib) = resident_kib(id) {
            seen.workers.push((number, now_us(), kib));
        }
    }
}

async fn look_at_redis(scene: &Scene, redis: &mut MultiplexedConnection, seen: &mut Seen) -> RedisResult<()> {
    let mut ask = redis::cmd("EVAL");
    ask.arg(WAITING).arg(2).arg(format!("{{{QUEUE}}}:retry")).arg(format!("{{{QUEUE}}}:retry:jobs"));
    let (listed, kept): (u64, u64) = ask.query_async(redis).await?;
    if listed != kept {
        scene.ledger.problem(format!("{listed} jobs are listed as waiting and {kept} are kept"));
    }
    seen.most_waiting = seen.most_waiting.max(listed);
    seen.redis.push((now_us(), used_memory(redis).await?));
    Ok(())
}

/// What Redis says it uses, in bytes.
pub(crate) async fn used_memory(redis: &mut MultiplexedConnection) -> RedisResult<u64> {
    let info: redis::Value = redis::cmd("INFO").arg("memory").query_async(redis).await?;
    let info = String::from_redis_value(info)?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0))
}

fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

impl Seen {
    /// What the workers' memory comes to.
    pub(crate) fn memory(&self) -> Memory {
        let peak_kib = self.workers.iter().map(|(_, _, kib)| *kib).max().unwrap_or(0);
        let growth = self.numbers().into_iter().filter_map(|number| growth_per_hour(&self.of(number)));
        Memory { peak_kib, growth_kib_per_hour: growth.fold(0.0, f64::max) as i64 }
    }

    fn numbers(&self) -> Vec<u16> {
        let mut numbers: Vec<_> = self.workers.iter().map(|(number, _, _)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn of(&self, wanted: u16) -> Vec<(u64, u64)> {
        let of = self.workers.iter().filter(|(number, _, _)| *number == wanted);
        of.map(|(_, at, kib)| (*at, *kib)).collect()
    }
}

/// The slope of the line that fits the samples best, from when the process was warm.
fn growth_per_hour(samples: &[(u64, u64)]) -> Option<f64> {
    let (start, _) = *samples.first()?;
    let warm: Vec<_> = samples.iter().filter(|(at, _)| *at >= start + WARM_AFTER).collect();
    let observed = warm.last()?.0 - warm.first()?.0;
    if observed < MIN_OBSERVED {
        return None;
    }
    let hours = |at: u64| (at - start) as f64 / 3_600_000_000.0;
    let count = warm.len() as f64;
    let mean_x = warm.iter().map(|(at, _)| hours(*at)).sum::<f64>() / count;
    let mean_y = warm.iter().map(|(_, kib)| *kib as f64).sum::<f64>() / count;
    let over: f64 = warm.iter().map(|(at, kib)| (hours(*at) - mean_x) * (*kib as f64 - mean_y)).sum();
    let under: f64 = warm.iter().map(|(at, _)| (hours(*at) - mean_x).powi(2)).sum();
    Some(over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_the_slope_after_the_warm_up() {
        let minute = 60_000_000;
        let steady: Vec<_> = (0..10).map(|n| (n * minute, if n == 0 { 1 } else { 9_000 })).collect();
        assert_eq!(growth_per_hour(&steady).map(f64::round), Some(0.0));
        let growing: Vec<_> = (0..10).map(|n| (n * minute, 9_000 + n * 10)).collect();
        assert_eq!(growth_per_hour(&growing).map(f64::round), Some(600.0));
        assert_eq!(growth_per_hour(&growing[..2]), None);
    }
}
