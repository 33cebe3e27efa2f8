//! What one destination gets: its rate, its limit as it shows what it can take, and nothing while it only fails.

use std::time::{Duration, Instant};

use postrider_tests::receiver::behaviour::{Answer, Behaviour};
use postrider_tests::trouble::{add_for_hook as add, told, trip, until_arrived};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

async fn until_told(world: &World, name: &str, fact: &str, holds: impl Fn(&Value) -> bool) -> Value {
    world
        .until(fact, PATIENCE, || async {
            let told = told(world, name).await;
            if holds(&told) { Ok(told) } else { Err(told) }
        })
        .await
}

/// Most arrivals within a second.
fn most_in_a_second(mut arrivals: Vec<Instant>) -> usize {
    arrivals.sort_unstable();
    let in_second = |nth: usize| {
        arrivals[nth..].iter().take_while(|other| **other - arrivals[nth] < Duration::from_secs(1)).count()
    };
    (0..arrivals.len()).map(in_second).max().unwrap_or(0)
}

#[tokio::test]
async fn a_destination_that_only_fails_is_left_alone_and_gets_its_backlog_when_it_works_again() {
    let world = World::start().await;
    world.receiver.respond("/down", 500);
    let added = trip(&world, "/down", "down", Duration::ZERO).await;
    let seen = told(&world, "u/down").await;
    assert_eq!(seen["lastFailure"], "the receiver answered 500");
    let asked = world.receiver.requests_to("/down").len();
    add(&world, "/down", "down", 300).await;
    world
        .until("all wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting >= added + 298 { Ok(()) } else { Err(waiting) }
        })
        .await;
    let more = world.receiver.requests_to("/down").len() - asked;
    assert!(more <= 5, "{more} more were sent to a receiver that only fails");
    let begun = Instant::now();
    add(&world, "/fine", "fine", 20).await;
    until_arrived(&world, "/fine", 20).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "others wait for it: {:?}", begun.elapsed());
    world.receiver.respond("/down", 200);
    until_arrived(&world, "/down", asked + more + 300 - 5).await;
    until_told(&world, "u/down", "it flows", |told| told.is_null() || told["state"] == "flowing").await;
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn no_job_waits_for_ever_for_a_destination_that_only_fails() {
    let options = WorldOptions::default()
        .set("POSTRIDER_RETRY_SCHEDULE", "50ms,50ms")
        .set("POSTRIDER_RETRY_MAX_ATTEMPTS", "3");
    let world = World::with(options).await;
    world.receiver.respond("/down", 500);
    add(&world, "/down", "down", 100).await;
    let dead = world.wait_for_dead(100).await;
    assert!(dead.iter().all(|letter| letter[&b"_attempts"[..]] == b"3"));
    assert_eq!(world.receiver.requests_to("/down").len(), 300);
}

#[tokio::test]
async fn a_rate_is_kept_and_nothing_is_lost_by_it() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_DESTINATION_RATE", "40")).await;
    add(&world, "/rated", "rated", 120).await;
    until_arrived(&world, "/rated", 120).await;
    let arrivals: Vec<Instant> =
        world.receiver.requests_to("/rated").iter().map(|request| request.at).collect();
    let most = most_in_a_second(arrivals);
    assert!(most <= 48, "{most} in a second, 40 are allowed");
    world.settled().await;
    assert_eq!(world.receiver.count(), 120);
}

#[tokio::test]
async fn a_hook_sets_limits_of_its_own() {
    let world = World::start().await;
    let record = |path: &str, limits: &str| {
        let url = world.receiver.url(path);
        format!(r#"{{"url":"{url}","active":true,"on":["note"],"secret":"s",{limits}}}"#)
    };
    world.register("u", "one", record("/slow/30", r#""maxInFlight":1"#).as_bytes()).await;
    world.register("u", "rare", record("/rare", r#""ratePerSecond":10"#).as_bytes()).await;
    add(&world, "/slow/30", "one", 40).await;
    add(&world, "/rare", "rare", 20).await;
    world.settled().await;
    assert_eq!(world.receiver.max_concurrent("/slow/30"), 1);
    let arrivals: Vec<Instant> =
        world.receiver.requests_to("/rare").iter().map(|request| request.at).collect();
    assert_eq!(arrivals.len(), 20);
    let most = most_in_a_second(arrivals);
    assert!(most <= 13, "{most} in a second, 10 are allowed");
}

#[tokio::test]
async fn an_overloaded_destination_gets_less_before_it_is_left_alone() {
    let world = World::start().await;
    world.receiver.behave("/busy", Behaviour::Later(Duration::from_millis(50), Answer::new(503)));
    add(&world, "/busy", "busy", 4).await;
    let seen = until_told(&world, "u/busy", "its limit is smaller", |told| {
        told["limit"].as_u64() < told["maxInFlight"].as_u64()
    })
    .await;
    assert_eq!((&seen["state"], &seen["limit"]), (&"flowing".into(), &32.into()));
}

#[tokio::test]
async fn a_destination_that_is_reset_is_tried_at_once() {
    let world = World::start().await;
    world.receiver.respond("/down", 500);
    // So long tripped that it won't be tried again soon by itself.
    trip(&world, "/down", "down", Duration::from_secs(3)).await;
    add(&world, "/down", "down", 100).await;
    world.receiver.respond("/down", 200);
    let before = world.receiver.requests_to("/down").len();
    let reset = Instant::now();
    let now: (u64, u64) = world.query(&redis::cmd("TIME")).await;
    let asked = (now.0 * 1000 + now.1 / 1000).to_string();
    let _: u8 =
        world.query(redis::cmd("HSET").arg(world.key("destinations:resets")).arg("u/down").arg(asked)).await;
    until_arrived(&world, "/down", before + 100).await;
    assert!(reset.elapsed() < Duration::from_secs(3), "{:?}", reset.elapsed());
}

#[tokio::test]
async fn requests_that_hang_take_no_slots_from_others_for_long() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_CONCURRENCY", "8")
        .set("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "2")
        .set("POSTRIDER_DELIVERY_TIMEOUT", "60s");
    let world = World::with(options).await;
    for hook in ["a", "b", "c", "d"] {
        add(&world, "/hang", hook, 10).await;
    }
    until_arrived(&world, "/hang", 8).await;
    let begun = Instant::now();
    add(&world, "/fine", "fine", 100).await;
    until_arrived(&world, "/fine", 100).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(world.receiver.requests_to("/hang").len(), 8, "those that are silent get no more");
}

#[tokio::test]
async fn new_jobs_do_not_stand_behind_a_mass_of_late_ones() {
    const LATE: usize = 8_000;
    let world = World::with(WorldOptions::default().workers(0)).await;
    let now: (u64, u64) = world.query(&redis::cmd("TIME")).await;
    let soon = (now.0 * 1000 + now.1 / 1000 + 1).to_string();
    let (state, url) = (format!("1 attempts=1 due={soon}"), world.receiver.url("/late"));
    // As a worker leaves them: waiting, and due by now.
    let script = redis::Script::new(
        "for i = 1, tonumber(ARGV[3]) do
           local fields = { 'to', ARGV[1], 'type', 'note', 'content', '{}', '_job', ARGV[2] }
           redis.call('HSET', KEYS[2], 'late' .. i, '1 1-' .. i .. ' ' .. cmsgpack.pack(fields))
           redis.call('ZADD', KEYS[1], i, 'late' .. i)
         end",
    );
    let mut connection = world.connection().await;
    let mut call = script.key(world.key("retry"));
    call.key(world.key("retry:jobs")).arg(url).arg(state).arg(LATE);
    call.invoke_async::<()>(&mut connection).await.unwrap();
    let mut world = world;
    world.add_worker(&[]).wait_ready().await;
    until_arrived(&world, "/late", 1_000).await;
    add(&world, "/new", "new", 10).await;
    until_arrived(&world, "/new", 10).await;
    let requests = world.receiver.requests();
    let last = requests.iter().rposition(|request| request.path() == "/new").unwrap();
    assert!(last < LATE / 2, "{last} requests were sent before the last new one");
    until_arrived(&world, "/late", LATE).await;
}
