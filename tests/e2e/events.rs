//! Fan-out: one event, one job for each hook that asked for it, whatever crashes.

use std::collections::HashSet;
use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions, xadd};

const EVENTS: &str = "postrider:events";

fn record(world: &World, hook: &str, on: &str, active: bool) -> String {
    let url = world.receiver.url(&format!("/{hook}"));
    format!(
        r#"{{"id":"{hook}","userId":"u","name":"n","on":{on},"url":"{url}","secret":"s-{hook}","active":{active}}}"#
    )
}

async fn register(world: &World, hook: &str, on: &str, active: bool) {
    world.register("u", hook, record(world, hook, on, active).as_bytes()).await;
}

async fn push(world: &World, fields: &[(&str, &str)]) -> String {
    world.query(&xadd(EVENTS, "*", fields)).await
}

/// No event is left, and no job.
async fn all_ended(world: &World) {
    world
        .until("the events have ended", Duration::from_secs(20), || async {
            let left: usize = world.query(redis::cmd("XLEN").arg(EVENTS)).await;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    world.settled().await;
}

#[tokio::test]
async fn an_event_becomes_one_job_for_each_active_hook_that_asked_for_it() {
    let world = World::start().await;
    register(&world, "one", r#"["note","reply"]"#, true).await;
    register(&world, "all", r#"["*"]"#, true).await;
    register(&world, "other", r#"["mention"]"#, true).await;
    register(&world, "none", "[]", true).await;
    register(&world, "off", r#"["note"]"#, false).await;
    let fields = [
        ("userId", "u"),
        ("type", "note"),
        ("content", r#"{"note": {"id":"9x"}}"#),
        ("id", "ev-1"),
        ("createdAt", "17"),
        ("header:X-Tenant", "t"),
        ("secret", "ignored"),
        ("to", "ignored"),
    ];
    push(&world, &fields).await;
    all_ended(&world).await;
    let requests = world.receiver.requests();
    let paths: HashSet<_> = requests.iter().map(Request::path).collect();
    assert_eq!((requests.len(), paths), (2, HashSet::from(["/one", "/all"])));
    for request in &requests {
        let hook = &request.path()[1..];
        let body = request.json();
        assert_eq!(body["eventId"], format!("ev-1:{hook}"));
        assert_eq!(
            (&body["hookId"], &body["userId"], &body["createdAt"]),
            (&hook.into(), &"u".into(), &17.into())
        );
        assert!(request.body.ends_with(br#""body":{"note": {"id":"9x"}}}"#));
        assert_eq!(request.header("X-Misskey-Hook-Secret"), Some(format!("s-{hook}").as_str()));
        assert_eq!(request.header("X-Tenant"), Some("t"));
    }
}

#[tokio::test]
async fn an_event_that_nobody_asked_for_ends() {
    let world = World::start().await;
    register(&world, "one", r#"["mention"]"#, true).await;
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "{}")]).await;
    push(&world, &[("userId", "nobody"), ("type", "note"), ("content", "{}")]).await;
    all_ended(&world).await;
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test]
async fn an_event_that_breaks_the_rules_is_a_dead_letter_of_the_events() {
    let mut world = World::start().await;
    world.set_queue(EVENTS);
    push(&world, &[("type", "note"), ("content", "{}")]).await;
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "{")]).await;
    let letters = world.wait_for_dead(2).await;
    let error = |n: usize| String::from_utf8_lossy(&letters[n][&b"_error"[..]]).into_owned();
    assert!(error(0).contains("'userId'") && error(1).contains("'content'"), "{} {}", error(0), error(1));
}

#[tokio::test]
async fn an_event_keeps_its_time_and_its_limits() {
    let world = World::start().await;
    register(&world, "one", r#"["note"]"#, true).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let entry = push(
        &world,
        &[("userId", "u"), ("type", "note"), ("content", "1"), ("notBefore", &(now + 700).to_string())],
    )
    .await;
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "2"), ("expiresAt", "1")]).await;
    let request = world.receiver.next_request().await;
    assert!(request.at_ms >= now + 700);
    assert_eq!(request.json()["createdAt"].to_string(), entry.split('-').next().unwrap());
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!(letter[&b"_reason"[..]], b"expired");
}

#[tokio::test]
async fn each_hook_gets_exactly_one_job_of_an_event_however_often_its_workers_are_killed() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_HEARTBEAT", "200ms")
        .set("POSTRIDER_WORKER_DEAD_AFTER", "1s")
        .workers(0);
    let mut world = World::with(options).await;
    for hook in ["a", "b", "c"] {
        register(&world, hook, r#"["note"]"#, true).await;
    }
    let mut expected = HashSet::new();
    for round in 0..4 {
        for number in 0..100 {
            let id = format!("ev-{round}-{number}");
            push(&world, &[("userId", "u"), ("type", "note"), ("content", "{}"), ("id", &id)]).await;
            expected.extend(["a", "b", "c"].map(|hook| format!("{id}:{hook}")));
        }
        // Killed at some moment of its work, a different one each round.
        let worker = world.add_worker(&[]);
        worker.wait_ready().await;
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        world.workers.last_mut().unwrap().kill9();
    }
    // The queue of jobs is looked at while nobody serves it: whatever was fanned out is there or was delivered.
    world.add_worker(&[]).wait_ready().await;
    all_ended(&world).await;
    let requests = world.receiver.requests();
    let received: HashSet<String> = requests.iter().filter_map(Request::event_id).collect();
    assert_eq!(received, expected);
    let made = world.attempts().await.iter().filter(|attempt| attempt["outcome"] == "delivered").count();
    assert_eq!(made, expected.len(), "a job was made twice");
}

#[tokio::test]
async fn events_wait_while_redis_is_out_of_memory() {
    let world = World::start().await;
    register(&world, "one", r#"["note"]"#, true).await;
    let pause: redis::Cmd = redis::cmd("HSET").arg("{postrider:events}:control").arg("paused").arg(1).clone();
    let _: redis::Value = world.query(&pause).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "{}")]).await;
    let memory = |limit: &str| redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(limit).clone();
    let _: redis::Value = world.query(&memory("1")).await;
    let _: redis::Value =
        world.query(redis::cmd("HDEL").arg("{postrider:events}:control").arg("paused")).await;
    world.workers[0].wait_metric("postrider_redis_errors_total", &[("kind", "out_of_memory")], 1.0).await;
    assert_eq!(world.receiver.count(), 0);
    let _: redis::Value = world.query(&memory("0")).await;
    world.receiver.wait_for(1).await;
    all_ended(&world).await;
}

#[tokio::test]
async fn a_thousand_hooks_of_one_owner_are_served_by_one_event() {
    let world = World::start().await;
    let mut pipe = redis::pipe();
    for number in 0..1000 {
        let record = record(&world, &format!("h{number}"), r#"["note"]"#, true);
        pipe.hset("postrider:hooks:{u}", format!("h{number}"), record).ignore();
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "{}")]).await;
    all_ended(&world).await;
    let paths: HashSet<_> =
        world.receiver.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!((paths.len(), world.receiver.count()), (1000, 1000));
}

#[tokio::test]
async fn a_hook_that_was_registered_just_now_gets_its_first_event() {
    let world = World::start().await;
    // Asked for before it is there: the answer must not outlive its registration.
    world.enqueue(&[("hookId", "one"), ("userId", "u"), ("type", "note"), ("content", "{}")]).await;
    world.wait_for_dead(1).await;
    register(&world, "one", r#"["note"]"#, true).await;
    push(&world, &[("userId", "u"), ("type", "note"), ("content", "{}")]).await;
    world.receiver.wait_for(1).await;
    all_ended(&world).await;
    assert_eq!(world.dead_letters().await.len(), 1);
}
