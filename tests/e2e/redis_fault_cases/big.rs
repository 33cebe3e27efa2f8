//! A million leases of a lost worker: taken over in pages, without stopping Redis, and in memory that stays small.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{GROUP, World, WorldOptions};

use super::ground::{command, doctor};

const LEASES: usize = 1_000_000;

/// Leases that are made in one step.
const STEP: usize = 10_000;

/// No command may take longer, in microseconds.
const MAX_COMMAND: &str = "100000";

/// A busy machine stops Redis too now and then: so many commands of a worker may have met that.
const MAX_HELD_UP: usize = 5;

/// How much more memory the worker may take than it had before.
const MAX_GROWTH_KB: u64 = 48 * 1024;

/// Makes entries and leases them for a worker that has never beaten.
async fn lease_all(world: &World) {
    let script = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'to', ARGV[2], 'type', 'note', 'content', '{}') end \
                  redis.call('XREADGROUP', 'GROUP', ARGV[3], 'lost', 'COUNT', ARGV[1], 'STREAMS', KEYS[1], '>')";
    command(world, &["XGROUP", "CREATE", world.queue(), GROUP, "0", "MKSTREAM"]).await;
    let to = world.receiver.url("/");
    for _ in 0..LEASES / STEP {
        command(world, &["EVAL", script, "1", world.queue(), &STEP.to_string(), &to, GROUP]).await;
    }
}

fn resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The commands that took longer since this was last asked.
async fn slow_commands(world: &World) -> BTreeSet<Vec<String>> {
    type Entry = (u64, u64, u64, Vec<redis::Value>, redis::Value, redis::Value);
    let entries: Vec<Entry> = world.query(redis::cmd("SLOWLOG").arg("GET").arg(1000)).await;
    command(world, &["SLOWLOG", "RESET"]).await;
    let word = |word| redis::from_redis_value(word).unwrap_or_default();
    entries.into_iter().map(|(_, _, _, words, _, _)| words.into_iter().map(word).collect()).collect()
}

#[tokio::test]
async fn a_million_leases_are_taken_over_and_examined_without_a_command_over_a_tenth_of_a_second() {
    let redis = RedisOptions { append_fsync: None, ..RedisOptions::default() };
    let options = WorldOptions { redis, ..WorldOptions::default().workers(0) };
    let mut world = World::with(options.set("POSTRIDER_LOG_LEVEL", "info")).await;
    lease_all(&world).await;
    command(&world, &["CONFIG", "SET", "slowlog-log-slower-than", MAX_COMMAND]).await;
    command(&world, &["SLOWLOG", "RESET"]).await;
    let once = examine(&world).await;
    // A command that is slow in itself is slow again.
    let again = examine(&world).await;
    assert!(once.is_disjoint(&again), "{:#?}", once.intersection(&again));
    world.add_worker(&[]).wait_ready().await;
    let before = resident_kb(world.workers[0].id());
    world.receiver.wait_for(2_000).await;
    let growth = resident_kb(world.workers[0].id()).saturating_sub(before);
    assert!(growth < MAX_GROWTH_KB, "the worker took {growth} kB more");
    let slow = slow_commands(&world).await;
    assert!(slow.len() <= MAX_HELD_UP, "{slow:#?}");
    assert!(world.leased().await > LEASES / 2, "it takes no more than it has slots for");
}

/// Lets doctor look at everything; the commands of it that took too long.
async fn examine(world: &World) -> BTreeSet<Vec<String>> {
    let began = Instant::now();
    let findings = doctor(world, &[]);
    assert!(findings.iter().all(|line| line["code"] != "stream"), "{findings:#?}");
    assert!(began.elapsed() < Duration::from_secs(60), "doctor took {:?}", began.elapsed());
    slow_commands(world).await
}
