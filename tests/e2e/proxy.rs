//! Requests through the operator's proxy, and what a proxy that doesn't work costs: time, and nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postrider_tests::ports::free_port;
use postrider_tests::proxy::{Conduct, ConnectProxy};
use postrider_tests::tls_front::TlsFront;
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

use crate::trust::{CA_FILE, TRUSTED};

const TROUBLE: &str = "the proxy does not work";

/// A world whose worker sends through a proxy at this URL.
async fn world_behind(proxy: &str) -> World {
    let options = WorldOptions::default()
        .set("POSTRIDER_PROXY_URL", proxy)
        .set("POSTRIDER_TLS_CA_FILE", CA_FILE)
        .set("POSTRIDER_RETRY_BASE", "50ms");
    World::with(options).await
}

async fn wait_deferred(world: &World, at_least: f64) {
    let labels = [("queue", world.queue()), ("outcome", "deferred")];
    world.workers[0].wait_metric("postrider_attempts_total", &labels, at_least).await;
}

#[tokio::test]
async fn jobs_go_through_the_proxy_plain_and_encrypted_and_names_are_its_to_look_up() {
    let proxy = ConnectProxy::start().await;
    let world = world_behind(&proxy.url("canary-user:canary-password@")).await;
    let front = TlsFront::start(TRUSTED, world.receiver.address()).await;
    proxy.knows("hooks.example.com:80", world.receiver.address());
    for to in [&world.receiver.url("/plain"), &front.url("/secret"), "http://hooks.example.com/named"] {
        world.enqueue(&[("to", to), ("type", "note"), ("content", "{}")]).await;
    }
    world.receiver.wait_for(3).await;
    world.settled().await;
    let mut targets = proxy.targets();
    targets.sort();
    let mut expected = [
        world.receiver.address().to_string(),
        front.address().to_string(),
        "hooks.example.com:80".to_owned(),
    ];
    expected.sort();
    assert_eq!(targets, expected);
    assert!(proxy.heads().iter().all(|head| head.contains("Proxy-Authorization: Basic ")));
    let told = format!("{}{:?}", world.workers[0].log(), world.attempts().await);
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test]
async fn a_proxy_that_is_down_costs_no_attempt_and_its_jobs_are_delivered_when_it_is_back() {
    let address = ([127, 0, 0, 1], free_port()).into();
    let world = world_behind(&format!("http://{address}")).await;
    let url = world.receiver.url("/in");
    let record = format!(
        r#"{{"id":"h","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":true}}"#
    );
    world.register("u", "h", record.as_bytes()).await;
    let job = [("userId", "u"), ("hookId", "h"), ("type", "note"), ("content", "{}"), ("maxAttempts", "1")];
    world.enqueue(&job).await;
    wait_deferred(&world, 2.0).await;
    assert_eq!((world.attempts().await.len(), world.dead_letters().await.len()), (0, 0));
    let latest = redis::cmd("EXISTS").arg("postrider:hooks:{u}:latest").to_owned();
    assert!(!world.query::<bool>(&latest).await, "the hook's owner is told nothing");
    assert_eq!(world.workers[0].readyz().await.0, 200, "it reads its queue");
    let connect = world.workers[0].metric("postrider_proxy_errors_total", &[("kind", "connect")]).await;
    assert!(connect >= 2.0, "{connect}");

    let proxy = ConnectProxy::start_at(address).await;
    let request = world.receiver.next_request().await;
    assert_eq!(request.header("Postrider-Attempt"), Some("1"));
    world.settled().await;
    assert_eq!((world.receiver.count(), proxy.connections(), world.attempts().await.len()), (1, 1, 1));
    world.workers[0].wait_log("the proxy works again").await;
    let lines = world.workers[0].log().lines().filter(|line| line.contains(TROUBLE)).count();
    assert_eq!(lines, 1, "told once, not for each job: {}", world.workers[0].log());
}

#[tokio::test]
async fn a_dead_proxy_is_asked_ever_more_seldom() {
    let proxy = ConnectProxy::start().await;
    proxy.conduct(Conduct::Close);
    let world = world_behind(&proxy.url("")).await;
    for _ in 0..20 {
        world.send_to("/in", &[]).await;
    }
    proxy.wait_for(40).await;
    world.until("a third round is more than a second away", PATIENCE, || due_in_a_second(&world)).await;
    assert!(proxy.connections() <= 80, "{} connections", proxy.connections());
    proxy.conduct(Conduct::Tunnel);
    world.receiver.wait_for(20).await;
    world.settled().await;
}

/// Whether all twenty jobs wait, and none for less than a second.
async fn due_in_a_second(world: &World) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as f64;
    let waiting = world.waiting().await;
    let first = waiting.first().map_or(0.0, |(_, due)| due - now);
    if waiting.len() == 20 && first > 1000.0 { Ok(()) } else { Err(format!("{}, {first}", waiting.len())) }
}

#[tokio::test]
async fn a_job_that_expires_while_the_proxy_is_down_ends_as_expired() {
    let world = world_behind(&format!("http://127.0.0.1:{}", free_port())).await;
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_millis(1500);
    world.send_to("/in", &[("expiresAt", &soon.as_millis().to_string())]).await;
    wait_deferred(&world, 1.0).await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!(letter[&b"_reason"[..]], b"expired");
    assert_eq!(letter[&b"_attempts"[..]], b"0");
}

#[tokio::test]
async fn what_the_proxy_says_about_a_receiver_is_an_attempt_without_an_answer() {
    let proxy = ConnectProxy::start().await;
    let world = world_behind(&proxy.url("")).await;
    for (status, error) in [
        (502, "the proxy could not reach the receiver (502)"),
        (403, "the proxy refused this destination (403)"),
    ] {
        proxy.conduct(Conduct::status(status));
        world.send_to("/in", &[("maxAttempts", "1")]).await;
        let asked = if status == 502 { 1 } else { 2 };
        let letter = world.wait_for_dead(asked).await.remove(asked - 1);
        assert_eq!(letter[&b"_reason"[..]], b"exhausted");
        let attempt = world.attempts().await.remove(asked - 1);
        assert_eq!((attempt["status"].as_str(), attempt["error"].as_str()), ("0", error));
    }
    assert!(!world.workers[0].log().contains(TROUBLE));
}

#[tokio::test]
async fn the_guard_stands_before_the_proxy() {
    let proxy = ConnectProxy::start().await;
    let world = world_behind(&proxy.url("")).await;
    for to in ["http://10.0.0.1/", "http://169.254.169.254/", "http://redis.internal/"] {
        world.enqueue(&[("to", to), ("type", "note"), ("content", "{}")]).await;
    }
    for letter in world.wait_for_dead(3).await {
        assert_eq!(letter[&b"_reason"[..]], b"blocked");
    }
    assert_eq!(proxy.connections(), 0);
}
