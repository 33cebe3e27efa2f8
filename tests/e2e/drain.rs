//! SIGTERM: nothing lost, nothing sent twice, exit 0.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{World, WorldOptions};

#[tokio::test]
async fn rolling_restarts_under_load_lose_nothing_and_send_nothing_twice() {
    let mut world = World::with(WorldOptions::default().workers(2)).await;
    let mut ids = HashSet::new();
    for round in 0..4 {
        for number in 0..250 {
            let hook = format!("h{}", number % 20);
            ids.insert(world.send_to("/slow/15", &[("hookId", &hook), ("userId", "u")]).await);
        }
        world.workers[round].sigterm();
        world.add_worker(&[]).wait_ready().await;
        assert_eq!(world.workers[round].wait_exit(Duration::from_secs(20)).await, Some(0));
    }
    world.settled().await;
    let requests = world.receiver.requests();
    assert_eq!(requests.iter().filter_map(Request::event_id).collect::<HashSet<_>>(), ids);
    assert_eq!(requests.len(), ids.len(), "something was sent twice");
}

#[tokio::test]
async fn what_is_under_way_may_finish_and_nothing_new_is_started() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].sigterm();
    assert!(world.workers[0].wait_readyz(503).await.contains("draining"));
    world.send_to("/other", &[]).await;
    hold.release(200);
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(10)).await, Some(0));
    assert_eq!((world.receiver.count(), world.length().await, world.leased().await), (1, 1, 0));
}

#[tokio::test]
async fn a_request_cut_off_at_the_end_of_the_grace_spends_no_attempt() {
    let mut world = World::with(WorldOptions::default().set("POSTRIDER_WORKER_GRACE", "500ms")).await;
    world.send_to("/hang-once", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(10)).await, Some(0));
    assert_eq!((world.length().await, world.leased().await, world.waiting().await.len()), (1, 0, 0));
    world.add_worker(&[]).wait_ready().await;
    world.settled().await;
    let attempts: Vec<u32> = world.receiver.requests().iter().map(Request::attempt).collect();
    assert_eq!(attempts, [1, 1]);
}

#[tokio::test]
async fn jobs_that_have_not_started_are_another_workers_within_a_second() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_CONCURRENCY", "4")
        .set("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "1");
    let mut world = World::with(options).await;
    let hold = world.receiver.hold("/held");
    for _ in 0..3 {
        world.send_to("/held", &[]).await;
    }
    world.receiver.wait_for(1).await;
    world.add_worker(&[]).wait_ready().await;
    world.workers[0].sigterm();
    let told = Instant::now();
    world.receiver.wait_for(2).await;
    assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.count(), 3);
}

#[tokio::test]
async fn a_worker_killed_while_it_drains_loses_nothing() {
    let mut world = World::start().await;
    let hold = world.receiver.hold("/held");
    for _ in 0..20 {
        world.send_to("/held", &[]).await;
    }
    world.receiver.wait_for(20).await;
    world.workers[0].sigterm();
    world.workers[0].wait_readyz(503).await;
    world.workers[0].kill9();
    hold.release(200);
    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(40).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 40);
}

#[tokio::test]
async fn a_second_signal_ends_the_grace() {
    let mut world = World::start().await;
    world.send_to("/hang", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].sigterm();
    world.workers[0].wait_readyz(503).await;
    world.workers[0].sigterm();
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(8)).await, Some(0));
    assert_eq!((world.length().await, world.leased().await), (1, 0));
}

#[tokio::test]
async fn a_stop_ends_in_time_although_redis_is_frozen() {
    let mut world = World::with(WorldOptions::default().set("POSTRIDER_WORKER_GRACE", "1s")).await;
    for number in 0..24 {
        let hook = format!("h{number}");
        world.send_to("/hang", &[("hookId", &hook), ("userId", "u")]).await;
    }
    world.receiver.wait_for(24).await;
    world.redis.pause();
    world.workers[0].sigterm();
    // The grace, the last try to write results, a heartbeat under way, the leave-taking.
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(20)).await, Some(0));
    world.redis.resume();
}
