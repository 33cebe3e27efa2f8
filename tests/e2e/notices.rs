//! What owners are told: the latest attempt, and notices of hooks that fail, recover or are switched off, and of dead jobs.

use std::collections::HashMap;
use std::time::Duration;

use postrider_tests::world::{World, WorldOptions};

type Notice = HashMap<String, String>;

async fn world() -> World {
    let options = WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "100ms");
    World::with(options.set("POSTRIDER_RETRY_MAX_ATTEMPTS", "100")).await
}

async fn register(world: &World) {
    let url = world.receiver.url("/hook");
    let record = format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"canary-77","active":true}}"#
    );
    world.register("u", "h", record.as_bytes()).await;
}

async fn enqueue(world: &World) {
    world.enqueue(&[("hookId", "h"), ("userId", "u"), ("type", "note"), ("content", "{}")]).await;
}

async fn notices(world: &World) -> Vec<Notice> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let entries = world.entries("postrider:notices").await;
    entries
        .into_iter()
        .map(|(_, fields)| fields.into_iter().map(|(name, value)| (text(name), text(value))).collect())
        .collect()
}

async fn wait_for_notice(world: &World, kind: &str) -> Notice {
    world
        .until(kind, Duration::from_secs(15), || async {
            let all = notices(world).await;
            let found = all.iter().find(|notice| notice["kind"] == kind).cloned();
            found.ok_or_else(|| format!("{all:?}"))
        })
        .await
}

async fn latest(world: &World) -> serde_json::Value {
    let stored: Option<String> =
        world.query(redis::cmd("HGET").arg("postrider:hooks:{u}:latest").arg("h")).await;
    stored.map_or(serde_json::Value::Null, |json| serde_json::from_str(&json).unwrap())
}

#[tokio::test]
async fn a_hook_that_fails_and_recovers_is_told_once_each() {
    let world = world().await;
    register(&world).await;
    world.receiver.respond("/hook", 500);
    enqueue(&world).await;
    let failing = wait_for_notice(&world, "hook_failing").await;
    assert_eq!((&*failing["userId"], &*failing["hookId"], &*failing["job"]), ("u", "h", ""));
    assert!(failing["at"].parse::<u64>().unwrap() > 1_700_000_000_000);
    assert_eq!(latest(&world).await["latestStatus"], 500);
    world.receiver.respond("/hook", 204);
    wait_for_notice(&world, "hook_recovered").await;
    world.settled().await;
    world
        .until("the latest attempt is told", Duration::from_secs(5), || async {
            let latest = latest(&world).await;
            if latest["latestStatus"] == 204 { Ok(()) } else { Err(latest) }
        })
        .await;
    assert!(latest(&world).await["latestSentAt"].as_str().unwrap().ends_with('Z'));
    let kinds: Vec<String> = notices(&world).await.into_iter().map(|notice| notice["kind"].clone()).collect();
    assert_eq!(kinds, ["hook_failing", "hook_recovered"]);
    assert!(!format!("{:?}", notices(&world).await).contains("canary"));
}

#[tokio::test]
async fn silence_is_latest_status_zero() {
    let world = world().await;
    let record =
        r#"{"id":"h","userId":"u","name":"n","on":[],"url":"http://127.0.0.1:1/","secret":"","active":true}"#;
    world.register("u", "h", record.as_bytes()).await;
    enqueue(&world).await;
    world
        .until("the latest attempt is told", Duration::from_secs(5), || async {
            let latest = latest(&world).await;
            if latest["latestStatus"] == 0 { Ok(()) } else { Err(latest) }
        })
        .await;
}

#[tokio::test]
async fn a_hook_that_is_gone_is_told_as_disabled_and_its_job_as_dead() {
    let world = world().await;
    register(&world).await;
    world.receiver.respond("/hook", 410);
    enqueue(&world).await;
    let disabled = wait_for_notice(&world, "hook_disabled").await;
    assert_eq!((&*disabled["hookId"], &*disabled["reason"]), ("h", "gone"));
    let dead = wait_for_notice(&world, "job_dead").await;
    assert_eq!((&*dead["userId"], &*dead["hookId"], &*dead["reason"]), ("u", "h", "gone"));
    assert!(dead["job"].contains('-'));
}

#[tokio::test]
async fn nothing_but_failures_for_too_long_switches_a_hook_off() {
    let options = WorldOptions::default()
        .set("POSTRIDER_RETRY_SCHEDULE", "200ms")
        .set("POSTRIDER_RETRY_MAX_ATTEMPTS", "100")
        .set("POSTRIDER_HOOKS_DISABLE_AFTER", "2s");
    let world = World::with(options).await;
    register(&world).await;
    world.receiver.respond("/hook", 503);
    enqueue(&world).await;
    let disabled = wait_for_notice(&world, "hook_disabled").await;
    assert_eq!(disabled["reason"], "failing");
    world.settled().await;
    let record: String = world.query(redis::cmd("HGET").arg("postrider:hooks:{u}").arg("h")).await;
    assert!(
        record.contains(r#""active":false"#) && record.contains(r#""disabledReason":"failing""#),
        "{record}"
    );
}

#[tokio::test]
async fn a_job_of_nobody_is_told_when_it_dies() {
    let world = world().await;
    world.send_to("/status/404", &[("id", "mine")]).await;
    let dead = wait_for_notice(&world, "job_dead").await;
    assert_eq!((&*dead["userId"], &*dead["job"], &*dead["reason"]), ("", "mine", "rejected"));
}

#[tokio::test]
async fn a_deleted_hook_leaves_no_latest_attempt_behind() {
    let world = world().await;
    register(&world).await;
    let hold = world.receiver.hold("/hook");
    enqueue(&world).await;
    world.receiver.wait_for(1).await;
    let _: usize = world.query(redis::cmd("HDEL").arg("postrider:hooks:{u}").arg("h")).await;
    hold.release(200);
    world.settled().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(latest(&world).await, serde_json::Value::Null);
}
