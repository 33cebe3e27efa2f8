//! Failover by Sentinel: whoever is the primary, the worker finds it, and what a replica has is not lost.

use std::time::{Duration, Instant};

use postrider_producer::{Job, Producer};
use postrider_tests::receiver::Receiver;
use postrider_tests::redis_server::RedisServer;
use postrider_tests::sentinel::{PASSWORD, SENTINEL_PASSWORD, Sentinel, SentinelSet, options};
use postrider_tests::wait::{PATIENCE, until};
use postrider_tests::worker_process::WorkerProcess;

use super::load::{GOES_ON_WITHIN, Load, goes_on, only_touched_jobs_came_twice, replicated};
use super::postrider;

/// Servers, sentinels, a receiver and two ready workers.
struct Scene {
    workers: Vec<WorkerProcess>,
    receiver: Receiver,
    set: SentinelSet,
}

impl Scene {
    async fn start() -> Self {
        let (set, receiver) = (SentinelSet::start().await, Receiver::start().await);
        let mut scene = Self { workers: Vec::new(), receiver, set };
        for _ in 0..2 {
            scene.add_worker(&scene.set.url());
        }
        for worker in &mut scene.workers {
            worker.wait_ready().await;
        }
        scene
    }

    fn add_worker(&mut self, url: &str) {
        self.workers.push(WorkerProcess::start(&self.set.servers[0], &[("POSTRIDER_REDIS_URL", url)]));
    }

    async fn load(&self) -> Load {
        let producer = Producer::connect_with(&self.set.url(), replicated()).await.unwrap();
        let to = self.receiver.url("/slow/10");
        let job = move |n: usize| {
            Job::to(&*to).event_type("note").content("{}").user_id("u").hook_id(format!("h{}", n % 20))
        };
        Load::start(vec![producer], job)
    }

    fn no_secret_is_logged(&self) {
        for worker in &self.workers {
            let log = worker.log();
            assert!(!log.contains(PASSWORD) && !log.contains(SENTINEL_PASSWORD), "{log}");
        }
    }
}

#[tokio::test]
async fn a_killed_primary_is_followed_by_its_replica_and_nothing_replicated_is_lost() {
    let mut scene = Scene::start().await;
    let load = scene.load().await;
    load.runs(200).await;
    let killed = Instant::now();
    scene.set.servers[0].kill9();
    scene.set.new_primary(0).await;
    let promoted = Instant::now();
    goes_on(&scene.receiver).await;
    // No replica is left that could give a receipt: the old primary comes back as one.
    scene.set.servers[0].restart().await;
    scene.set.follows(0).await;
    load.runs(200).await;
    assert!(load.all_arrive(&scene.receiver).await >= 400);
    only_touched_jobs_came_twice(&scene.receiver, &[(killed, promoted)]);
    scene.no_secret_is_logged();
}

#[tokio::test]
async fn a_primary_that_hangs_and_a_replica_that_lags_lose_nothing_that_was_replicated() {
    let mut scene = Scene::start().await;
    let load = scene.load().await;
    load.runs(100).await;
    // From here on results are written that the replica doesn't hear of; producers get no receipt.
    scene.set.servers[1].pause();
    let stopped = Instant::now();
    let before = scene.receiver.count();
    scene.receiver.wait_for(before + 2).await;
    scene.set.servers[0].pause();
    scene.set.servers[1].resume();
    scene.set.new_primary(0).await;
    let promoted = Instant::now();
    // The load's own producer still waits for an answer of the one that hangs.
    let producer = Producer::connect(&scene.set.url()).await.unwrap();
    let url = scene.receiver.url("/new");
    producer.add(&Job::to(url).event_type("note").content("{}")).await.unwrap();
    let arrived =
        || async { if scene.receiver.requests_to("/new").is_empty() { Err("not yet") } else { Ok(()) } };
    until("the job has arrived", GOES_ON_WITHIN, arrived).await;
    scene.set.servers[0].resume();
    scene.set.follows(0).await;
    load.runs(100).await;
    load.all_arrive(&scene.receiver).await;
    only_touched_jobs_came_twice(&scene.receiver, &[(stopped, promoted)]);
}

#[tokio::test]
async fn roles_that_change_back_and_forth_under_load_are_followed() {
    let scene = Scene::start().await;
    let load = scene.load().await;
    let (mut primary, mut failovers) = (0, Vec::new());
    for _ in 0..2 {
        load.runs(100).await;
        let asked = Instant::now();
        scene.set.fail_over().await;
        let former = primary;
        primary = scene.set.new_primary(former).await;
        failovers.push((asked, Instant::now()));
        goes_on(&scene.receiver).await;
        scene.set.follows(former).await;
    }
    load.runs(100).await;
    load.all_arrive(&scene.receiver).await;
    only_touched_jobs_came_twice(&scene.receiver, &failovers);
}

#[tokio::test]
async fn a_sentinel_that_names_a_replica_is_not_believed() {
    let mut scene = Scene::start().await;
    // It watches the replica as if it were the primary, and never finds others to agree that it isn't.
    let stale = Sentinel::start(scene.set.servers[1].port(), 99);
    scene.add_worker(&scene.set.url_behind(&stale));
    scene.workers[2].wait_ready().await;
    let load = scene.load().await;
    load.runs(50).await;
    load.all_arrive(&scene.receiver).await;
}

#[tokio::test]
async fn commands_find_the_primary_too_and_say_which_sentinel_answered_what() {
    let scene = Scene::start().await;
    let (url, to) = (scene.set.url(), scene.receiver.url("/in"));
    let settings = [("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")];
    let enqueue = ["enqueue", "--to", &to, "--type", "note", "--content", "{}"];
    for arguments in [
        &enqueue[..],
        &["event", "--user", "u", "--type", "note", "--content", "{}"],
        &["hooks", "create", "--user", "u", "--url", &to, "--on", "note"],
        &["hooks", "list"],
    ] {
        let told = postrider(arguments, &settings);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
    }
    assert_eq!(postrider(&["hooks", "list", "--json"], &settings).stdout.lines().count(), 1);
    scene.receiver.wait_for(1).await;
    let wrong = url.replace("/main", "/other");
    let asked = Instant::now();
    let told = postrider(&enqueue, &[("POSTRIDER_REDIS_URL", &*wrong)]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stderr.matches("knows no primary named other").count() == 3, "{told:?}");
    assert!(!told.stderr.contains("s3cret"), "{told:?}");
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_hook_is_read_from_the_new_primary_though_the_old_one_keeps_its_connections() {
    let old = RedisServer::start_with(options(&[])).await;
    let new = RedisServer::start_with(options(&["--replicaof", "127.0.0.1", &old.port().to_string()])).await;
    let (receiver, sentinel) = (Receiver::start().await, Sentinel::start(old.port(), 99));
    let mut worker = WorkerProcess::start(&old, &[("POSTRIDER_REDIS_URL", &sentinel.url())]);
    worker.wait_ready().await;
    put_hook(&old, &receiver.url("/old")).await;
    put_job(&old).await;
    receiver.wait_for(1).await;
    until("the replica knows that the job is done", PATIENCE, || async {
        let mut length = redis::cmd("XLEN");
        length.arg("postrider:deliveries");
        let length: usize = length.query_async(&mut new.connection().await).await.unwrap_or(1);
        if length == 0 { Ok(()) } else { Err(length) }
    })
    .await;
    // By hand, without a word to those who are connected; the old primary never hears of anything again.
    tell(&new, &["REPLICAOF", "NO", "ONE"]).await;
    sentinel.watch(new.port()).await;
    tell(&old, &["REPLICAOF", "127.0.0.1", "1"]).await;
    put_hook(&new, &receiver.url("/new")).await;
    // What is promised of a change holds for attempts that start a second later.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    put_job(&new).await;
    assert_eq!(receiver.wait_for(2).await[1].path(), "/new");
}

async fn tell(server: &RedisServer, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let _: redis::Value = command.query_async(&mut server.connection().await).await.unwrap();
}

async fn put_hook(server: &RedisServer, url: &str) {
    let record = format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
    );
    tell(server, &["HSET", "postrider:hooks:{u}", "h", &record]).await;
}

async fn put_job(server: &RedisServer) {
    let job = ["type", "note", "content", "{}", "hookId", "h", "userId", "u"];
    tell(server, &[&["XADD", "postrider:deliveries", "*"], &job[..]].concat()).await;
}
