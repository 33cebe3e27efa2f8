//! What operators and bad luck do to Redis by its own commands.

use std::collections::HashMap;
use std::ops::Range;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, Value};
use tokio::time::sleep;

use super::Harm;
use crate::fault::Kind;
use crate::history::Scope;
use crate::load::{EVENTS, QUEUE};

/// The consumer group.
const GROUP: &str = "postrider";

/// How long Redis takes commands from a primary that isn't there, or is out of memory (milliseconds).
const REFUSES_MS: Range<u64> = 500..5_000;

/// How long the queue is paused.
const PAUSED_MS: Range<u64> = 1_000..4_000;

/// Turns of a loop that keep Redis busy for about 200 to 800 ms.
const BUSY_TURNS: Range<u64> = 20_000_000..80_000_000;

impl Harm {
    pub(super) async fn on_queue(&mut self) -> anyhow::Result<()> {
        let mut redis = self.scene.servers.primary().await?;
        let redis = &mut redis;
        match self.kind {
            Kind::ScriptFlush => self.at_once(redis, &["SCRIPT", "FLUSH"], "").await?,
            Kind::GroupDestroy => {
                let stream = if self.rng.bool() { QUEUE } else { EVENTS };
                self.at_once(redis, &["XGROUP", "DESTROY", stream, GROUP], stream).await?;
            }
            Kind::ConsumerDelete => self.delete_consumer(redis).await?,
            Kind::Demote => {
                let (down, up) = (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]);
                self.for_a_while(redis, &down, &up, REFUSES_MS).await?;
            }
            Kind::OutOfMemory => {
                let (down, up) = (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]);
                self.for_a_while(redis, &down, &up, REFUSES_MS).await?;
            }
            Kind::ClientKill => {
                self.at_once(redis, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], "").await?;
            }
            Kind::BusyScript => self.keep_busy(redis).await?,
            _ => {
                let key = format!("{{{QUEUE}}}:control");
                let (down, up) = (["HSET", &key, "paused", "1"], ["HDEL", &key, "paused"]);
                self.for_a_while(redis, &down, &up, PAUSED_MS).await?;
            }
        }
        Ok(())
    }

    async fn at_once(
        &self,
        redis: &mut MultiplexedConnection,
        words: &[&str],
        detail: &str,
    ) -> RedisResult<()> {
        let fault = self.begin(Scope::All, detail);
        let done: RedisResult<Value> = ask(redis, words).await;
        self.over(fault);
        done.map(drop)
    }

    async fn for_a_while(
        &mut self,
        redis: &mut MultiplexedConnection,
        down: &[&str],
        up: &[&str],
        lasts: Range<u64>,
    ) -> RedisResult<()> {
        let lasts = self.millis(lasts);
        let fault = self.begin(Scope::All, format!("for {lasts:?}"));
        let _: Value = ask(redis, down).await?;
        sleep(lasts).await;
        let _: Value = ask(redis, up).await?;
        self.over(fault);
        Ok(())
    }

    async fn keep_busy(&mut self, redis: &mut MultiplexedConnection) -> RedisResult<()> {
        let turns = self.rng.u64(BUSY_TURNS).to_string();
        let fault = self.begin(Scope::All, format!("{turns} turns"));
        let script = "for _ = 1, tonumber(ARGV[1]) do end return 1";
        let _: Value = ask(redis, &["EVAL", script, "0", &turns]).await?;
        self.over(fault);
        Ok(())
    }

    /// Removes a living worker's consumer, and with it the notes of what it holds.
    async fn delete_consumer(&mut self, redis: &mut MultiplexedConnection) -> anyhow::Result<()> {
        let consumers: Vec<HashMap<String, Value>> =
            ask(redis, &["XINFO", "CONSUMERS", QUEUE, GROUP]).await?;
        let names = consumers
            .into_iter()
            .filter_map(|mut facts| String::from_redis_value(facts.remove("name")?).ok());
        let ids = self.scene.crew.lock().await.ids();
        let living: Vec<_> = names
            .filter_map(|name| {
                let worker = ids.iter().find(|(_, id)| name.contains(&format!("-{id}-")));
                worker.map(|(number, _)| (*number, name))
            })
            .collect();
        let Some((number, name)) = self.rng.choice(living) else { return Ok(()) };
        let fault = self.begin(Scope::Worker(number), &*name);
        let done: RedisResult<Value> = ask(redis, &["XGROUP", "DELCONSUMER", QUEUE, GROUP, &name]).await;
        self.over(fault);
        done?;
        Ok(())
    }
}

async fn ask<T: FromRedisValue>(redis: &mut MultiplexedConnection, words: &[&str]) -> RedisResult<T> {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).query_async(redis).await
}
