//! Clocks that step while everything else goes on.

use std::time::{Duration, Instant};

use postrider_tests::false_clock::FalseClock;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use super::ground::{goes_on, hasty, in_flight, says};

/// An hour, in seconds.
const HOUR: i64 = 3600;

#[tokio::test]
async fn a_clock_of_redis_that_steps_an_hour_ahead_brings_waiting_jobs_once_and_kills_nobody() {
    let Some(clock) = FalseClock::new() else { return };
    let variables = clock.environment().map(|(name, value)| format!("{name}={value}"));
    let launcher = ["env".to_owned()].into_iter().chain(variables).collect();
    let redis = RedisOptions { launcher, ..RedisOptions::default() };
    let options = hasty().workers(2).set("POSTRIDER_RETRY_SCHEDULE", "30m");
    let world = World::with(WorldOptions { redis, ..options }).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 20).await;
    for _ in 0..5 {
        world.send_to("/fail-first/1", &[]).await;
    }
    world
        .until("five wait", Duration::from_secs(10), || async {
            let waiting = world.waiting().await.len();
            if waiting == 5 { Ok(()) } else { Err(waiting) }
        })
        .await;
    clock.set(HOUR);
    world
        .until("the waiting ones come early, once", Duration::from_secs(15), || async {
            let sent = world.receiver.requests_to("/fail-first/1").len();
            if sent == 10 { Ok(()) } else { Err(sent) }
        })
        .await;
    assert_eq!(says(&world, "clock").0, "warn");
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/held").len(), 20, "nothing was taken from the living");
    clock.set(0);
    goes_on(&world).await;
    assert!(world.workers.iter().all(|worker| !worker.log().contains("worker lost")));
}

#[tokio::test]
async fn a_workers_clock_that_steps_an_hour_back_changes_no_wait_and_no_time_limit() {
    let Some(clock) = FalseClock::new() else { return };
    let options = WorldOptions::default()
        .workers(0)
        .set("POSTRIDER_RETRY_SCHEDULE", "2s")
        .set("POSTRIDER_DELIVERY_TIMEOUT", "1s")
        .set("POSTRIDER_RETRY_MAX_ATTEMPTS", "2");
    let mut world = World::with(options).await;
    let environment = clock.environment();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.add_worker(&environment).wait_ready().await;
    world.send_to("/hang", &[]).await;
    world.receiver.wait_for(1).await;
    clock.set(-HOUR);
    let stepped = Instant::now();
    let letters = world.wait_for_dead(1).await;
    let took = stepped.elapsed();
    assert_eq!(letters[0][&b"_reason"[..]], b"exhausted");
    // Two attempts that time out and the wait between them, of which a part had passed.
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(8), "{took:?}");
    let requests = world.receiver.requests();
    let apart = requests[1].at.duration_since(requests[0].at);
    assert!(apart >= Duration::from_secs(3) - Duration::from_millis(50), "the retry came early: {apart:?}");
    goes_on(&world).await;
    assert_eq!(world.workers[0].readyz().await.0, 200);
}
