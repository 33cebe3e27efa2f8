//! Entries that are large.

use std::time::Duration;

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions, xadd};
use redis::RedisResult;

/// Just below the largest value that Redis takes in its default configuration (512 MB).
const HUGE: usize = 500_000_000;

/// `worker.max_bytes` is 64 MiB of jobs; a job is there as Redis' reply and once more as a request's body, beside a
/// program of about 25 MB.
const MAX_RESIDENT_KB: u64 = 192 * 1024;

#[tokio::test]
#[ignore = "takes about 3 GB of memory"]
async fn an_entry_at_the_protocol_limit_ends_dead_or_is_refused() {
    let redis = RedisOptions { append_fsync: None, ..RedisOptions::default() };
    let world = World::with(WorldOptions { redis, ..WorldOptions::default() }).await;
    let huge = vec![b'x'; HUGE];
    let to = world.receiver.url("/");
    let fields = [("to", to.as_bytes()), ("profile", b"raw"), ("content", &huge)];
    let mut connection = world.connection().await;
    let added: RedisResult<String> = xadd(world.queue(), "*", &fields).query_async(&mut connection).await;
    if added.is_ok() {
        // Not its fields: they are as huge as it is.
        world
            .until("the entry is buried", Duration::from_secs(60), || async {
                let dead: usize = world.query(redis::cmd("XLEN").arg(world.key("dead"))).await;
                if dead == 1 { Ok(()) } else { Err(dead) }
            })
            .await;
    }
    world.send_to("/status/200/after", &[]).await;
    assert_eq!(world.receiver.next_request().await.path(), "/status/200/after");
}

#[tokio::test]
async fn a_hundred_large_entries_are_delivered_in_bounded_memory() {
    let world = World::start().await;
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    let to = world.receiver.url("/");
    let entry = xadd(world.queue(), "*", &[("to", to.as_str()), ("type", "note"), ("content", &large)]);
    let mut all = redis::pipe();
    for _ in 0..100 {
        all.add_command(entry.clone());
    }
    let _: Vec<String> = all.query_async(&mut world.connection().await).await.unwrap();
    world.receiver.wait_for(100).await;
    world.settled().await;
    let resident = most_resident_kb(world.workers[0].id());
    assert!(resident < MAX_RESIDENT_KB, "the worker had {resident} kB at most");
}

/// The most memory that a process has had, by the kernel's account.
fn most_resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel keeps account");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
