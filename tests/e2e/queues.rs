//! Several queues in one worker: by weight, in strict order, each with its own troubles.

use std::time::Duration;

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

fn options(names: &str) -> WorldOptions {
    WorldOptions::default().set("POSTRIDER_QUEUE_NAMES", names)
}

/// Adds that many jobs to a queue, whose receiver's path is its name.
async fn add(world: &World, queue: &str, count: usize) {
    let mut pipe = redis::pipe();
    for number in 0..count {
        let hook = format!("{queue}-{number}");
        pipe.cmd("XADD").arg(queue).arg("*").arg("to").arg(world.receiver.url(&format!("/{queue}")));
        pipe.arg("type")
            .arg("note")
            .arg("content")
            .arg("{}")
            .arg("hookId")
            .arg(hook)
            .arg("userId")
            .arg("u")
            .ignore();
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
}

/// Adds that many jobs for one URL to each of the queues `one` and `two`.
async fn add_to_both(world: &World, url: &str, count: usize) {
    let mut pipe = redis::pipe();
    for queue in ["one", "two"] {
        for _ in 0..count {
            pipe.cmd("XADD").arg(queue).arg("*").arg("to").arg(url);
            pipe.arg("type").arg("note").arg("content").arg("{}").ignore();
        }
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
}

async fn until_all(world: &World, count: usize) -> Vec<String> {
    world
        .until("all have arrived", PATIENCE, || async {
            let arrived = world.receiver.count();
            if arrived >= count { Ok(()) } else { Err(arrived) }
        })
        .await;
    world.receiver.requests().iter().map(|request| request.path().to_owned()).collect()
}

#[tokio::test]
async fn queues_are_served_by_their_weights_while_all_have_jobs() {
    let mut world = World::with(options("often*4,seldom").workers(0)).await;
    add(&world, "seldom", 500).await;
    add(&world, "often", 500).await;
    world
        .add_worker(&[("POSTRIDER_QUEUE_NAMES", "often*4,seldom"), ("POSTRIDER_WORKER_CONCURRENCY", "4")])
        .wait_ready()
        .await;
    let order = until_all(&world, 1_000).await;
    let often = order[..400].iter().filter(|path| *path == "/often").count();
    assert!((290..=350).contains(&often), "{often} of the first 400; 320 are due");
    assert_eq!(order.len(), 1_000);
}

#[tokio::test]
async fn in_strict_order_the_first_queue_goes_first() {
    let mut world = World::with(options("first,last").workers(0)).await;
    add(&world, "last", 300).await;
    add(&world, "first", 300).await;
    let environment = [
        ("POSTRIDER_QUEUE_NAMES", "first,last"),
        ("POSTRIDER_QUEUE_ORDER", "strict"),
        ("POSTRIDER_WORKER_CONCURRENCY", "4"),
    ];
    world.add_worker(&environment).wait_ready().await;
    let order = until_all(&world, 600).await;
    let early = order[..300].iter().filter(|path| *path == "/last").count();
    assert!(early <= 30, "{early} of the last queue were among the first 300");
}

#[tokio::test]
async fn a_queue_without_jobs_holds_no_slot_and_is_served_at_once_when_it_gets_one() {
    let world = World::with(options("busy,idle").set("POSTRIDER_WORKER_CONCURRENCY", "1")).await;
    add(&world, "busy", 200).await;
    world.receiver.wait_for(200).await;
    add(&world, "idle", 1).await;
    world.receiver.wait_for(201).await;
    assert_eq!(world.receiver.max_concurrent("/busy"), 1);
}

#[tokio::test]
async fn a_paused_queue_stands_still_alone() {
    let world = World::with(options("paused,other")).await;
    let _: u8 = world.query(redis::cmd("HSET").arg("{paused}:control").arg("paused").arg(1)).await;
    world
        .until("the worker says so", PATIENCE, || async {
            let (status, cause) = world.workers[0].readyz().await;
            if status == 503 && cause.contains("paused") { Ok(()) } else { Err(cause) }
        })
        .await;
    add(&world, "paused", 10).await;
    add(&world, "other", 100).await;
    world.receiver.wait_for(100).await;
    assert!(world.receiver.requests_to("/paused").is_empty());
    let _: u8 = world.query(redis::cmd("HDEL").arg("{paused}:control").arg("paused")).await;
    world.receiver.wait_for(110).await;
}

#[tokio::test]
async fn limits_of_a_destination_hold_over_all_queues() {
    let world = World::with(
        options("one,two")
            .set("POSTRIDER_WORKER_CONCURRENCY", "16")
            .set("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "2"),
    )
    .await;
    let url = world.receiver.url("/slow/20");
    add_to_both(&world, &url, 40).await;
    world.receiver.wait_for(80).await;
    assert!(world.receiver.max_concurrent("/slow/20") <= 2);
}

#[tokio::test]
async fn jobs_with_the_same_entry_id_in_two_queues_are_two_jobs() {
    let world = World::with(options("one,two")).await;
    let url = world.receiver.url("/twin");
    let mut pipe = redis::pipe();
    for queue in ["one", "two"] {
        for number in 1..=50 {
            pipe.cmd("XADD").arg(queue).arg(format!("1-{number}")).arg("to").arg(&url);
            pipe.arg("type").arg("note").arg("content").arg("{}").ignore();
        }
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
    world.receiver.wait_for(100).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.receiver.count(), 100);
}

#[tokio::test]
async fn a_stop_gives_back_the_jobs_of_all_queues() {
    let mut world = World::with(options("one,two").set("POSTRIDER_WORKER_CONCURRENCY", "4")).await;
    let hold = world.receiver.hold("/held");
    let url = world.receiver.url("/held");
    add_to_both(&world, &url, 20).await;
    world.receiver.wait_for(1).await;
    world.workers[0].sigterm();
    hold.release(200);
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(10)).await, Some(0));
    world.add_worker(&[("POSTRIDER_QUEUE_NAMES", "one,two")]).wait_ready().await;
    world.receiver.wait_for(40).await;
}
