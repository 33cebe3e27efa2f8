//! `postrider doctor` from outside: exit codes, rights, streams that nobody serves.

use std::path::Path;

use postrider_tests::cluster::Cluster;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use super::ground::{command, doctor, goes_on, postrider, says};

/// A Redis that leaves nothing to be wished for, with a worker on it.
async fn healthy() -> World {
    let redis = RedisOptions {
        append_fsync: Some("always"),
        max_memory: Some("100mb".into()),
        ..RedisOptions::default()
    };
    World::with(WorldOptions { redis, ..WorldOptions::default() }).await
}

#[tokio::test]
async fn a_healthy_redis_gives_0_and_one_line_for_each_thing_that_was_looked_at() {
    let world = healthy().await;
    goes_on(&world).await;
    let told = postrider(&world.redis.url(), &["doctor"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{}", told.stdout);
    for line in
        ["ok     version", "ok     rights", "ok     workers       1 worker serves it", "postrider:events"]
    {
        assert!(told.stdout.contains(line), "{line} isn't in\n{}", told.stdout);
    }
    assert!(!told.stdout.contains('\u{1b}'), "colours are for terminals");
    assert!(doctor(&world, &["--fix"]).iter().all(|line| line["code"] != "mended"));
}

#[tokio::test]
async fn what_is_amiss_gives_1_and_a_count_and_a_redis_out_of_reach_gives_3() {
    let mut world = healthy().await;
    command(&world, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let told = postrider(&world.redis.url(), &["doctor"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(1), "postrider: 1 error, 0 warnings\n"));
    assert!(
        told.stdout.contains("set maxmemory-policy noeviction, or redis.allow_eviction"),
        "{}",
        told.stdout
    );
    world.redis.kill9();
    let told = postrider(&world.redis.url(), &["doctor"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.contains("can't reach Redis"), "{}", told.stderr);
}

#[tokio::test]
async fn each_missing_right_is_named_with_its_key_or_alone() {
    let world = healthy().await;
    for (rules, missing) in [
        (&["+@all", "-xreadgroup"][..], "XREADGROUP on postrider:deliveries"),
        (&["+@all", "-xgroup|create"], "XGROUP CREATE on postrider:deliveries"),
        // Without ACL DRYRUN the same is found by trying.
        (&["+@all", "-acl", "-zadd"], "ZADD on {postrider:deliveries}:retry"),
        (&["+@all", "-acl", "-hset"], "HSET on {postrider:deliveries}:retry:jobs"),
    ] {
        command(&world, &[&["ACL", "SETUSER", "w", "reset", "on", ">pw", "~*", "&*"], rules].concat()).await;
        let url = format!("redis://w:pw@127.0.0.1:{}", world.redis.port());
        let told = postrider(&url, &["doctor"]);
        assert_eq!(told.code, Some(1), "{}", told.stdout);
        assert!(
            told.stdout.contains("may not:") && told.stdout.contains(missing),
            "{missing}: {}",
            told.stdout
        );
    }
    let closed = [
        "ACL",
        "SETUSER",
        "w",
        "reset",
        "on",
        ">pw",
        "~postrider:*",
        "~{postrider:*",
        "resetkeys",
        "~{p*",
        "+@all",
    ];
    command(&world, &closed).await;
    let told = postrider(&format!("redis://w:pw@127.0.0.1:{}", world.redis.port()), &["doctor"]);
    assert!(told.stdout.contains("XREADGROUP on postrider:deliveries"), "{}", told.stdout);
    let keys: Vec<String> = world.query(redis::cmd("KEYS").arg("*doctor*")).await;
    assert_eq!(keys, Vec::<String>::new(), "trying leaves nothing behind");
}

#[tokio::test]
async fn a_user_who_may_only_look_is_told_what_could_not_be_looked_at() {
    let world = healthy().await;
    command(&world, &["ACL", "SETUSER", "v", "on", ">pw", "~*", "+@read", "+ping", "+info", "-scan"]).await;
    let told = postrider(&format!("redis://v:pw@127.0.0.1:{}", world.redis.port()), &["doctor"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("not_examined") && told.stdout.contains("SCAN"), "{}", told.stdout);
    let told = postrider(&format!("redis://v:wrong@127.0.0.1:{}", world.redis.port()), &["doctor"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(!told.stderr.contains("wrong@"), "{}", told.stderr);
}

#[tokio::test]
async fn streams_with_jobs_that_nobody_serves_are_found_whatever_their_name() {
    let world = healthy().await;
    let job = ["*", "to", "http://x.example/", "type", "note", "content", "{}"];
    command(&world, &[&["XADD", "postrider:delivries"], &job[..]].concat()).await;
    command(&world, &["XADD", "someone's log", "*", "line", "x"]).await;
    let (severity, sentence) = says(&world, "unserved");
    assert!(severity == "warn" && sentence.contains("1 job lies in postrider:delivries"), "{sentence}");
    let unserved = doctor(&world, &[]).iter().filter(|line| line["code"] == "unserved").count();
    assert_eq!(unserved, 1);
}

#[tokio::test]
async fn jobs_without_a_worker_and_a_paused_queue_are_told() {
    let mut world = healthy().await;
    command(&world, &["HSET", &world.key("control"), "paused", "1"]).await;
    assert_eq!(says(&world, "paused").0, "warn");
    world.workers[0].sigterm();
    world.workers[0].wait_exit(std::time::Duration::from_secs(15)).await;
    world.send_to("/", &[]).await;
    let (severity, sentence) = says(&world, "workers");
    assert!(severity == "error" && sentence.contains("1 job waits for one"), "{sentence}");
}

#[tokio::test]
async fn a_user_from_before_attempts_had_an_age_is_a_note_and_its_worker_goes_on_and_says_so_once() {
    let mut world = World::with(
        WorldOptions::default()
            .workers(0)
            .set("POSTRIDER_ATTEMPTS_MAX_AGE", "1s")
            .set("POSTRIDER_DEAD_MAX_AGE", "1s"),
    )
    .await;
    let url = shipped_user(&world, "worker.acl").await;
    command(&world, &["ACL", "SETUSER", "postrider-worker", "-xtrim"]).await;
    let one_queue = [("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_EVENTS_STREAM", "")];
    world.add_worker(&one_queue).wait_ready().await;
    goes_on(&world).await;
    world.workers[0].wait_log("may not XTRIM").await;
    // Letters are removed all the same, in a later look.
    command(&world, &["XADD", &world.key("dead"), "7-0", "to", "x", "_id", "old", "_reason", "gone"]).await;
    world
        .until("it is removed", std::time::Duration::from_secs(10), || async {
            let left = world.dead_letters().await.len();
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    let log = world.workers[0].log();
    assert_eq!(log.matches("may not XTRIM").count(), 1, "{log}");
    assert!(!log.contains("Redis refuses"), "{log}");
    assert_eq!(world.workers[0].metric("postrider_redis_errors_total", &[("kind", "denied")]).await, 0.0);
    let told = postrider(&url, &["doctor"]);
    assert!(told.stdout.contains("may do all that a worker does"), "{}", told.stdout);
    assert!(told.stdout.contains("may not run XTRIM: attempts.max_age has no effect"), "{}", told.stdout);
}

/// Makes the user of a file in `deploy/redis`; the URL that it comes with.
async fn shipped_user(world: &World, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/redis").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("user ")).expect("the file makes a user");
    let rules: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(line.split(' ')).collect();
    command(world, &rules).await;
    format!("redis://{}:change-me@127.0.0.1:{}", rules[2], world.redis.port())
}

#[tokio::test]
async fn the_users_that_are_shipped_have_the_rights_they_need_and_the_admin_may_look_at_all() {
    let world = healthy().await;
    goes_on(&world).await;
    for (file, may_look_at_all) in [("admin.acl", true), ("worker.acl", false)] {
        let url = shipped_user(&world, file).await;
        let told = postrider(&url, &["doctor"]);
        assert_eq!(told.code, Some(0), "{file}: {}", told.stdout);
        assert!(told.stdout.contains("may do all that a worker does"), "{file}: {}", told.stdout);
        assert_eq!(told.stdout.contains("not_examined"), !may_look_at_all, "{file}: {}", told.stdout);
    }
    command(&world, &["ZADD", &world.key("retry"), "99999999999999", "jobless"]).await;
    let told = postrider(&shipped_user(&world, "admin.acl").await, &["doctor", "--fix"]);
    assert!(told.code == Some(0) && told.stdout.contains("1 id without a job removed"), "{}", told.stdout);
}

#[tokio::test]
async fn a_cluster_is_looked_at_as_a_whole() {
    let cluster = Cluster::start().await;
    let shard =
        ["--queue-names", "postrider:{1}:deliveries", "--events-stream", "postrider:{1}:events", "--json"];
    let told = postrider(&cluster.url(), &[&["doctor"], &shard[..]].concat());
    assert!(told.stdout.contains("all slots are served by a cluster of 6 nodes"), "{told:?}");
    assert!(!told.stdout.contains(r#""error""#), "{}", told.stdout);
    let told = postrider(&cluster.url(), &["doctor", "--events-queue", "postrider:{2}:deliveries"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("the two lie in different slots of the cluster"), "{}", told.stdout);
    let owner = cluster.owner(0, None).await;
    cluster.tell(owner, &["CLUSTER", "DELSLOTS", "0"]).await;
    let told = postrider(&cluster.url(), &[&["doctor"], &shard[..]].concat());
    assert!(told.code == Some(1) && told.stdout.contains("slots of the cluster"), "{told:?}");
}
