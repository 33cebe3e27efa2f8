//! Registered hooks that change while a job of theirs waits.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

const USER: &str = "u1";
const HOOK: &str = "h1";

/// A world in which one job of a registered hook has failed once and waits: longer than any record is cached.
async fn with_a_waiting_job() -> World {
    let world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_BASE", "2s")).await;
    register(&world, "/status/500/old").await;
    world.enqueue(&[("type", "note"), ("content", "{}"), ("userId", USER), ("hookId", HOOK)]).await;
    world
        .until("the job waits", PATIENCE, || async {
            if world.waiting().await.is_empty() { Err("nothing") } else { Ok(()) }
        })
        .await;
    world
}

async fn register(world: &World, path: &str) {
    let url = world.receiver.url(path);
    let record = serde_json::json!({
        "id": HOOK, "userId": USER, "name": "t", "on": ["note"], "url": url, "secret": "s", "active": true,
        "latestSentAt": null, "latestStatus": null,
    });
    world.register(USER, HOOK, record.to_string().as_bytes()).await;
}

#[tokio::test]
async fn a_job_whose_hook_was_deleted_meanwhile_ends_dead() {
    let world = with_a_waiting_job().await;
    let () = world.query(redis::cmd("HDEL").arg(format!("postrider:hooks:{{{USER}}}")).arg(HOOK)).await;
    assert_eq!(super::reasons(&world, 1).await, ["unknown_hook"]);
    assert_eq!(world.receiver.count(), 1);
}

#[tokio::test]
async fn a_job_that_waits_is_sent_to_its_hooks_new_url() {
    let world = with_a_waiting_job().await;
    register(&world, "/status/200/new").await;
    let requests = world.receiver.wait_for(2).await;
    assert_eq!((requests[1].path(), requests[1].attempt()), ("/status/200/new", 2));
    world.settled().await;
}

#[tokio::test]
async fn a_hook_that_answers_410_is_set_inactive() {
    let world = World::start().await;
    register(&world, "/status/410").await;
    world.enqueue(&[("type", "note"), ("content", "{}"), ("userId", USER), ("hookId", HOOK)]).await;
    assert_eq!(super::reasons(&world, 1).await, ["gone"]);
    world
        .until("the hook is inactive", PATIENCE, || async {
            let key = format!("postrider:hooks:{{{USER}}}");
            let record: String = world.query(redis::cmd("HGET").arg(key).arg(HOOK)).await;
            let hook: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
            if hook["active"] == false { Ok(()) } else { Err(record) }
        })
        .await;
}
