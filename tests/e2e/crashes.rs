//! Workers that die, freeze or are cut off: nothing is lost, and what is sent twice was under way there.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};

/// From a worker's death to the last of its jobs being sent again (design.md, invariant 5).
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(7);

fn events(requests: &[Request]) -> HashSet<String> {
    requests.iter().filter_map(Request::event_id).collect()
}

fn sent_twice(requests: &[Request]) -> HashSet<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for event in requests.iter().filter_map(Request::event_id) {
        *counts.entry(event).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(event, _)| event).collect()
}

/// Jobs spread over so many receivers' paths, each a hook of its own, so that no destination's limit holds them up.
async fn enqueue_for_hooks(world: &World, path: &str, jobs: usize) -> HashSet<String> {
    let mut ids = HashSet::new();
    for number in 0..jobs {
        let hook = format!("h{}", number % 50);
        ids.insert(world.send_to(path, &[("hookId", &hook), ("userId", "u")]).await);
    }
    ids
}

#[tokio::test]
async fn jobs_of_a_killed_worker_are_sent_again_by_the_other_within_seven_seconds() {
    let mut world = World::with(WorldOptions::default().workers(2)).await;
    let hold = world.receiver.hold("/held");
    let ids = enqueue_for_hooks(&world, "/held", 200).await;
    world.receiver.wait_for(200).await;
    let died = Instant::now();
    world.workers[0].kill9();
    world
        .until("the dead worker's jobs are sent again", TAKEN_OVER_WITHIN, || async {
            let again = sent_twice(&world.receiver.requests());
            let held = held_by_the_dead(&world).await;
            if held == 0 && !again.is_empty() { Ok(()) } else { Err(format!("{held} still the dead one's")) }
        })
        .await;
    assert!(died.elapsed() <= TAKEN_OVER_WITHIN);
    hold.release(200);
    world.settled().await;
    let requests = world.receiver.requests();
    assert_eq!(events(&requests), ids);
    assert!(requests.iter().all(|request| request.attempt() == 1), "a crash is not an attempt");
    assert!(world.dead_letters().await.is_empty());
    // A job is sent again only because its worker died with it.
    assert_eq!(requests.len(), 200 + sent_twice(&requests).len());
    assert!(sent_twice(&requests).len() < 200, "the living worker's jobs were left alone");
}

/// Leases of consumers that have no living worker.
async fn held_by_the_dead(world: &World) -> usize {
    let mut command = redis::cmd("XINFO");
    command.arg("CONSUMERS").arg(world.queue()).arg("postrider");
    let consumers: Vec<HashMap<String, redis::Value>> = world.query(&command).await;
    let pid = format!("-{}-", world.workers[0].id());
    let of_the_dead = consumers.iter().filter(|facts| match &facts["name"] {
        redis::Value::BulkString(name) => String::from_utf8_lossy(name).contains(&pid),
        _ => false,
    });
    of_the_dead
        .map(|facts| if let redis::Value::Int(count) = facts["pending"] { count as usize } else { 0 })
        .sum()
}

#[tokio::test]
async fn a_single_worker_that_was_killed_and_restarted_goes_on_within_seven_seconds_of_its_start() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    let ids = enqueue_for_hooks(&world, "/held", 100).await;
    world.receiver.wait_for(100).await;
    world.workers[0].kill9();
    hold.release(200);
    let restarted = Instant::now();
    world.add_worker(&[]);
    world.receiver.wait_for(200).await;
    assert!(restarted.elapsed() <= TAKEN_OVER_WITHIN, "{:?}", restarted.elapsed());
    world.settled().await;
    assert_eq!(events(&world.receiver.requests()), ids);
    assert_eq!(world.receiver.count(), 200);
}

#[tokio::test]
async fn a_frozen_worker_can_neither_schedule_nor_bury_what_has_passed_on_but_a_success_counts() {
    let mut world = World::with(WorldOptions::default().set("POSTRIDER_RETRY_BASE", "1h")).await;
    let (good, bad, gone) =
        (world.receiver.hold("/good"), world.receiver.hold("/bad"), world.receiver.hold("/rejected"));
    for path in ["/good", "/bad", "/rejected"] {
        world.send_to(path, &[]).await;
    }
    world.receiver.wait_for(3).await;
    world.workers[0].sigstop();
    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(6).await;
    // The frozen worker gets its answers now; the second's requests are held still.
    good.release(200);
    bad.release(500);
    gone.release(404);
    world
        .until("the second worker has settled all three", Duration::from_secs(10), || async {
            let seen = (world.waiting().await.len(), world.dead_letters().await.len(), world.length().await);
            if seen == (1, 1, 0) { Ok(()) } else { Err(format!("waiting, dead, in the stream: {seen:?}")) }
        })
        .await;
    world.workers[0].sigcont();
    world.workers[0].wait_ready().await;
    world.workers[0].wait_log("result").await;
    assert_eq!((world.waiting().await.len(), world.dead_letters().await.len()), (1, 1));
    assert_eq!(world.receiver.count(), 6, "what was frozen is not sent a third time");
}

#[tokio::test]
async fn a_redis_that_freezes_for_ten_seconds_costs_no_living_worker_its_jobs() {
    let mut world =
        World::with(WorldOptions::default().workers(2).set("POSTRIDER_DELIVERY_TIMEOUT", "60s")).await;
    let hold = world.receiver.hold("/held");
    let ids = enqueue_for_hooks(&world, "/held", 60).await;
    world.receiver.wait_for(60).await;
    world.redis.pause();
    for worker in &mut world.workers {
        let cause = worker.wait_readyz(503).await;
        assert!(!cause.is_empty());
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.redis.resume();
    for worker in &mut world.workers {
        worker.wait_ready().await;
    }
    // Longer than it takes to find a worker dead: had anyone been taken for dead, its jobs would be sent again by now.
    tokio::time::sleep(Duration::from_secs(6)).await;
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.count(), 60, "nothing was sent twice");
    assert_eq!(events(&world.receiver.requests()), ids);
    assert!(world.workers.iter().all(|worker| !worker.log().contains("worker lost")));
}
