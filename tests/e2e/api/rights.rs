//! The rights in Redis that `deploy/redis/worker-with-api.acl` gives a worker: enough for every route, and each of those that
//! `worker.acl` hasn't is used.

use std::collections::BTreeSet;
use std::path::PathBuf;

use postrider_tests::redis_server::RedisOptions;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{DEFAULT_QUEUE as Q, World, WorldOptions};
use serde_json::{Value, json};

use super::{ADMIN, Client, options};

fn acl_file(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().join(format!("deploy/redis/{name}.acl"))
}

/// The commands that the file grants one by one.
fn granted(name: &str) -> BTreeSet<String> {
    let file = std::fs::read_to_string(acl_file(name)).unwrap();
    let line = file.lines().find(|line| line.starts_with("user ")).unwrap();
    line.split(' ').filter_map(|word| word.strip_prefix('+')).map(str::to_owned).collect()
}

/// A world with one worker, which has the rights of this file and no more.
async fn world(acl: &str) -> World {
    let extra = vec!["--include".to_owned(), acl_file(acl).to_str().unwrap().to_owned()];
    let redis = RedisOptions { extra, ..RedisOptions::default() };
    let options = options().set("POSTRIDER_RETRY_SCHEDULE", "1h").workers(0);
    let mut world = World::with(WorldOptions { redis, ..options }).await;
    let url = format!("redis://postrider-worker:change-me@127.0.0.1:{}", world.redis.port());
    world.add_worker(&[("POSTRIDER_REDIS_URL", &url)]).wait_ready().await;
    world
}

/// Every route of the document once, in an order in which each has something to do. Gives those that were refused by Redis.
async fn ask_everything(world: &World) -> Vec<String> {
    let admin = Client::of(world, ADMIN);
    let to = world.receiver.url("/status/500");
    let hook = json!({ "userId": "9u", "id": "h1", "url": to, "on": ["note"] });
    let job = |id: &str, to: &str| json!({ "id": id, "to": to, "type": "note", "content": {} });
    let mut refused = Vec::new();
    let mut ask = async |method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>| {
        let answer = admin.ask_with(method, path, headers, body).await;
        if answer.status >= 500 {
            refused.push(format!("{method} {path}: {answer:?}"));
        }
        answer.json()
    };
    ask("POST", "/hooks", &[], Some(hook)).await;
    ask("GET", "/hooks?userId=9u", &[], None).await;
    ask("PATCH", "/hooks/9u/h1", &[], Some(json!({ "name": "n" }))).await;
    for act in ["enable", "disable", "rotate", "reveal"] {
        ask("POST", &format!("/hooks/9u/h1/{act}"), &[], None).await;
    }
    ask("POST", "/hooks/9u/h1/test", &[], Some(json!({ "type": "note" }))).await;
    ask("GET", "/hooks/9u/h1", &[], None).await;
    for id in ["w1", "w2", "w3"] {
        ask("POST", "/jobs", &[("Idempotency-Key", id)], Some(job(id, &to))).await;
    }
    let gone = world.receiver.url("/status/404");
    for id in ["d1", "d2", "d3"] {
        ask("POST", "/jobs", &[], Some(job(id, &gone))).await;
    }
    world.wait_for_dead(3).await;
    world
        .until("the others wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting == 3 { Ok(()) } else { Err(waiting) }
        })
        .await;
    for path in [
        "/queues".to_owned(),
        format!("/queues/{Q}"),
        format!("/queues/{Q}/retries"),
        format!("/queues/{Q}/retries/w1"),
        format!("/queues/{Q}/dead"),
        format!("/queues/{Q}/dead?order=oldest&reason=rejected"),
        format!("/queues/{Q}/dead/d1"),
        format!("/queues/{Q}/dead-groups"),
        format!("/queues/{Q}/attempts"),
        format!("/queues/{Q}/jobs/w1"),
        format!("/queues/{Q}/jobs/none"),
        format!("/queues/{Q}/bulk-count?do=replay"),
        format!("/queues/{Q}/bulk-count?do=cancel&userId=9u"),
        "/destinations".to_owned(),
        "/workers".to_owned(),
        "/owners".to_owned(),
        "/redis".to_owned(),
        format!("/queues/{Q}/series?span=week"),
        "/notices".to_owned(),
    ] {
        ask("GET", &path, &[], None).await;
    }
    ask("POST", &format!("/queues/{Q}/retries/w1/promote"), &[], None).await;
    ask("DELETE", &format!("/queues/{Q}/retries/w2"), &[], None).await;
    ask("POST", &format!("/queues/{Q}/jobs/w3/cancel"), &[], None).await;
    ask("POST", &format!("/queues/{Q}/dead/d1/replay"), &[], None).await;
    ask("DELETE", &format!("/queues/{Q}/dead/d2"), &[], None).await;
    for kind in ["replay", "promote"] {
        let bulk = json!({ "do": kind, "expected": 10 });
        let begun = ask("POST", &format!("/queues/{Q}/bulk"), &[], Some(bulk)).await;
        let id = begun["id"].as_str().unwrap_or("none").to_owned();
        ask("GET", &format!("/queues/{Q}/bulk/{id}"), &[], None).await;
        ask("POST", &format!("/queues/{Q}/bulk/{id}/stop"), &[], None).await;
        ask("POST", &format!("/queues/{Q}/bulk/{id}/resume"), &[], None).await;
    }
    ask("POST", "/destinations/reset", &[], Some(json!({ "destination": "*" }))).await;
    ask("POST", "/destinations/pause", &[], Some(json!({ "destination": "9u/h" }))).await;
    ask("POST", "/destinations/resume", &[], Some(json!({ "destination": "9u/h" }))).await;
    ask("POST", &format!("/queues/{Q}/pause"), &[], None).await;
    ask("POST", &format!("/queues/{Q}/resume"), &[], None).await;
    ask("DELETE", "/hooks/9u/h1", &[], None).await;
    refused
}

#[tokio::test]
async fn the_api_does_everything_with_the_rights_that_are_shipped_for_it_and_uses_each() {
    let more: BTreeSet<String> = granted("worker-with-api").difference(&granted("worker")).cloned().collect();
    assert!(granted("worker").is_subset(&granted("worker-with-api")));
    let world = world("worker-with-api").await;
    let () = world.query(redis::cmd("CONFIG").arg("RESETSTAT")).await;
    assert_eq!(ask_everything(&world).await, Vec::<String>::new());
    let refused: redis::Value = world.query(redis::cmd("ACL").arg("LOG")).await;
    assert!(!format!("{refused:?}").contains("postrider-worker"), "something was refused: {refused:?}");
    let statistics: String = world.query(redis::cmd("INFO").arg("commandstats")).await;
    let unused: Vec<_> =
        more.iter().filter(|right| !statistics.contains(&format!("cmdstat_{right}:"))).collect();
    assert!(unused.is_empty(), "nothing needs these rights: {unused:?}");
}

#[tokio::test]
async fn a_route_that_the_workers_rights_do_not_reach_says_so() {
    let world = world("worker").await;
    let refused = Client::of(&world, ADMIN).ask("GET", "/queues", None).await;
    let told = Client::check(&refused, 503);
    assert!(told["detail"].as_str().unwrap().contains("docs/api.md"), "{told}");
}
