//! Redis that ends, freezes, comes back, or can't write: the worker goes on by itself.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use postrider_tests::redis_server::{RedisOptions, RedisServer};
use postrider_tests::world::{World, WorldOptions};

use super::ground::{GOES_ON_WITHIN, goes_on, hasty, in_flight, says};

fn with_redis(redis: RedisOptions, options: WorldOptions) -> WorldOptions {
    WorldOptions { redis, ..options }
}

fn fsync(how: &'static str) -> RedisOptions {
    RedisOptions { append_fsync: Some(how), ..RedisOptions::default() }
}

#[tokio::test]
async fn a_clean_restart_with_every_write_on_disk_loses_nothing() {
    let mut world = World::with(with_redis(fsync("always"), WorldOptions::default().workers(2))).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 40).await;
    world.send_to("/status/503", &[]).await;
    world.redis.shutdown().await;
    for worker in &mut world.workers {
        worker.wait_readyz(503).await;
    }
    hold.release(200);
    world.redis.restart().await;
    let answers = Instant::now();
    for worker in &mut world.workers {
        worker.wait_ready().await;
    }
    assert!(answers.elapsed() < GOES_ON_WITHIN, "{:?}", answers.elapsed());
    world
        .until("only the retry is left", Duration::from_secs(10), || async {
            let left = (world.length().await, world.waiting().await.len());
            if left == (0, 1) { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
    assert_eq!(world.receiver.requests_to("/held").len(), 40, "results were kept and nothing was sent again");
    assert!(world.workers.iter().all(|worker| !worker.log().contains("Redis came back")), "nothing was lost");
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_served_within_two_seconds_and_the_loss_is_said() {
    let nothing = RedisOptions { append_fsync: None, ..RedisOptions::default() };
    let mut world = World::with(with_redis(nothing, WorldOptions::default())).await;
    goes_on(&world).await;
    assert_eq!(says(&world, "loss").0, "ok");
    world.redis.kill9();
    world.redis.restart().await;
    let answers = Instant::now();
    world.send_to("/first", &[]).await;
    world.receiver.wait_for(2).await;
    assert!(answers.elapsed() < GOES_ON_WITHIN, "{:?}", answers.elapsed());
    world.workers[0].wait_log("Redis came back empty").await;
    world.workers[0].wait_metric("postrider_redis_losses_total", &[("how", "emptied")], 1.0).await;
    let (severity, sentence) = says(&world, "loss");
    assert!(severity == "warn" && sentence.contains("came back empty at 20"), "{severity} {sentence}");
    assert_eq!(says(&world, "persistence").0, "warn");
}

/// The case freezes Redis for a minute at the default times: twelve times as long as a worker may be silent.
#[tokio::test]
async fn a_redis_that_freezes_twelve_times_as_long_as_a_worker_may_be_silent_costs_nobody_its_jobs() {
    let mut world = World::with(hasty().workers(2).set("POSTRIDER_DELIVERY_TIMEOUT", "60s")).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 40).await;
    world.redis.pause();
    for worker in &mut world.workers {
        worker.wait_readyz(503).await;
    }
    // The freeze itself: time is what is tested.
    tokio::time::sleep(Duration::from_secs(12)).await;
    world.redis.resume();
    for worker in &mut world.workers {
        worker.wait_ready().await;
    }
    // Longer than it takes to find a worker dead.
    tokio::time::sleep(Duration::from_secs(2)).await;
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.count(), 40, "nothing was sent twice");
    assert!(world.workers.iter().all(|worker| !worker.log().contains("worker lost")));
}

/// The case takes five minutes, with quiet in between; here the next kill comes as soon as the last is overcome.
#[tokio::test]
async fn twenty_kills_of_redis_in_a_row_under_load_lose_nothing_and_each_is_overcome_within_two_seconds() {
    let options = WorldOptions::default().workers(2).set("POSTRIDER_RETRY_SCHEDULE", "100ms");
    let mut world = World::with(with_redis(fsync("always"), options)).await;
    let (mut delivered, mut dead) = (0, 0);
    for round in 0..20 {
        for number in 0..30 {
            let hook = format!("h{}", number % 10);
            let path = match number % 10 {
                0 => "/fail-first/1",
                1 => "/status/404",
                _ => "/slow/15",
            };
            world.send_to(path, &[("hookId", &hook), ("userId", "u")]).await;
            if path == "/status/404" { dead += 1 } else { delivered += 1 }
        }
        world.redis.kill9();
        world.redis.restart().await;
        let answers = Instant::now();
        let path = format!("/after/{round}");
        world.send_to(&path, &[]).await;
        world
            .until("sending goes on", Duration::from_secs(10), || async {
                if world.receiver.requests_to(&path).is_empty() { Err(round) } else { Ok(()) }
            })
            .await;
        assert!(answers.elapsed() < GOES_ON_WITHIN, "round {round}: {:?}", answers.elapsed());
        delivered += 1;
    }
    world.settled().await;
    assert_eq!(world.dead_letters().await.len(), dead);
    let ok: std::collections::HashSet<_> = world
        .attempts()
        .await
        .into_iter()
        .filter(|attempt| attempt["outcome"] == "delivered")
        .map(|attempt| attempt["job"].clone())
        .collect();
    assert_eq!(ok.len(), delivered, "every job ended, delivered or dead");
}

#[tokio::test]
async fn an_append_only_file_that_was_cut_in_its_last_command_is_repaired_and_the_worker_goes_on() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 20).await;
    goes_on(&world).await;
    world.redis.kill9();
    cut_end(&world.redis, 7);
    world.redis.restart().await;
    world.workers[0].wait_ready().await;
    hold.release(200);
    goes_on(&world).await;
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/held").len(), 20);
}

/// Cuts so many bytes off the file that grows.
fn cut_end(redis: &RedisServer, bytes: u64) {
    let folder = redis.folder().join("appendonlydir");
    let files = std::fs::read_dir(folder).expect("there is an append-only file");
    let grows = |path: &PathBuf| path.to_string_lossy().ends_with(".incr.aof");
    let path = files.map(|file| file.unwrap().path()).find(grows).expect("one part of it grows");
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - bytes).unwrap();
}

#[tokio::test]
async fn a_full_disk_keeps_results_waiting_and_nothing_is_sent_again_because_of_it() {
    // Ignored, or the server would die of the signal instead of hearing of the error.
    let launcher = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "redis"].map(str::to_owned).to_vec();
    let mut world =
        World::with(with_redis(RedisOptions { launcher, ..fsync("everysec") }, WorldOptions::default()))
            .await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 20).await;
    limit_files(&world.redis, "1:unlimited");
    world
        .until("Redis refuses writes", Duration::from_secs(10), || async {
            let tried: redis::RedisResult<redis::Value> =
                redis::cmd("SET").arg("x").arg("y").query_async(&mut world.connection().await).await;
            match tried {
                Err(error) if error.code() == Some("MISCONF") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    hold.release(200);
    let cause = world.workers[0].wait_readyz(503).await;
    assert!(cause.contains("MISCONF"), "{cause}");
    assert_eq!(says(&world, "writes").0, "error");
    limit_files(&world.redis, "unlimited:unlimited");
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/held").len(), 20, "each was sent once");
}

/// Lets the server's files grow no larger: a disk that is full.
fn limit_files(redis: &RedisServer, limit: &str) {
    let mut command = Command::new("prlimit");
    command.arg("--pid").arg(redis.id().to_string()).arg(format!("--fsize={limit}"));
    let status = command.status().expect("prlimit (util-linux) is installed");
    assert!(status.success());
}

#[tokio::test]
async fn a_worker_that_waits_for_redis_lives_and_is_not_ready() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    world.redis.kill9();
    world.add_worker(&[]).wait_readyz(503).await;
    // The case waits a minute; its pauses have reached their greatest after seven seconds.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(world.workers[0].is_running());
    assert_eq!(world.workers[0].healthz().await.0, 200);
    let tries = world.workers[0].log().matches("waiting for Redis").count();
    assert!(tries <= 6, "{tries} lines");
    world.redis.restart().await;
    let answers = Instant::now();
    world.workers[0].wait_ready().await;
    goes_on(&world).await;
    assert!(answers.elapsed() < 2 * GOES_ON_WITHIN, "{:?}", answers.elapsed());
}
