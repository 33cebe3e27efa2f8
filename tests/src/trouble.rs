//! Destinations in trouble, and what workers tell of them.

use std::time::Duration;

use serde_json::Value;

use crate::wait::PATIENCE;
use crate::world::World;

/// Jobs that are added at a time until a destination is tripped.
const FEED: usize = 10;

/// Adds that many jobs of user `u` for one hook.
pub async fn add_for_hook(world: &World, path: &str, hook: &str, count: usize) {
    let mut pipe = redis::pipe();
    let url = world.receiver.url(path);
    for _ in 0..count {
        pipe.cmd("XADD").arg(world.queue()).arg("*").arg("to").arg(&url).arg("type").arg("note");
        pipe.arg("content").arg("{}").arg("hookId").arg(hook).arg("userId").arg("u").ignore();
    }
    let added = pipe.query_async::<()>(&mut world.connection().await).await;
    added.expect("XADD is accepted");
}

/// Waits until so many requests for a path have arrived.
pub async fn until_arrived(world: &World, path: &str, count: usize) {
    world
        .until("all have arrived", PATIENCE, || async {
            let arrived = world.receiver.requests_to(path).len();
            if arrived >= count { Ok(()) } else { Err(arrived) }
        })
        .await;
}

/// What the workers tell of a destination; `Null` where nothing.
pub async fn told(world: &World, name: &str) -> Value {
    let workers: Vec<String> = world.query(redis::cmd("HKEYS").arg(world.key("workers"))).await;
    for worker in workers {
        let key = world.key(&format!("destinations:{worker}"));
        let json: Option<String> = world.query(redis::cmd("HGET").arg(key).arg("destinations")).await;
        let destinations: Vec<Value> = serde_json::from_str(&json.unwrap_or_default()).unwrap_or_default();
        if let Some(found) = destinations.into_iter().find(|one| one["destination"] == name) {
            return found;
        }
    }
    Value::Null
}

/// Adds jobs of user `u` for one hook, whose receiver only fails, until its breaker has tripped and won't let anything through
/// for so long. Gives how many jobs were added.
pub async fn trip(world: &World, path: &str, hook: &str, for_more_than: Duration) -> usize {
    let (name, mut added) = (format!("u/{hook}"), 0);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        add_for_hook(world, path, hook, FEED).await;
        added += FEED;
        let told = told(world, &name).await;
        let tried_in = told["triedInMs"].as_u64().map(Duration::from_millis);
        if told["state"] == "tripped" && tried_in > Some(for_more_than) {
            return added;
        }
        assert!(tokio::time::Instant::now() < deadline, "it has not tripped: {told}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
