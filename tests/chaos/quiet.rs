//! The end of a phase: everything is healed, and every job comes to its end; then nothing may be left over.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use postrider_tests::worker_process::program;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, Value};
use tokio::time::{Instant, sleep};

use crate::fault::Kind;
use crate::load::{EVENTS, QUEUE};
use crate::scene::{Scene, WORKERS};

/// By then every job has ended: the longest waits of a retry are 2 s, the longest after an outage some more.
const MAX_QUIET: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// After so long, what is still there is what nobody holds: the consumer that did was removed by hand, and its worker died
/// before it had settled it. That is an operator's to mend.
const MEND_AFTER: Duration = Duration::from_secs(30);

/// Waits until every job has ended; what was still there where that doesn't happen.
pub(crate) async fn wait(scene: &Scene) -> Result<Duration, String> {
    let begun = Instant::now();
    // Nothing else may need a hand.
    let mut may_mend = scene.ledger.has_seen(Kind::ConsumerDelete);
    loop {
        let seen = match scene.servers.primary().await {
            Ok(mut redis) => left(&mut redis).await.map_err(|error| error.to_string()),
            Err(error) => Err(format!("{error:#}")),
        };
        if seen.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > MAX_QUIET {
            return Err(format!("{MAX_QUIET:?} after everything was healed: {seen:?}"));
        }
        if may_mend && begun.elapsed() > MEND_AFTER {
            may_mend = false;
            mend(scene)?;
        }
        scene.crew.lock().await.look_after();
        sleep(LOOK_EVERY).await;
    }
}

/// `postrider doctor --fix`, as its own messages ask for.
fn mend(scene: &Scene) -> Result<(), String> {
    let mut doctor = Command::new(program());
    doctor.args(["doctor", "--fix"]).env("POSTRIDER_REDIS_URL", scene.servers.worker_url());
    let told = doctor.output().map_err(|error| format!("the doctor can't be asked: {error}"))?;
    println!("  postrider doctor --fix:\n{}", String::from_utf8_lossy(&told.stdout));
    Ok(())
}

/// What is still there, of each stream.
async fn left(redis: &mut MultiplexedConnection) -> RedisResult<Vec<String>> {
    let mut left = Vec::new();
    for stream in [QUEUE, EVENTS] {
        left.extend(Remains::of(redis, stream).await?.told());
    }
    Ok(left)
}

/// What there is of a stream and its satellites.
#[derive(Clone, Debug, Default)]
struct Remains {
    stream: String,
    entries: u64,
    /// Waiting jobs as they are listed, and as they are kept.
    listed: u64,
    kept: u64,
    held: u64,
    /// What each consumer holds.
    consumers: Vec<u64>,
    /// Workers that have a heartbeat.
    beating: u64,
}

impl Remains {
    async fn of(redis: &mut MultiplexedConnection, stream: &str) -> RedisResult<Self> {
        let satellite = |name: &str| format!("{{{stream}}}:{name}");
        // Waiting is asked for first and last: a job that moves between the questions is seen by one of them.
        let before = count(redis, "ZCARD", &satellite("retry")).await?;
        let mut remains = Self {
            stream: stream.to_owned(),
            entries: count(redis, "XLEN", stream).await?,
            kept: count(redis, "HLEN", &satellite("retry:jobs")).await?,
            held: count(redis, "ZCARD", &satellite("held")).await?,
            consumers: consumers(redis, stream).await?,
            beating: count(redis, "ZCARD", &satellite("workers:seen")).await?,
            listed: before,
        };
        remains.listed = before.max(count(redis, "ZCARD", &satellite("retry")).await?);
        Ok(remains)
    }

    fn told(&self) -> Vec<String> {
        let stream = &self.stream;
        let mut told = Vec::new();
        for (count, what) in [
            (self.entries, "entries"),
            (self.listed, "jobs that are listed as waiting"),
            (self.kept, "waiting jobs that are kept"),
            (self.held, "hooks with held jobs"),
            (self.consumers.iter().sum(), "leases"),
        ] {
            if count > 0 {
                told.push(format!("{stream} has {count} {what}"));
            }
        }
        // A worker has no consumer before its first read.
        if self.consumers.len() > WORKERS || self.beating != WORKERS as u64 {
            let (consumers, beating) = (self.consumers.len(), self.beating);
            told.push(format!(
                "{stream} has {consumers} consumers and {beating} heartbeats for {WORKERS} workers"
            ));
        }
        told
    }
}

async fn count(redis: &mut MultiplexedConnection, command: &str, key: &str) -> RedisResult<u64> {
    redis::cmd(command).arg(key).query_async(redis).await
}

/// What each consumer holds.
async fn consumers(redis: &mut MultiplexedConnection, stream: &str) -> RedisResult<Vec<u64>> {
    let mut ask = redis::cmd("XINFO");
    let consumers: Vec<HashMap<String, Value>> =
        ask.arg("CONSUMERS").arg(stream).arg("postrider").query_async(redis).await?;
    let pending =
        |facts: &HashMap<String, Value>| facts.get("pending").cloned().map_or(Ok(0), u64::from_redis_value);
    Ok(consumers.iter().map(pending).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_left_is_told() {
        let empty = || Remains { consumers: vec![0; WORKERS], beating: WORKERS as u64, ..Remains::default() };
        assert!(empty().told().is_empty());
        for (remains, expected) in [
            (Remains { kept: 1, ..empty() }, "1 waiting jobs that are kept"),
            (Remains { listed: 2, ..empty() }, "2 jobs that are listed"),
            (Remains { entries: 3, ..empty() }, "3 entries"),
            (Remains { consumers: vec![0, 4], ..empty() }, "4 leases"),
            (Remains { consumers: vec![0; WORKERS + 1], ..empty() }, "4 consumers"),
            (Remains { beating: 0, ..empty() }, "0 heartbeats"),
        ] {
            let told = remains.told();
            assert!(told.len() == 1 && told[0].contains(expected), "{told:?}");
        }
    }
}
