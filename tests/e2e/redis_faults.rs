//! What can happen to Redis and to the way to it: the worker goes on by itself, and its probe tells the truth.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use postrider_tests::fault_proxy::FaultProxy;
use postrider_tests::receiver::request::Request;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

/// How long a worker may take to go on once Redis answers again.
const GOES_ON_WITHIN: Duration = Duration::from_secs(2);

async fn command(world: &World, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let _: redis::Value = world.query(&command).await;
}

/// The next job arrives within [`GOES_ON_WITHIN`].
async fn goes_on(world: &World) {
    let before = world.receiver.count();
    let asked = Instant::now();
    world.send_to("/after", &[]).await;
    world.receiver.wait_for(before + 1).await;
    assert!(asked.elapsed() < GOES_ON_WITHIN, "{:?}", asked.elapsed());
}

/// A worker whose way to Redis leads through a proxy.
async fn proxied() -> (World, FaultProxy) {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let proxy = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], world.redis.port()))).await;
    let url = format!("redis://{}", proxy.address());
    world.add_worker(&[("POSTRIDER_REDIS_URL", &url)]).wait_ready().await;
    (world, proxy)
}

#[tokio::test]
async fn redis_killed_and_restarted_under_load_loses_nothing() {
    let always = RedisOptions { append_fsync: Some("always"), ..RedisOptions::default() };
    let mut world = World::with(WorldOptions { redis: always, ..WorldOptions::default().workers(2) }).await;
    let mut ids = HashSet::new();
    for _ in 0..3 {
        for number in 0..200 {
            let hook = format!("h{}", number % 20);
            ids.insert(world.send_to("/slow/20", &[("hookId", &hook), ("userId", "u")]).await);
        }
        world.redis.kill9();
        for worker in &mut world.workers {
            worker.wait_readyz(503).await;
        }
        world.redis.restart().await;
        let answers_again = Instant::now();
        for worker in &mut world.workers {
            worker.wait_ready().await;
        }
        assert!(answers_again.elapsed() < GOES_ON_WITHIN, "{:?}", answers_again.elapsed());
    }
    world.settled().await;
    let received: HashSet<_> = world.receiver.requests().iter().filter_map(Request::event_id).collect();
    assert_eq!(received, ids);
    assert!(world.dead_letters().await.is_empty());
    // The receiver had it, only the note of it was late: such a job is not sent again.
    assert_eq!(world.receiver.count(), ids.len());
}

#[tokio::test]
async fn a_worker_waits_for_a_redis_that_is_not_there_yet() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    world.redis.kill9();
    let worker = world.add_worker(&[]);
    let cause = worker.wait_readyz(503).await;
    assert!(!cause.is_empty());
    assert_eq!(worker.healthz().await.0, 200);
    world.redis.restart().await;
    let answers = Instant::now();
    world.workers[0].wait_ready().await;
    assert!(answers.elapsed() < GOES_ON_WITHIN, "{:?}", answers.elapsed());
    goes_on(&world).await;
}

#[tokio::test]
async fn forgotten_scripts_a_destroyed_group_and_a_flushed_database_heal_within_a_second() {
    let world = World::start().await;
    goes_on(&world).await;
    command(&world, &["SCRIPT", "FLUSH"]).await;
    goes_on(&world).await;
    command(&world, &["XGROUP", "DESTROY", world.queue(), "postrider"]).await;
    goes_on(&world).await;
    command(&world, &["FLUSHALL"]).await;
    goes_on(&world).await;
    command(&world, &["DEL", world.queue()]).await;
    goes_on(&world).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 5);
}

#[tokio::test]
async fn what_was_in_flight_during_a_flush_ends_without_an_error() {
    let world = World::start().await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.receiver.wait_for(1).await;
    command(&world, &["FLUSHALL"]).await;
    hold.release(500);
    goes_on(&world).await;
    world.workers[0].wait_log("entry is gone").await;
    world.settled().await;
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_worker_goes_on_settling_while_redis_is_out_of_memory() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "300ms")).await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.send_to("/fail-first/1", &[]).await;
    world.send_to("/status/404", &[]).await;
    command(&world, &["CONFIG", "SET", "maxmemory", "1"]).await;
    hold.release(200);
    world.settled().await;
    assert_eq!(world.dead_letters().await.len(), 1);
    assert_eq!(world.receiver.requests_to("/fail-first/1").len(), 2);
    assert_eq!(world.workers[0].readyz().await.0, 200);
    command(&world, &["CONFIG", "SET", "maxmemory", "0"]).await;
    goes_on(&world).await;
}

#[tokio::test]
async fn a_demoted_redis_makes_the_worker_unready_and_a_primary_ready_again() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.receiver.wait_for(1).await;
    // Nothing listens there: the server waits for a primary that never comes, and refuses every write meanwhile.
    command(&world, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(
        cause.contains("READONLY") || cause.contains("UNBLOCKED") || cause.contains("MASTERDOWN"),
        "{cause}"
    );
    hold.release(200);
    command(&world, &["REPLICAOF", "NO", "ONE"]).await;
    let primary = Instant::now();
    world.workers[0].wait_ready().await;
    world.settled().await;
    assert!(primary.elapsed() < GOES_ON_WITHIN, "{:?}", primary.elapsed());
    assert_eq!(world.receiver.count(), 1, "its result was kept, and it is not sent again");
}

#[tokio::test]
async fn a_missing_right_makes_the_worker_unready_naming_the_command() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    command(&world, &["ACL", "SETUSER", "w", "on", ">pw", "~*", "&*", "+@all", "-xreadgroup"]).await;
    let url = format!("redis://w:pw@127.0.0.1:{}", world.redis.port());
    let worker = world.add_worker(&[("POSTRIDER_REDIS_URL", &url)]);
    worker.wait_log("xreadgroup").await;
    world
        .until("the probe names the command", Duration::from_secs(5), || async {
            let (status, cause) = world.workers[0].readyz().await;
            if status == 503 && cause.contains("xreadgroup") { Ok(()) } else { Err(cause) }
        })
        .await;
    command(&world, &["ACL", "SETUSER", "w", "+xreadgroup"]).await;
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
    assert!(!world.workers[0].log().contains("pw@"), "the password is nowhere in the log");
}

#[tokio::test]
async fn cut_connections_are_made_again_and_nothing_is_sent_twice() {
    let (world, proxy) = proxied().await;
    let mut ids = HashSet::new();
    for round in 0..8 {
        for number in 0..30 {
            let hook = format!("h{}", number % 10);
            ids.insert(world.send_to("/slow/10", &[("hookId", &hook), ("userId", "u")]).await);
        }
        if round % 2 == 0 {
            proxy.cut();
        } else {
            proxy.cut_after_bytes(round * 150);
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    world.settled().await;
    let requests = world.receiver.requests();
    assert_eq!(requests.iter().filter_map(Request::event_id).collect::<HashSet<_>>(), ids);
    assert_eq!(requests.len(), ids.len(), "an outcome whose record was in doubt was sent again");
}

#[tokio::test]
async fn a_lost_reply_of_the_read_hides_no_job() {
    let (world, proxy) = proxied().await;
    goes_on(&world).await;
    // The blocked read is answered with the entry, and the answer is cut in its middle.
    proxy.cut_after_bytes(40);
    let asked = Instant::now();
    world.send_to("/hidden", &[]).await;
    world.receiver.wait_for(2).await;
    assert!(asked.elapsed() < Duration::from_secs(7), "{:?}", asked.elapsed());
    world.settled().await;
    assert_eq!(world.receiver.count(), 2);
}

#[tokio::test]
async fn a_silent_network_is_noticed_and_connected_anew() {
    let (mut world, proxy) = proxied().await;
    goes_on(&world).await;
    proxy.blackhole();
    world.workers[0].wait_readyz(503).await;
    proxy.pass();
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
}

#[tokio::test]
async fn an_evicting_redis_is_refused_by_the_name_of_the_setting() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    command(&world, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let worker = world.add_worker(&[]);
    assert_eq!(worker.wait_exit(Duration::from_secs(10)).await, Some(2));
    assert!(worker.log().contains("maxmemory-policy"), "{}", worker.log());
    world.add_worker(&[("POSTRIDER_REDIS_ALLOW_EVICTION", "true")]).wait_ready().await;
}

#[tokio::test]
async fn the_probe_tells_the_truth_within_three_seconds_both_ways() {
    let mut world = World::start().await;
    for _ in 0..2 {
        world.redis.pause();
        let paused = Instant::now();
        world.workers[0].wait_readyz(503).await;
        assert!(paused.elapsed() <= Duration::from_secs(3), "{:?}", paused.elapsed());
        world.redis.resume();
        let resumed = Instant::now();
        world.workers[0].wait_ready().await;
        assert!(resumed.elapsed() <= Duration::from_secs(3), "{:?}", resumed.elapsed());
    }
    goes_on(&world).await;
}

#[tokio::test]
async fn a_hook_that_was_changed_while_redis_was_out_of_reach_is_sent_to_as_it_is_now() {
    let (mut world, proxy) = proxied().await;
    let record = |path: &str| {
        let url = world.receiver.url(path);
        format!(
            r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
        )
    };
    let (old, new) = (record("/old"), record("/new"));
    let job = [("type", "note"), ("content", "{}"), ("hookId", "h"), ("userId", "u")];
    world.register("u", "h", old.as_bytes()).await;
    world.enqueue(&job).await;
    world.receiver.wait_for(1).await;
    proxy.blackhole();
    world.workers[0].wait_readyz(503).await;
    world.register("u", "h", new.as_bytes()).await;
    world.enqueue(&job).await;
    proxy.pass();
    let requests = world.receiver.wait_for(2).await;
    assert_eq!(requests.iter().map(Request::path).collect::<Vec<_>>(), ["/old", "/new"]);
    world.settled().await;
}
