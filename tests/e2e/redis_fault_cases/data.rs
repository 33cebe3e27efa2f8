//! Data that others have changed, removed, or put back.

use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{GROUP, World, WorldOptions};

use super::ground::{command, doctor, goes_on, hasty, in_flight, says};

/// What `doctor --fix` says that it has mended.
fn mended(world: &World) -> String {
    let lines = doctor(world, &["--fix"]);
    let mended = lines.iter().filter(|line| line["code"] == "mended");
    mended.filter_map(|line| line["finding"].as_str()).collect::<Vec<_>>().join("; ")
}

/// A world without a worker, whose retries wait for an hour.
async fn unserved() -> World {
    World::with(hasty().set("POSTRIDER_RETRY_SCHEDULE", "1h").workers(0)).await
}

/// A job that waits for an hour, its id chosen; a worker has made it, and is gone.
async fn waiting_job(world: &mut World, id: &str) {
    world.send_to("/fail-first/1", &[("id", id)]).await;
    world.add_worker(&[]).wait_ready().await;
    world
        .until("it waits", PATIENCE, || async {
            if world.waiting().await.len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
    stop(world).await;
}

async fn stop(world: &mut World) {
    let worker = world.workers.last_mut().unwrap();
    worker.sigterm();
    assert_eq!(worker.wait_exit(Duration::from_secs(15)).await, Some(0));
}

#[tokio::test]
async fn a_flush_under_load_is_overcome_and_said() {
    let world = World::start().await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 10).await;
    command(&world, &["FLUSHALL"]).await;
    goes_on(&world).await;
    hold.release(200);
    world.workers[0].wait_log("Redis came back empty").await;
    world.settled().await;
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(says(&world, "loss").0, "warn");
    assert_eq!(world.workers[0].readyz().await.0, 200);
}

#[tokio::test]
async fn a_flush_of_another_database_is_not_noticed() {
    let world = World::start().await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 10).await;
    let mut other = world.connection().await;
    let mut flush = redis::pipe();
    flush.cmd("SELECT").arg(1).cmd("SET").arg("x").arg("y").cmd("FLUSHDB").cmd("SELECT").arg(0);
    let () = flush.ignore().query_async(&mut other).await.unwrap();
    hold.release(200);
    world.settled().await;
    goes_on(&world).await;
    assert_eq!(world.receiver.count(), 11);
    assert!(!world.workers[0].log().contains("Redis came back"));
}

#[tokio::test]
async fn a_backup_that_is_put_back_loses_none_of_its_jobs_and_the_loss_is_said() {
    let redis = RedisOptions { append_fsync: None, ..RedisOptions::default() };
    let mut world = World::with(WorldOptions { redis, ..WorldOptions::default() }).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 10).await;
    command(&world, &["SAVE"]).await;
    let file = world.redis.folder().join("dump.rdb");
    let backup = std::fs::read(&file).unwrap();
    hold.release(200);
    world.settled().await;
    world.send_to("/lost", &[("notBefore", "4102444800000")]).await;
    // Two heartbeats: what the backup doesn't know.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    world.redis.kill9();
    std::fs::write(&file, backup).unwrap();
    world.redis.restart().await;
    // Its jobs are this worker's leases still, and are sent again: a receiver knows them by their event ids.
    world.workers[0].wait_log("Redis came back with older data").await;
    world.workers[0].wait_metric("postrider_redis_losses_total", &[("how", "older")], 1.0).await;
    let (severity, sentence) = says(&world, "loss");
    assert!(severity == "warn" && sentence.contains("older data"), "{sentence}");
    world.settled().await;
    let events: std::collections::HashSet<_> =
        world.receiver.requests_to("/held").iter().filter_map(Request::event_id).collect();
    assert_eq!(events.len(), 10);
    goes_on(&world).await;
}

#[tokio::test]
async fn an_id_without_a_job_is_removed_and_holds_up_nobody() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "300ms")).await;
    command(&world, &["ZADD", &world.key("retry"), "1", "jobless", "2", "jobless too"]).await;
    world.send_to("/fail-first/1", &[]).await;
    world.receiver.wait_for(2).await;
    world.settled().await;
    world.workers[0].wait_log("ids without a job were in the retry set").await;
}

#[tokio::test]
async fn a_job_due_since_ever_is_sent_and_one_that_is_never_due_is_named_and_mended() {
    let mut world = unserved().await;
    waiting_job(&mut world, "job").await;
    command(&world, &["ZADD", &world.key("retry"), "+inf", "job"]).await;
    let (severity, sentence) = says(&world, "waiting");
    assert!(severity == "warn" && sentence.contains("never comes (job)"), "{sentence}");
    assert!(mended(&world).contains("1 waiting job will be sent"));
    command(&world, &["ZADD", &world.key("retry"), "-inf", "job"]).await;
    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(2).await;
    world.settled().await;
}

#[tokio::test]
async fn a_waiting_job_whose_id_was_removed_is_named_and_sent_once_it_is_mended() {
    let mut world = unserved().await;
    waiting_job(&mut world, "job").await;
    command(&world, &["ZREM", &world.key("retry"), "job"]).await;
    world.add_worker(&[]).wait_ready().await;
    let (severity, sentence) = says(&world, "waiting");
    assert!(severity == "warn" && sentence.contains("(job)"), "{sentence}");
    goes_on(&world).await;
    assert!(mended(&world).contains("1 waiting job will be sent"));
    world
        .until("it is sent", PATIENCE, || async {
            let sent = world.receiver.requests_to("/fail-first/1").len();
            if sent == 2 { Ok(()) } else { Err(sent) }
        })
        .await;
    world.settled().await;
    assert_eq!(says(&world, "backlog").0, "ok");
}

#[tokio::test]
async fn a_second_job_of_an_id_that_waits_ends_as_duplicate_where_it_must_wait_too() {
    let mut world = unserved().await;
    waiting_job(&mut world, "job").await;
    world.send_to("/status/503", &[("id", "job")]).await;
    world.send_to("/fine", &[("id", "job")]).await;
    world.add_worker(&[]).wait_ready().await;
    let letters = world.wait_for_dead(1).await;
    assert_eq!(letters[0][&b"_reason"[..]], b"duplicate");
    world.receiver.wait_for(3).await;
    assert_eq!(world.receiver.requests_to("/fine").len(), 1);
    assert_eq!(world.waiting().await.len(), 1);
}

#[tokio::test]
async fn entries_of_a_consumer_that_was_deleted_are_named_and_sent_once_they_are_mended() {
    let mut world = World::with(hasty()).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 5).await;
    world.workers[0].kill9();
    hold.release(200);
    for consumer in consumers(&world).await {
        command(&world, &["XGROUP", "DELCONSUMER", world.queue(), GROUP, &consumer]).await;
    }
    world.add_worker(&[]).wait_ready().await;
    let (severity, sentence) = says(&world, "stream");
    assert!(severity == "error" && sentence.starts_with("5 entries"), "{sentence}");
    assert!(mended(&world).contains("5 skipped entries will be sent"));
    world.settled().await;
    let requests = world.receiver.requests_to("/held");
    let events: std::collections::HashSet<_> = requests.iter().filter_map(Request::event_id).collect();
    assert_eq!((requests.len(), events.len()), (10, 5), "they keep their ids");
}

async fn consumers(world: &World) -> Vec<String> {
    let listed: Vec<std::collections::HashMap<String, redis::Value>> =
        world.query(redis::cmd("XINFO").arg("CONSUMERS").arg(world.queue()).arg(GROUP)).await;
    listed.into_iter().map(|one| redis::from_redis_value(one["name"].clone()).unwrap()).collect()
}

#[tokio::test]
async fn jobs_that_a_group_was_set_beyond_are_named_and_sent_once_they_are_mended() {
    let mut world = World::with(hasty()).await;
    goes_on(&world).await;
    stop(&mut world).await;
    for _ in 0..7 {
        world.send_to("/skipped", &[]).await;
    }
    command(&world, &["XGROUP", "SETID", world.queue(), GROUP, "$"]).await;
    world.add_worker(&[]).wait_ready().await;
    goes_on(&world).await;
    assert!(world.receiver.requests_to("/skipped").is_empty());
    let (severity, sentence) = says(&world, "stream");
    assert!(severity == "error" && sentence.starts_with("7 entries"), "{sentence}");
    assert!(mended(&world).contains("7 skipped entries will be sent"));
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/skipped").len(), 7);
    assert!(world.attempts().await.iter().all(|attempt| attempt["attempt"] == "1"));
}
