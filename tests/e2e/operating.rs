//! What operators do to running workers by `postrider destinations` and `postrider queue`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::trouble::{add_for_hook as add, trip, until_arrived};
use postrider_tests::wait::PATIENCE;
use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

/// Workers obey a pause within that.
const OBEDIENCE: Duration = Duration::from_secs(2);

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    /// That it ended well with nothing to add; its lines of JSON.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!((self.code, &*self.stderr), (Some(0), ""), "{self:?}");
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// That it ended so, with these words on stdout and these on stderr; no words: nothing at all.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for (told, words) in [(&self.stdout, stdout), (&self.stderr, stderr)] {
            assert!(told.contains(words) && told.is_empty() == words.is_empty(), "{words:?}: {self:?}");
        }
        assert!(!format!("{self:?}").contains("canary"), "{self:?}");
    }
}

/// `postrider <line>` with no other settings than this Redis.
fn postrider_at(redis_url: &str, line: &str) -> Told {
    let mut command = Command::new(program());
    command.args(line.split(' ')).env_clear().env("POSTRIDER_REDIS_URL", redis_url);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub(crate) fn postrider(world: &World, line: &str) -> Told {
    postrider_at(&world.redis.url(), line)
}

/// Waits until the lines of JSON of a command show a fact.
async fn until_listed(world: &World, line: &str, fact: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    world
        .until(fact, PATIENCE, || async {
            let rows = postrider(world, line).rows();
            if holds(&rows) { Ok(rows) } else { Err(format!("{rows:?}")) }
        })
        .await
}

/// A destination that is left alone for so long that only a reset lets it have its jobs soon.
async fn check_reset(line: &str, said: &str) {
    let world = World::start().await;
    world.receiver.respond("/down", 500);
    trip(&world, "/down", "down", Duration::from_secs(3)).await;
    add(&world, "/down", "down", 100).await;
    world.receiver.respond("/down", 200);
    let before = world.receiver.requests_to("/down").len();
    let asked = Instant::now();
    postrider(&world, line).check(0, said, "");
    until_arrived(&world, "/down", before + 100).await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_destination_that_is_reset_by_its_name_gets_its_jobs_at_once() {
    check_reset("destinations reset u/down", "postrider:deliveries: asked 1 worker to reset u/down").await;
}

#[tokio::test]
async fn all_destinations_can_be_reset_at_once() {
    check_reset("destinations reset --all", "postrider:deliveries: asked 1 worker to reset all destinations")
        .await;
}

#[tokio::test]
async fn each_worker_has_its_row_and_those_that_are_held_back_come_first() {
    let world = World::with(WorldOptions::default().workers(2)).await;
    world.receiver.respond("/down", 500);
    trip(&world, "/down", "z", Duration::ZERO).await;
    // It has work for some seconds, one request at a time, and is not held back.
    let url = world.receiver.url("/slow/200");
    let record = format!(r#"{{"url":"{url}","active":true,"on":[],"secret":"","maxInFlight":1}}"#);
    world.register("u", "a", record.as_bytes()).await;
    add(&world, "/slow/200", "a", 60).await;
    add(&world, "/down", "z", 400).await;
    let rows = until_listed(&world, "destinations list --json", "both are told of by both", |rows| {
        let count = |name: &str| rows.iter().filter(|row| row["destination"] == name).count();
        (count("u/a"), count("u/z")) == (2, 2) && rows.iter().any(|row| row["state"] != "flowing")
    })
    .await;
    let workers: Vec<String> = world.query(redis::cmd("HKEYS").arg(world.key("workers"))).await;
    for row in &rows {
        assert!(workers.iter().any(|worker| row["worker"] == worker.as_str()), "{row}");
        assert_eq!(row["queue"], world.queue());
    }
    assert_eq!(rows[0]["destination"], "u/z", "{rows:?}");
    let held_back = postrider(&world, "destinations list --held-back --json").rows();
    assert!(held_back.iter().all(|row| row["destination"] == "u/z"), "{held_back:?}");
    let table = postrider(&world, "destinations list").stdout;
    assert!(table.starts_with("DESTINATION  STATE"), "{table}");
    assert_eq!(table.lines().count(), 5, "{table}");
    let shown = postrider(&world, "destinations show u/z");
    assert_eq!(shown.code, Some(0));
    assert_eq!(shown.stdout.lines().filter(|line| *line == "destination     u/z").count(), 2, "{shown:?}");
    assert_eq!(postrider(&world, "destinations show u/z --json").rows().len(), 2);
}

#[tokio::test]
async fn names_that_nobody_tells_of_are_said_to_be_unknown() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    postrider(&world, "destinations list").check(0, "", "no worker has jobs for any destination");
    postrider(&world, "destinations list --held-back").check(0, "", "no destination is held back");
    postrider(&world, "destinations list --json").check(0, "", "");
    postrider(&world, "destinations show u/h").check(
        1,
        "",
        "`postrider destinations list` shows their names",
    );
    let asked = "asked to reset u/h";
    postrider(&world, "destinations reset u/h").check(0, asked, "no worker has told anything");
    for line in ["destinations reset", "destinations reset u/h --all", "destinations show", "queue stop"] {
        assert_eq!(postrider(&world, line).code, Some(2), "{line}");
    }
}

#[tokio::test]
async fn a_worker_of_a_paused_queue_that_never_had_a_job_says_that_it_is_paused() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let mut pause = redis::cmd("HSET");
    let () = world.query(pause.arg(world.key("control")).arg("paused").arg(1)).await;
    world.add_worker(&[]);
    let says_paused = || async {
        let (status, cause) = world.workers[0].readyz().await;
        if status == 503 && cause.contains("paused") { Ok(()) } else { Err(format!("{status} {cause}")) }
    };
    world.until("it is paused", PATIENCE, says_paused).await;
    // Longer than between two looks for lost workers, which a stream that isn't there must not fail.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(says_paused().await, Ok(()));
}

#[tokio::test]
async fn a_paused_queue_finishes_what_is_in_flight_starts_nothing_and_loses_nothing() {
    let world = World::start().await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    until_arrived(&world, "/held", 1).await;
    postrider(&world, "queue pause").check(0, "postrider:deliveries: paused.", "");
    tokio::time::sleep(OBEDIENCE).await;
    add(&world, "/fine", "h", 50).await;
    hold.release(200);
    let rows = until_listed(&world, "queue stats --json", "what was in flight is done", |rows| {
        (&rows[0]["leased"], &rows[0]["today"]["delivered"]) == (&0.into(), &1.into())
    })
    .await;
    let row = &rows[0];
    assert_eq!((&row["paused"], &row["ready"], &row["workers"]), (&true.into(), &50.into(), &1.into()));
    assert!(postrider(&world, "queue stats").stdout.contains("paused"));
    assert!(world.receiver.requests_to("/fine").is_empty(), "something was started in a paused queue");
    let resumed = Instant::now();
    postrider(&world, "queue resume").check(0, "postrider:deliveries: resumed.", "");
    until_arrived(&world, "/fine", 50).await;
    assert!(resumed.elapsed() < OBEDIENCE + Duration::from_secs(1), "{:?}", resumed.elapsed());
    world.settled().await;
    assert_eq!(world.receiver.count(), 51);
}

#[tokio::test]
async fn pausing_and_resuming_again_changes_nothing_and_a_name_that_nobody_uses_is_warned_of() {
    let world = World::start().await;
    let paused = |queue: &'static str| {
        let key = format!("{{{queue}}}:control");
        let world = &world;
        async move { world.query::<Option<String>>(redis::cmd("HGET").arg(key).arg("paused")).await }
    };
    for (line, said) in [
        ("queue resume", "was not paused"),
        ("queue pause", "paused."),
        ("queue pause", "was paused already"),
        ("queue resume", "resumed."),
        ("queue pause --events", "postrider:events: paused."),
    ] {
        postrider(&world, line).check(0, said, "");
    }
    assert_eq!(paused("postrider:events").await.as_deref(), Some("1"));
    postrider(&world, "queue resume --queue postrider:deliveries").check(0, "resumed.", "");
    assert_eq!(paused("postrider:deliveries").await, None);
    assert_eq!(paused("postrider:events").await.as_deref(), Some("1"));
    let unknown = postrider(&world, "queue pause --queue orders");
    unknown.check(0, "orders: paused.", "there is neither such a queue nor a worker of it");
    assert_eq!(paused("orders").await.as_deref(), Some("1"));
    assert_eq!(postrider(&world, "queue pause --queue a{").code, Some(2));
    let without = "queue pause --events --events-stream=";
    postrider(&world, without).check(2, "", "events.stream is empty");
}

#[tokio::test]
async fn stats_tell_of_jobs_in_every_state_and_of_what_came_of_them() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold")).await;
    let due = "253402300799998";
    world.register("u", "off", br#"{"url":"http://127.0.0.1/","active":false,"on":[],"secret":""}"#).await;
    add(&world, "/", "off", 3).await;
    world.send_to("/", &[]).await;
    world.send_to("/status/404", &[]).await;
    world.send_to("/", &[("notBefore", due)]).await;
    let rows = until_listed(&world, "queue stats --json", "all have found their states", |rows| {
        let row = &rows[0];
        (&row["waiting"], &row["dead"], &row["leased"]) == (&4.into(), &1.into(), &0.into())
    })
    .await;
    let (queue, events) = (&rows[0], &rows[1]);
    assert_eq!((&queue["queue"], &events["queue"]), (&world.queue().into(), &"postrider:events".into()));
    for (figure, expected) in [("held", 3), ("ready", 0), ("workers", 1), ("oldestReadyMs", 0)] {
        assert_eq!(queue[figure], expected, "{figure}: {queue}");
    }
    assert_eq!(queue["nextDueAt"].to_string(), due);
    assert_eq!((&queue["today"]["delivered"], &queue["today"]["dead"]), (&1.into(), &1.into()));
    assert_eq!((&events["nextDueAt"], &events["today"]["delivered"]), (&Value::Null, &0.into()));
    let table = postrider(&world, "queue stats").stdout;
    let heads: Vec<&str> = table.lines().filter(|line| line.starts_with(['Q', 'S'])).collect();
    assert!(heads.len() == 2 && heads[1].starts_with("SETTLED"), "{table}");
}

#[tokio::test]
async fn the_rights_that_are_shipped_for_administrators_are_enough() {
    let users = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/redis/admin.acl");
    let extra = vec!["--include".to_owned(), users.to_str().unwrap().to_owned()];
    let redis = RedisOptions { extra, ..RedisOptions::default() };
    let options = WorldOptions { redis, ..WorldOptions::default() };
    let world = World::with(options.set("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold")).await;
    world.register("u", "off", br#"{"url":"http://127.0.0.1/","active":false,"on":[],"secret":""}"#).await;
    let _hold = world.receiver.hold("/held");
    add(&world, "/", "off", 1).await;
    add(&world, "/held", "h", 1).await;
    let url = format!("redis://postrider-admin:change-me@127.0.0.1:{}", world.redis.port());
    world
        .until("its destination is told of", PATIENCE, || async {
            let told = postrider_at(&url, "destinations show u/h");
            if told.code == Some(0) { Ok(()) } else { Err(told.stderr) }
        })
        .await;
    for line in [
        "destinations list",
        "destinations reset u/h",
        "destinations reset --all",
        "destinations pause u/h",
        "destinations resume u/h",
        "queue pause --events",
        "queue stats",
        "queue resume --events",
    ] {
        let told = postrider_at(&url, line);
        assert_eq!((told.code, &*told.stderr), (Some(0), ""), "{line}: {told:?}");
    }
}

#[test]
fn without_redis_they_end_with_3() {
    for line in [
        "destinations list",
        "destinations show u/h",
        "destinations reset --all",
        "queue stats --json",
        "queue pause",
        "queue resume --queue q",
    ] {
        postrider_at("redis://canary:canary@127.0.0.1:1", line).check(3, "", "postrider: can't reach Redis");
    }
}
