//! Bulk operations through the API.

use std::collections::HashSet;
use std::time::Duration;

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{DEFAULT_QUEUE as Q, World};
use serde_json::{Value, json};

use super::{ADMIN, Client, options};
use crate::dead_letters::{add_letters, ready_ids};

async fn until_finished(world: &World, client: &Client, id: &str) -> Value {
    until_finished_within(world, client, id, PATIENCE).await
}

async fn until_finished_within(world: &World, client: &Client, id: &str, patience: Duration) -> Value {
    let path = format!("/queues/{Q}/bulk/{id}");
    world
        .until("the bulk operation is finished", patience, || async {
            let answer = client.ask("GET", &path, None).await;
            if answer.json()["state"] == "finished" { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
        })
        .await
}

// [36]
#[tokio::test]
async fn dead_letters_are_counted_and_replayed_in_bulk_each_once() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    world.receiver.respond("/in", 400);
    for n in 0..250 {
        world.send_to("/in", &[("id", &format!("job-{n}"))]).await;
    }
    world.wait_for_dead(250).await;
    world.receiver.respond("/in", 200);
    let counted = admin.ask("GET", &format!("/queues/{Q}/bulk-count?do=replay&reason=rejected"), None).await;
    assert_eq!(Client::check(&counted, 200)["matched"], 250);

    let bulk = format!("/queues/{Q}/bulk");
    let too_few = json!({ "do": "replay", "reason": "rejected", "expected": 100 });
    Client::check(&admin.ask("POST", &bulk, Some(too_few)).await, 409);
    let all = json!({ "do": "replay", "reason": "rejected", "expected": 250 });
    let begun = Client::check(&admin.ask("POST", &bulk, Some(all)).await, 202);
    let ended = until_finished(&world, &admin, begun["id"].as_str().unwrap()).await;
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(250), &json!(0)));
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/in").len(), 500);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_takes_long_to_count_is_counted_in_parts_and_an_operation_stops_before_it_does_more_than_expected()
 {
    const LETTERS: u64 = 20_000;
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    add_letters(&world, LETTERS as usize).await;
    let path = format!("/queues/{Q}/bulk-count?do=purge&since=1");
    let (mut counted, mut cursor, mut parts) = (0, String::new(), 0);
    loop {
        let part = Client::check(&admin.ask("GET", &format!("{path}{cursor}"), None).await, 200);
        counted += part["matched"].as_u64().unwrap();
        parts += 1;
        assert_eq!(part["whole"], part["next"].is_null(), "{part}");
        let Some(next) = part["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(parts > 1, "it took long enough to be told in parts");
    assert_eq!(counted, LETTERS);
    let other = admin.ask("GET", &format!("{path}&cursor=eHg"), None).await;
    assert_eq!(Client::check(&other, 422)["errors"][0]["field"], "cursor");

    let few = json!({ "do": "purge", "since": 1, "expected": LETTERS - 5_000 });
    let begun = Client::check(&admin.ask("POST", &format!("/queues/{Q}/bulk"), Some(few)).await, 202);
    let limit = begun["limit"].as_u64().unwrap();
    assert_eq!(limit, 16_510, "a tenth and ten more than was said");
    let one = format!("/queues/{Q}/bulk/{}", begun["id"].as_str().unwrap());
    world
        .until("it stops", PATIENCE, || async {
            let answer = admin.ask("GET", &one, None).await.json();
            if answer["state"] == "stopped" { Ok(()) } else { Err(answer) }
        })
        .await;
    let left = world.dead_letters().await.len() as u64;
    assert!((LETTERS - limit..LETTERS - limit + 100).contains(&left), "{left} are left");
    Client::check(&admin.ask("POST", &format!("{one}/resume"), None).await, 202);
    until_finished(&world, &admin, begun["id"].as_str().unwrap()).await;
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_bulk_operation_that_is_not_there_is_not_found_and_one_without_a_count_is_refused() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    for id in ["none", "a:b", "%7Bx%7D"] {
        Client::check(&admin.ask("GET", &format!("/queues/{Q}/bulk/{id}"), None).await, 404);
    }
    let no_count = admin.ask("POST", &format!("/queues/{Q}/bulk"), Some(json!({ "do": "purge" }))).await;
    assert_eq!(Client::check(&no_count, 422)["errors"][0]["field"], "expected");
}

/// Longer than it takes to notice that nobody carries an operation on, and the rest of it.
const TAKE_OVER: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_bulk_operation_whose_worker_is_killed_is_carried_on_by_another_and_nothing_is_done_twice() {
    const LETTERS: usize = 20_000;
    let mut world = World::with(options().workers(0)).await;
    // So that nothing that is replayed leaves the queue.
    let mut pause = redis::cmd("HSET");
    let () = world.query(pause.arg(world.key("control")).arg("paused").arg("1")).await;
    add_letters(&world, LETTERS).await;
    for _ in 0..2 {
        // One whose queue is paused isn't ready.
        world.add_worker(&[]).wait_log("worker started").await;
    }
    let admin = Client::of(&world, ADMIN);
    let all = json!({ "do": "replay", "expected": LETTERS });
    let begun = Client::check(&admin.ask("POST", &format!("/queues/{Q}/bulk"), Some(all)).await, 202);
    let id = begun["id"].as_str().unwrap();
    world
        .until("it is under way", PATIENCE, || async {
            let moved = world.length().await;
            if moved > 0 { Ok(()) } else { Err(moved) }
        })
        .await;
    world.workers[0].kill9();
    assert!(world.length().await < LETTERS, "it was killed half-way");
    let other = Client::to(&world.workers[1], ADMIN);
    let ended = until_finished_within(&world, &other, id, TAKE_OVER).await;
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(LETTERS), &json!(0)));
    let ids = ready_ids(&world).await;
    let distinct: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (LETTERS, LETTERS));
}

#[tokio::test]
async fn a_bulk_operation_that_was_stopped_stays_so_until_it_is_resumed() {
    let world = World::with(options()).await;
    let admin = Client::of(&world, ADMIN);
    add_letters(&world, 3_000).await;
    let all = json!({ "do": "purge", "expected": 3_000 });
    let begun = Client::check(&admin.ask("POST", &format!("/queues/{Q}/bulk"), Some(all)).await, 202);
    let one = format!("/queues/{Q}/bulk/{}", begun["id"].as_str().unwrap());
    let stopped = Client::check(&admin.ask("POST", &format!("{one}/stop"), None).await, 200);
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    let left = world.dead_letters().await.len();
    assert!(left > 0, "it was stopped half-way");
    Client::check(&admin.ask("POST", &format!("{one}/resume"), None).await, 202);
    until_finished(&world, &admin, begun["id"].as_str().unwrap()).await;
    assert!(world.dead_letters().await.is_empty());
}
