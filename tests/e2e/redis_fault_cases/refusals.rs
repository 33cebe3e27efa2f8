//! What Redis may answer instead of doing it: the worker keeps its results, waits, and goes on.

use std::time::{Duration, Instant};

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use super::ground::{GOES_ON_WITHIN, command, goes_on, in_flight, proxied, says};

/// Connections that a worker may have, for its queue and for events (`docs/operations.md`).
const MAX_CONNECTIONS: u64 = 22;

#[tokio::test]
async fn a_redis_that_evicts_only_what_may_be_lost_is_served_with_a_warning() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    command(&world, &["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    world.add_worker(&[]).wait_ready().await;
    world.workers[0].wait_log("maxmemory-policy volatile-lru").await;
    assert_eq!(says(&world, "eviction").0, "warn");
    world.send_to("/status/503", &[]).await;
    world.send_to("/status/404", &[]).await;
    goes_on(&world).await;
    world.wait_for_dead(1).await;
    let keys: Vec<String> = world.query(redis::cmd("KEYS").arg("*")).await;
    assert!(keys.len() > 6, "{keys:?}");
    for key in keys {
        let ttl: i64 = world.query(redis::cmd("TTL").arg(&key)).await;
        assert_eq!(ttl >= 0, key.contains(":stats:"), "{key} lives for {ttl} s");
    }
}

#[tokio::test]
async fn a_script_that_never_ends_is_waited_for_and_left_to_its_owner() {
    let mut world = World::start().await;
    command(&world, &["CONFIG", "SET", "busy-reply-threshold", "100"]).await;
    let mut owner = world.connection().await;
    let endless = tokio::spawn(async move {
        redis::cmd("EVAL").arg("while true do end").arg(0).query_async::<redis::Value>(&mut owner).await
    });
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(cause.contains("BUSY"), "{cause}");
    command(&world, &["SCRIPT", "KILL"]).await;
    assert!(endless.await.unwrap().is_err());
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
    let stats: String = world.query(redis::cmd("INFO").arg("commandstats")).await;
    let kills = stats.lines().find(|line| line.starts_with("cmdstat_script|kill:")).unwrap();
    assert!(kills.contains("calls=1,"), "only its owner killed it: {kills}");
}

#[tokio::test]
async fn results_wait_while_too_few_replicas_are_there_and_nothing_is_sent_again() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 10).await;
    command(&world, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(cause.contains("NOREPLICAS"), "{cause}");
    hold.release(200);
    assert_eq!(says(&world, "replication").0, "error");
    command(&world, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    let lifted = Instant::now();
    world.workers[0].wait_ready().await;
    world.settled().await;
    assert!(lifted.elapsed() < GOES_ON_WITHIN, "{:?}", lifted.elapsed());
    assert_eq!(world.receiver.count(), 10);
}

#[tokio::test]
async fn a_replica_that_answers_nothing_is_waited_for() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 10).await;
    // One that took writes would refuse none of them as a replica's.
    command(&world, &["CONFIG", "SET", "replica-read-only", "no"]).await;
    command(&world, &["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    command(&world, &["REPLICAOF", "127.0.0.1", "1"]).await;
    world.workers[0].wait_log("MASTERDOWN").await;
    world.workers[0].wait_readyz(503).await;
    hold.release(200);
    assert_eq!(says(&world, "replication").0, "error");
    command(&world, &["REPLICAOF", "NO", "ONE"]).await;
    let primary = Instant::now();
    world.workers[0].wait_ready().await;
    world.settled().await;
    assert!(primary.elapsed() < GOES_ON_WITHIN, "{:?}", primary.elapsed());
    assert_eq!(world.receiver.count(), 10);
}

#[tokio::test]
async fn a_redis_that_takes_no_more_clients_is_asked_again_with_pauses() {
    let (mut world, proxy) = proxied(WorldOptions::default()).await;
    goes_on(&world).await;
    let mut held = world.connection().await;
    let connections = clients(&mut held).await;
    assert!(connections <= MAX_CONNECTIONS + 1, "{connections} connections");
    let () = redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(1).query_async(&mut held).await.unwrap();
    proxy.cut();
    // Redis says so and hangs up in one breath: which of the two is heard is a matter of luck.
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(!cause.is_empty());
    let before = refused(&mut held).await;
    // A rate takes time to be seen.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let tries = refused(&mut held).await - before;
    assert!(tries < 20 * MAX_CONNECTIONS, "{tries} connections were tried in two seconds");
    let () =
        redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(1000).query_async(&mut held).await.unwrap();
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
    let connections = clients(&mut held).await;
    assert!(connections <= MAX_CONNECTIONS + 1, "{connections} connections");
}

async fn clients(connection: &mut redis::aio::MultiplexedConnection) -> u64 {
    number(connection, "clients", "connected_clients:").await
}

async fn refused(connection: &mut redis::aio::MultiplexedConnection) -> u64 {
    number(connection, "stats", "rejected_connections:").await
}

async fn number(connection: &mut redis::aio::MultiplexedConnection, section: &str, name: &str) -> u64 {
    let info: String = redis::cmd("INFO").arg(section).query_async(connection).await.unwrap();
    info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn an_answer_that_was_never_heard_of_is_as_transient_as_any() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    for (number, command) in (1..).zip(["XREADGROUP", "EVALSHA"]) {
        proxy.answer(&[command.as_bytes()], b"-WEIRD nobody has seen this before\r\n");
        world.send_to("/strange", &[]).await;
        proxy.wait_sprung(number).await;
        goes_on(&world).await;
    }
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/strange").len(), 2);
    let lines = world.workers[0].log().matches("WEIRD").count();
    assert!((1..=4).contains(&lines), "{lines} lines of it");
}

#[tokio::test]
async fn full_memory_refuses_producers_and_is_told_by_doctor() {
    let redis = RedisOptions { max_memory: Some("3mb".into()), ..RedisOptions::default() };
    let world = World::with(WorldOptions { redis, ..WorldOptions::default() }).await;
    command(&world, &["SETRANGE", "ballast", "2000000", "x"]).await;
    let (severity, sentence) = says(&world, "memory");
    assert!(severity == "warn" && sentence.contains("% of maxmemory"), "{severity} {sentence}");
    let mut add = redis::cmd("XADD");
    add.arg(world.queue()).arg("*").arg("content").arg("x".repeat(1 << 20));
    let refused: redis::RedisResult<String> = add.query_async(&mut world.connection().await).await;
    let refused = match refused {
        // The first may just fit.
        Ok(_) => add.query_async::<String>(&mut world.connection().await).await,
        refused => refused,
    };
    assert_eq!(refused.unwrap_err().code(), Some("OOM"));
}
