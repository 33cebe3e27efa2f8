//! The reply to something that Redis has done is lost, at each place where a worker waits for one: the outcome is unknown there,
//! and repeating it changes nothing.

use std::time::Duration;

use postrider_tests::fault_proxy::FaultProxy;
use postrider_tests::world::{World, WorldOptions, xadd};
use redis::Script;

use super::ground::{add_proxied_worker, goes_on, hasty, proxied};

/// The hash by which a script is called.
fn hash(source: &str) -> Vec<u8> {
    Script::new(source).get_hash().as_bytes().to_vec()
}

macro_rules! script {
    ($name:literal) => {
        hash(include_str!(concat!("../../../crates/postrider-store/src/scripts/", $name, ".lua")))
    };
}

/// A kind of settlement, as it stands among the arguments of the script.
fn kind(letter: char) -> Vec<u8> {
    format!("$1\r\n{letter}\r\n").into_bytes()
}

/// Loses the reply to the next call of `settle.lua` with a job of this kind.
fn lose_settlement(proxy: &FaultProxy, letter: char) {
    proxy.lose_reply_to(&[&script!("settle"), &kind(letter)]);
}

/// Retries come soon.
fn quick() -> WorldOptions {
    WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "300ms")
}

/// So many attempts were made and recorded, each once.
async fn check_attempts(world: &World, expected: &[&str]) {
    let recorded = world.attempts().await;
    let outcomes: Vec<_> = recorded.iter().map(|attempt| attempt["outcome"].as_str()).collect();
    assert_eq!(outcomes, expected);
    assert_eq!(world.receiver.count(), expected.len());
}

#[tokio::test]
async fn the_read_is_repeated_and_its_jobs_are_sent_once() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    proxy.lose_reply_to(&[b"XREADGROUP"]);
    // It waits inside Redis now, and will be answered with the entry.
    proxy.wait_sprung(1).await;
    world.send_to("/job", &[]).await;
    world.settled().await;
    check_attempts(&world, &["delivered"]).await;
}

#[tokio::test]
async fn a_delivered_job_is_settled_once() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    // A delivered job is said by no letter; it is the only one.
    proxy.lose_reply_to(&[&script!("settle")]);
    world.send_to("/job", &[]).await;
    proxy.wait_sprung(1).await;
    world.settled().await;
    goes_on(&world).await;
    world.settled().await;
    check_attempts(&world, &["delivered", "delivered"]).await;
    assert_eq!(world.receiver.requests_to("/job").len(), 1);
}

#[tokio::test]
async fn a_retried_job_waits_once() {
    let (world, proxy) = proxied(quick()).await;
    lose_settlement(&proxy, 'R');
    world.send_to("/fail-first/1", &[]).await;
    proxy.wait_sprung(1).await;
    world.receiver.wait_for(2).await;
    world.settled().await;
    check_attempts(&world, &["retried", "delivered"]).await;
    assert!(world.dead_letters().await.is_empty(), "it wasn't taken for its own duplicate");
}

#[tokio::test]
async fn a_dead_job_has_one_dead_letter() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    lose_settlement(&proxy, 'K');
    world.send_to("/status/404", &[]).await;
    proxy.wait_sprung(1).await;
    world.settled().await;
    goes_on(&world).await;
    assert_eq!(world.dead_letters().await.len(), 1);
    assert_eq!(world.receiver.requests_to("/status/404").len(), 1);
}

#[tokio::test]
async fn a_due_job_is_promoted_once() {
    let (world, proxy) = proxied(quick()).await;
    world.send_to("/fail-first/1", &[]).await;
    world
        .until("it waits", Duration::from_secs(10), || async {
            if world.waiting().await.len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
    proxy.lose_reply_to(&[&script!("promote")]);
    proxy.wait_sprung(1).await;
    world.receiver.wait_for(2).await;
    world.settled().await;
    goes_on(&world).await;
    assert_eq!(world.receiver.requests_to("/fail-first/1").len(), 2);
}

#[tokio::test]
async fn jobs_of_a_lost_worker_are_taken_over_once() {
    let (mut world, proxy) = proxied(hasty()).await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.receiver.wait_for(1).await;
    add_proxied_worker(&mut world, &proxy).await;
    proxy.lose_reply_to(&[&script!("take_over")]);
    world.workers[0].kill9();
    proxy.wait_sprung(1).await;
    world.receiver.wait_for(2).await;
    hold.release(200);
    world.settled().await;
    goes_on(&world).await;
    assert_eq!(world.receiver.requests_to("/held").len(), 2, "once by each worker");
}

#[tokio::test]
async fn a_job_that_is_given_back_is_there_once() {
    let (mut world, proxy) = proxied(WorldOptions::default().set("POSTRIDER_WORKER_GRACE", "200ms")).await;
    let hold = world.receiver.hold("/held");
    world.send_to("/held", &[]).await;
    world.receiver.wait_for(1).await;
    lose_settlement(&proxy, 'G');
    world.workers[0].sigterm();
    proxy.wait_sprung(1).await;
    assert_eq!(world.workers[0].wait_exit(Duration::from_secs(15)).await, Some(0));
    assert_eq!((world.length().await, world.leased().await), (1, 0));
    hold.release(200);
    add_proxied_worker(&mut world, &proxy).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 2);
}

#[tokio::test]
async fn a_heartbeat_is_repeated_and_nobody_takes_the_worker_for_dead() {
    let (mut world, proxy) = proxied(hasty()).await;
    add_proxied_worker(&mut world, &proxy).await;
    for number in 1..=5 {
        proxy.lose_reply_to(&[&script!("beat")]);
        proxy.wait_sprung(number).await;
    }
    goes_on(&world).await;
    for worker in &world.workers {
        let log = worker.log();
        assert!(!log.contains("worker lost") && !log.contains("Redis came back"), "{log}");
    }
}

#[tokio::test]
async fn an_event_is_fanned_out_once() {
    let (world, proxy) = proxied(WorldOptions::default()).await;
    for hook in ["one", "two"] {
        let url = world.receiver.url(&format!("/{hook}"));
        let record = format!(
            r#"{{"id":"{hook}","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
        );
        world.register("u", hook, record.as_bytes()).await;
    }
    proxy.lose_reply_to(&[&script!("fan_out")]);
    let fields = [("userId", "u"), ("type", "note"), ("content", "{}"), ("id", "ev")];
    let _: String = world.query(&xadd("postrider:events", "*", &fields)).await;
    proxy.wait_sprung(1).await;
    world.receiver.wait_for(2).await;
    world
        .until("the event has ended", Duration::from_secs(20), || async {
            let left: usize = world.query(redis::cmd("XLEN").arg("postrider:events")).await;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    world.settled().await;
    check_attempts(&world, &["delivered", "delivered"]).await;
}
