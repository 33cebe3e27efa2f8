//! What arrives, how often and when, with the settings that make a worker do as Misskey does: what Misskey's own tests
//! leave out, though receivers rely on it.

use std::time::Duration;

use postrider_tests::receiver::Receiver;
use postrider_tests::receiver::behaviour::{Answer, Behaviour};
use postrider_tests::world::{World, WorldOptions};

use super::{USER, all_ended, happens, register, register_at};

/// As Misskey delivers, but for `retry.base`.
async fn misskey_with_base(base: &str) -> World {
    let options = WorldOptions::default()
        .set("POSTRIDER_RETRY_MAX_ATTEMPTS", "4")
        .set("POSTRIDER_DELIVERY_TIMEOUT", "5s")
        .set("POSTRIDER_SERVER_URL", "https://misskey.example:8443")
        .set("POSTRIDER_RETRY_BASE", base);
    World::with(options).await
}

#[tokio::test]
async fn the_request_is_misskeys_header_by_header() {
    let world = misskey_with_base("60s").await;
    register(&world, USER, "9hook", &["note"], true).await;
    let event = happens(&world, USER, "note", r#"{"note":{"id":"9n"}}"#).await;
    let request = world.receiver.next_request().await;
    let created_at = event.split('-').next().unwrap_or_default();
    let body = format!(
        r#"{{"server":"https://misskey.example:8443","hookId":"9hook","userId":"{USER}","eventId":"{event}:9hook","createdAt":{created_at},"type":"note","body":{{"note":{{"id":"9n"}}}}}}"#
    );
    assert_eq!((&*request.method, String::from_utf8_lossy(&request.body)), ("POST", body.as_str().into()));
    let mut headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {}", name.to_lowercase(), String::from_utf8_lossy(value)))
        .collect();
    headers.sort();
    let expected = [
        format!("content-length: {}", body.len()),
        "content-type: application/json".into(),
        format!("host: {}", world.receiver.address()),
        "postrider-attempt: 1".into(),
        "user-agent: Misskey-Hooks".into(),
        "x-misskey-hook-id: 9hook".into(),
        "x-misskey-hook-secret: s3cret".into(),
        "x-misskey-host: misskey.example:8443".into(),
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_hook_without_a_secret_sends_the_header_empty() {
    let world = World::start().await;
    let record = format!(
        r#"{{"id":"h","userId":"{USER}","name":"n","on":["note"],"url":"{}","secret":"","active":true}}"#,
        world.receiver.url("/h")
    );
    world.register(USER, "h", record.as_bytes()).await;
    happens(&world, USER, "note", "{}").await;
    let request = world.receiver.next_request().await;
    assert_eq!(request.values("X-Misskey-Hook-Secret"), [b""]);
}

#[tokio::test]
async fn after_four_attempts_a_job_is_dead() {
    let world = misskey_with_base("20ms").await;
    let url = world.receiver.url("/status/503");
    register_at(&world, USER, "h", &url, &["note"], true).await;
    happens(&world, USER, "note", "{}").await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!(
        (&letter[&b"_reason"[..]][..], &letter[&b"_attempts"[..]][..]),
        (&b"exhausted"[..], &b"4"[..])
    );
    all_ended(&world).await;
    let requests = world.receiver.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests.iter().all(|request| request.body == requests[0].body),
        "event id and time stay the same"
    );
}

#[tokio::test]
async fn the_first_wait_is_the_base_and_at_most_a_fifth_more() {
    const JOBS: usize = 60;
    const BASE_MILLIS: f64 = 60_000.0;
    let world = misskey_with_base("60s").await;
    for _ in 0..JOBS {
        world.send_to("/status/500", &[]).await;
    }
    let waiting = world
        .until("all wait", Duration::from_secs(20), || async {
            let waiting = world.waiting().await;
            if waiting.len() == JOBS { Ok(waiting) } else { Err(waiting.len()) }
        })
        .await;
    let failed_at = |job: &str| {
        let sent =
            world.receiver.requests().into_iter().find(|request| request.event_id().as_deref() == Some(job));
        sent.map_or(0, |request| request.at_ms)
    };
    let waits: Vec<f64> = waiting.iter().map(|(job, due)| due - failed_at(job) as f64).collect();
    let latest = BASE_MILLIS * 1.2 + 1_000.0;
    assert!(waits.iter().all(|wait| (BASE_MILLIS..=latest).contains(wait)), "{waits:?}");
    let (shortest, longest) =
        waits.iter().fold((f64::MAX, 0.0_f64), |(least, most), wait| (least.min(*wait), most.max(*wait)));
    assert!(
        longest - shortest > BASE_MILLIS * 0.05,
        "jobs that failed together come back together: {waits:?}"
    );
}

#[tokio::test]
async fn waits_grow_as_misskeys_do() {
    let world = misskey_with_base("200ms").await;
    world.send_to("/fail-first/3", &[]).await;
    let requests = world.receiver.wait_for(4).await;
    for (pair, base_millis) in requests.windows(2).zip([200, 600, 1400]) {
        let (between, base) = (pair[1].at - pair[0].at, Duration::from_millis(base_millis));
        let latest = base.mul_f64(1.2) + Duration::from_millis(500);
        assert!((base..=latest).contains(&between), "{between:?} of {base:?}");
    }
    world.settled().await;
}

#[tokio::test]
async fn a_redirect_to_another_host_never_takes_the_secret_there() {
    let world = misskey_with_base("20ms").await;
    let other = Receiver::start().await;
    for status in [301, 302, 303, 307, 308] {
        let path = format!("/moved-{status}");
        let answer = Answer::new(status).with("Location", &other.url("/taken"));
        world.receiver.behave(&path, Behaviour::Answer(answer));
        register(&world, USER, &path[1..], &["note"], true).await;
    }
    happens(&world, USER, "note", "{}").await;
    let letters = world.wait_for_dead(5).await;
    assert!(letters.iter().all(|letter| letter[&b"_reason"[..]] == b"exhausted"), "{letters:?}");
    assert_eq!((world.receiver.count(), other.count()), (20, 0));
    assert!(world.receiver.requests().iter().all(|request| request.method == "POST"));
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_the_timeout_is_a_failure() {
    let options = WorldOptions::default()
        .set("POSTRIDER_DELIVERY_TIMEOUT", "300ms")
        .set("POSTRIDER_RETRY_BASE", "20ms");
    let world = World::with(options).await;
    let url = world.receiver.url("/hang-once");
    register_at(&world, USER, "h", &url, &["note"], true).await;
    happens(&world, USER, "note", "{}").await;
    let requests = world.receiver.wait_for(2).await;
    assert_eq!((requests[0].event_id(), requests[1].attempt()), (requests[1].event_id(), 2));
    all_ended(&world).await;
    let attempts = world.attempts().await;
    assert_eq!((&*attempts[0]["outcome"], &*attempts[0]["status"]), ("retried", "0"));
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_request_leaves_the_event_to_another() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_HEARTBEAT", "200ms")
        .set("POSTRIDER_WORKER_DEAD_AFTER", "1s");
    let mut world = World::with(options).await;
    register(&world, USER, "h", &["note"], true).await;
    world.receiver.hang_once();
    let event = happens(&world, USER, "note", "{}").await;
    world.receiver.wait_for(1).await;
    world.add_worker(&[]).wait_ready().await;
    world.workers[0].kill9();
    let requests = world.receiver.wait_for(2).await;
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[1].event_id(), Some(format!("{event}:h")));
    assert_eq!(requests[1].attempt(), 1, "a crash is not an attempt");
    all_ended(&world).await;
}
