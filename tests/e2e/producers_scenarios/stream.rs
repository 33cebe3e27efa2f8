//! What befalls the stream itself, and entries in the crowd.

use std::time::{Duration, Instant};

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{GROUP, World, WorldOptions, xadd};
use redis::{Client, Value};

/// A worker that is given up for dead soon, so that tests of that are short.
fn short_lived() -> WorldOptions {
    WorldOptions::default()
        .set("POSTRIDER_WORKER_HEARTBEAT", "200ms")
        .set("POSTRIDER_WORKER_DEAD_AFTER", "1s")
}

/// Commands a second that a worker may use to find out whether something has changed.
const MAX_IDLE_COMMANDS: u64 = 500;

#[tokio::test]
async fn an_entry_id_in_the_future_is_delivered_and_later_ones_follow() {
    let world = World::start().await;
    let to = world.receiver.url("/");
    let fields = [("to", to.as_str()), ("type", "note"), ("content", "{}")];
    let _: String = world.query(&xadd(world.queue(), "99999999999999-0", &fields)).await;
    assert_eq!(world.enqueue(&fields).await, "99999999999999-1");
    world.receiver.wait_for(2).await;
    world.settled().await;
    let metrics = world.workers[0].metrics().await;
    let negative: Vec<&str> =
        metrics.lines().filter(|line| !line.starts_with('#') && line.contains(" -")).collect();
    assert!(negative.is_empty(), "{negative:?}");
}

#[tokio::test]
async fn an_entry_deleted_while_it_was_leased_leaves_no_trace() {
    let mut world = World::with(short_lived()).await;
    let id = world.send_to("/hang", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].kill9();
    let deleted: usize = world.query(redis::cmd("XDEL").arg(world.queue()).arg(id)).await;
    assert_eq!((deleted, world.leased().await), (1, 1));
    world.add_worker(&[]).wait_ready().await;
    world.settled().await;
    world.send_to("/status/200/after", &[]).await;
    assert_eq!(world.receiver.wait_for(2).await[1].path(), "/status/200/after");
}

#[tokio::test]
async fn a_queue_key_that_is_a_string_is_told_and_overcome() {
    let mut world = World::start().await;
    let () = world.query(redis::cmd("SET").arg(world.queue()).arg("a string")).await;
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(!cause.trim().is_empty());
    let before = commands_so_far(&world).await;
    // A rate takes time to be seen.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let commands = commands_so_far(&world).await - before;
    assert!(commands < MAX_IDLE_COMMANDS, "{commands} commands in a second");
    let () = world.query(redis::cmd("DEL").arg(world.queue())).await;
    world.send_to("/", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].wait_ready().await;
}

async fn commands_so_far(world: &World) -> u64 {
    let info: String = world.query(redis::cmd("INFO").arg("stats")).await;
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn jobs_in_flight_end_by_their_answers_although_their_consumer_was_deleted() {
    let world = World::start().await;
    let (accepted, gone) = (world.receiver.hold("/accepted"), world.receiver.hold("/gone"));
    world.send_to("/accepted", &[]).await;
    world.send_to("/gone", &[]).await;
    world.receiver.wait_for(2).await;
    let consumers: Vec<Value> =
        world.query(redis::cmd("XINFO").arg("CONSUMERS").arg(world.queue()).arg(GROUP)).await;
    for consumer in consumers {
        let about: std::collections::HashMap<String, Value> = redis::from_redis_value(consumer).unwrap();
        let name: String = redis::from_redis_value(about["name"].clone()).unwrap();
        let () = world
            .query(redis::cmd("XGROUP").arg("DELCONSUMER").arg(world.queue()).arg(GROUP).arg(name))
            .await;
    }
    accepted.release(200);
    gone.release(410);
    assert_eq!(super::reasons(&world, 1).await, ["gone"]);
    world.settled().await;
}

#[tokio::test]
async fn a_slow_hook_with_many_jobs_does_not_delay_another() {
    // Fewer than the case's 100,000, which take an unoptimised worker longer than a test should.
    const FLOOD: usize = 5_000;
    let world = World::start().await;
    let slow = world.receiver.url("/slow/2000");
    let of_slow_hook =
        [("to", slow.as_str()), ("type", "note"), ("content", "{}"), ("userId", "u"), ("hookId", "slow")];
    let slow = xadd(world.queue(), "*", &of_slow_hook);
    let mut flood = redis::pipe();
    for _ in 0..FLOOD {
        flood.add_command(slow.clone());
    }
    let _: Vec<String> = flood.query_async(&mut world.connection().await).await.unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        world.send_to("/status/200/other", &[("userId", "u"), ("hookId", "other")]).await;
    }
    world
        .until("the ten are delivered", PATIENCE, || async {
            let count = world.receiver.requests_to("/status/200/other").len();
            if count == 10 { Ok(()) } else { Err(count) }
        })
        .await;
    assert!(began.elapsed() < Duration::from_secs(2), "they took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_job_that_was_lost_with_its_worker_too_often_is_poison() {
    let mut world = World::with(short_lived().set("POSTRIDER_QUEUE_MAX_CRASHES", "2")).await;
    world.send_to("/hang", &[]).await;
    for crash in 1..=2 {
        world.receiver.wait_for(crash).await;
        world.workers.last_mut().unwrap().kill9();
        world.add_worker(&[]).wait_ready().await;
    }
    assert_eq!(super::reasons(&world, 1).await, ["poison"]);
    assert_eq!(world.receiver.count(), 2);
}

#[tokio::test]
async fn a_good_entry_behind_a_thousand_bad_ones_is_not_delayed() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_LOG_LEVEL", "info")).await;
    let to = world.receiver.url("/");
    let mut entries = redis::pipe();
    for _ in 0..1000 {
        entries.add_command(xadd(world.queue(), "*", &[("to", to.as_str()), ("content", "{")]));
    }
    entries.add_command(xadd(
        world.queue(),
        "*",
        &[("to", to.as_str()), ("type", "note"), ("content", "{}")],
    ));
    let began = Instant::now();
    let _: Vec<String> = entries.query_async(&mut world.connection().await).await.unwrap();
    let took = world.receiver.next_request().await.at.saturating_duration_since(began);
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert_eq!(super::reasons(&world, 1000).await, vec!["invalid"; 1000]);
    let lines = world.workers[0].log().lines().count();
    assert!(lines < 100, "{lines} lines are logged");
}

#[tokio::test]
async fn a_producer_needs_no_right_but_xadd_on_the_queue() {
    let world = World::start().await;
    let rights = ["SETUSER", "producer", "reset", "on", ">pass", "+xadd", "~postrider:deliveries"];
    let () = world.query(redis::cmd("ACL").arg(&rights)).await;
    let url = world.redis.url().replace("redis://", "redis://producer:pass@");
    let mut producer = Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let to = world.receiver.url("/");
    let fields = [("to", to.as_str()), ("type", "note"), ("content", "{}")];
    let _: String = xadd(world.queue(), "*", &fields).query_async(&mut producer).await.unwrap();
    world.receiver.wait_for(1).await;
    world.settled().await;
}
