//! A bad way to Redis: nothing is lost, and what is sent twice was in flight.

use std::time::{Duration, Instant};

use postrider_tests::receiver::request::Request;
use postrider_tests::world::{WorldOptions, xadd};

use super::ground::{add_proxied_worker, goes_on, hasty, in_flight, proxied};

/// How soon a connection that says nothing must be given up.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_reply_of_a_megabyte_that_breaks_in_its_middle_is_fetched_again() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    goes_on(&world).await;
    let content = format!("\"{}\"", "x".repeat(900_000));
    proxy.cut_after_bytes(500_000);
    let to = world.receiver.url("/larger");
    let fields = [("to", to.as_str()), ("type", "note"), ("content", &content)];
    let _: String = world.query(&xadd(world.queue(), "*", &fields)).await;
    world.settled().await;
    let requests = world.receiver.requests_to("/larger");
    assert_eq!(requests.len(), 1);
    assert!(requests[0].body.len() > 900_000);
}

/// Ten seconds of the case at a fifth of the default times: the delay is twice what a worker may be silent.
#[tokio::test]
async fn a_way_that_takes_twice_as_long_as_a_worker_may_be_silent_costs_no_living_worker_its_jobs() {
    let (mut world, proxy) = proxied(hasty().set("POSTRIDER_DELIVERY_TIMEOUT", "60s")).await;
    add_proxied_worker(&mut world, &proxy).await;
    let hold = world.receiver.hold("/held");
    in_flight(&world, "/held", 30).await;
    proxy.delay(Duration::from_secs(2));
    for worker in &mut world.workers {
        worker.wait_readyz(503).await;
    }
    // Both are fenced: a job that is added now is started by nobody.
    world.send_to("/meanwhile", &[]).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(world.receiver.requests_to("/meanwhile").is_empty());
    proxy.pass();
    for worker in &mut world.workers {
        worker.wait_ready().await;
    }
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/meanwhile").len(), 1);
    assert_eq!(world.receiver.requests_to("/held").len(), 30, "nothing was sent twice");
    assert!(world.workers.iter().all(|worker| !worker.log().contains("worker lost")));
}

#[tokio::test]
async fn an_entry_that_takes_longer_to_transfer_than_any_time_limit_arrives_all_the_same() {
    let (mut world, proxy) = proxied(WorldOptions::default()).await;
    goes_on(&world).await;
    proxy.throttle(10_000);
    // What is under way was begun at full speed.
    proxy.cut();
    world.workers[0].wait_log("trying again").await;
    world.workers[0].wait_ready().await;
    let content = format!("\"{}\"", "x".repeat(120_000));
    let to = world.receiver.url("/slowly");
    let fields = [("to", to.as_str()), ("type", "note"), ("content", &content)];
    let _: String = world.query(&xadd(world.queue(), "*", &fields)).await;
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/slowly").len(), 1);
}

#[tokio::test]
async fn connections_that_die_without_a_sign_are_replaced_within_thirty_seconds() {
    let (mut world, proxy) = proxied(WorldOptions::default()).await;
    goes_on(&world).await;
    proxy.forget_open_connections();
    let dead = Instant::now();
    world.send_to("/unheard", &[]).await;
    world.workers[0].wait_readyz(503).await;
    world.workers[0].wait_ready().await;
    world.receiver.wait_for(2).await;
    world.settled().await;
    assert!(dead.elapsed() < NOTICED_WITHIN, "{:?}", dead.elapsed());
    goes_on(&world).await;
}

#[tokio::test]
async fn a_producer_that_adds_again_after_a_lost_reply_lets_the_receiver_drop_one_by_its_event_id() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    let to = world.receiver.url("/twice");
    let fields =
        [("to", to.as_str()), ("type", "note"), ("content", "{}"), ("id", "j-1"), ("eventId", "e-1")];
    let add = xadd(world.queue(), "*", &fields);
    let client = redis::Client::open(format!("redis://{}", proxy.address())).unwrap();
    proxy.lose_reply_to(&[b"XADD"]);
    let mut producer = client.get_multiplexed_async_connection().await.unwrap();
    let lost: redis::RedisResult<String> = add.query_async(&mut producer).await;
    assert!(lost.is_err(), "{lost:?}");
    let mut producer = client.get_multiplexed_async_connection().await.unwrap();
    let _: String = add.query_async(&mut producer).await.unwrap();
    world.settled().await;
    let events: Vec<_> = world.receiver.requests().iter().filter_map(Request::event_id).collect();
    assert_eq!(events, ["e-1", "e-1"]);
}
