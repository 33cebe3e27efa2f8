//! Every row of the answer table (contract section 3), and the waits between attempts.

use std::time::Duration;

use postrider_tests::receiver::behaviour::{Answer, Behaviour};
use postrider_tests::world::{World, WorldOptions};

fn text(letter: &std::collections::HashMap<Vec<u8>, Vec<u8>>, field: &str) -> String {
    String::from_utf8_lossy(&letter[field.as_bytes()]).into_owned()
}

async fn patient_world() -> World {
    World::with(WorldOptions::default().set("POSTRIDER_RETRY_BASE", "1h")).await
}

#[tokio::test]
async fn two_hundreds_are_delivered() {
    let world = World::start().await;
    for status in [200, 201, 202, 204, 299] {
        world.send_to(&format!("/status/{status}"), &[]).await;
    }
    world.receiver.wait_for(5).await;
    world.settled().await;
    assert!(world.dead_letters().await.is_empty());
    let attempts = world.attempts().await;
    assert!(attempts.len() == 5 && attempts.iter().all(|attempt| attempt["outcome"] == "delivered"));
}

#[tokio::test]
async fn unavailable_answers_wait_for_a_retry() {
    let world = patient_world().await;
    let statuses = [301, 302, 303, 304, 307, 308, 408, 425, 429, 500, 502, 503, 504, 599, 600, 799, 999];
    for status in statuses {
        world.send_to(&format!("/status/{status}"), &[]).await;
    }
    world
        .until("all wait", Duration::from_secs(20), || async {
            let waiting = world.waiting().await.len();
            if waiting == statuses.len() { Ok(()) } else { Err(waiting) }
        })
        .await;
    assert_eq!(
        world.receiver.count(),
        statuses.len(),
        "no redirect is followed, nothing is sent again at once"
    );
    let mut recorded: Vec<u16> =
        world.attempts().await.iter().map(|attempt| attempt["status"].parse().unwrap()).collect();
    recorded.sort_unstable();
    assert_eq!(recorded, statuses);
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_waits_for_a_retry() {
    let world = patient_world().await;
    world
        .receiver
        .behave("/101", Behaviour::Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_vec()));
    world.send_to("/101", &[]).await;
    world
        .until("it waits", Duration::from_secs(10), || async {
            if world.waiting().await.len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
}

#[tokio::test]
async fn other_four_hundreds_are_dead_at_once() {
    let world = World::start().await;
    let statuses = [400, 401, 403, 404, 405, 409, 411, 413, 418, 421, 422, 423, 451, 499];
    for status in statuses {
        world.send_to(&format!("/status/{status}"), &[]).await;
    }
    let letters = world.wait_for_dead(statuses.len()).await;
    assert!(
        letters
            .iter()
            .all(|letter| text(letter, "_reason") == "rejected" && text(letter, "_attempts") == "1")
    );
    let mut seen: Vec<u16> = letters.iter().map(|letter| text(letter, "_status").parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, statuses);
}

#[tokio::test]
async fn silence_in_all_its_forms_waits_for_a_retry_with_status_zero() {
    let world = patient_world().await;
    world.send_to("/close", &[]).await;
    world.send_to("/reset", &[]).await;
    world.send_to("/hang", &[("timeoutMs", "200")]).await;
    world.receiver.behave("/garbage", Behaviour::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
    world.send_to("/garbage", &[]).await;
    world.receiver.behave("/half", Behaviour::Raw(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()));
    world.send_to("/half", &[]).await;
    let tls = world.receiver.url("/").replace("http://", "https://");
    world.enqueue(&[("to", tls.as_str()), ("type", "note"), ("content", "{}")]).await;
    world.enqueue(&[("to", "http://127.0.0.1:1/closed"), ("type", "note"), ("content", "{}")]).await;
    world.enqueue(&[("to", "http://no-such-host.example/"), ("type", "note"), ("content", "{}")]).await;
    world
        .until("all wait", Duration::from_secs(20), || async {
            let waiting = world.waiting().await.len();
            if waiting == 6 || waiting == 5 && world.dead_letters().await.len() == 1 {
                Ok(())
            } else {
                Err(waiting)
            }
        })
        .await;
    assert!(
        world.attempts().await.iter().all(|attempt| attempt["status"] == "0" && !attempt["error"].is_empty())
    );
}

#[tokio::test]
async fn attempts_end_when_they_are_used_up() {
    let options = WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "50ms");
    let world = World::with(options).await;
    world.send_to("/status/503", &[("maxAttempts", "3")]).await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!((text(&letter, "_reason"), text(&letter, "_attempts")), ("exhausted".into(), "3".into()));
    assert_eq!(text(&letter, "_status"), "503");
    let attempts: Vec<u32> =
        world.receiver.requests().iter().map(postrider_tests::receiver::request::Request::attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    let outcomes: Vec<_> = world.attempts().await.iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["retried", "retried", "dead"]);
}

#[tokio::test]
async fn a_retry_is_never_early_and_keeps_event_id_time_and_body() {
    let options = WorldOptions::default().set("POSTRIDER_RETRY_SCHEDULE", "400ms,700ms");
    let world = World::with(options).await;
    world.send_to("/fail-first/2", &[("hookId", "h"), ("userId", "u"), ("secret", "s")]).await;
    let requests = world.receiver.wait_for(3).await;
    for (pair, wait) in requests.windows(2).zip([400, 700]) {
        let between = pair[1].at - pair[0].at;
        assert!(between >= Duration::from_millis(wait), "{between:?} of {wait} ms");
        assert_eq!(pair[0].body, pair[1].body);
        assert_eq!(pair[0].values("X-Misskey-Hook-Secret"), pair[1].values("X-Misskey-Hook-Secret"));
    }
    world.settled().await;
}

#[tokio::test]
async fn retry_after_makes_the_wait_longer_and_is_clamped() {
    let options = WorldOptions::default()
        .set("POSTRIDER_RETRY_SCHEDULE", "100ms")
        .set("POSTRIDER_RETRY_MAX_RETRY_AFTER", "3s");
    let world = World::with(options).await;
    let first = Answer::new(503).with("Retry-After", "1");
    world.receiver.behave("/asked", Behaviour::Answer(first));
    world.send_to("/asked", &[]).await;
    let requests = world.receiver.wait_for(2).await;
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
    let huge = Answer::new(429).with("Retry-After", "99999999999999999999");
    world.receiver.behave("/asked", Behaviour::Answer(huge));
    let before = world.receiver.wait_for(3).await.len();
    world.receiver.wait_for(before + 1).await;
    let requests = world.receiver.requests_to("/asked");
    let wait = requests[requests.len() - 1].at - requests[requests.len() - 2].at;
    assert!(wait >= Duration::from_secs(3) && wait < Duration::from_secs(6), "{wait:?}");
}

#[tokio::test]
async fn not_before_is_kept_to_the_tenth_of_a_second() {
    let world = World::start().await;
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
        + Duration::from_millis(1500);
    let moment = moment.as_millis() as u64;
    world.send_to("/later", &[("notBefore", &moment.to_string())]).await;
    let request = world.receiver.next_request().await;
    let late = request.at_ms.checked_sub(moment).expect("it was early");
    assert!(late <= 100, "{late} ms late");
    assert_eq!(request.attempt(), 1, "waiting for its time is not an attempt");
    world.settled().await;
}

#[tokio::test]
async fn a_retry_that_would_come_after_expiry_is_dead_now() {
    let world = patient_world().await;
    let soon =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap() + Duration::from_secs(60);
    world.send_to("/status/500", &[("expiresAt", &soon.as_millis().to_string())]).await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!((text(&letter, "_reason"), text(&letter, "_attempts")), ("expired".into(), "1".into()));
}

#[tokio::test]
async fn blocked_addresses_are_dead_and_never_connected_to() {
    let world = World::start().await;
    for url in [
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/",
        "http://[::ffff:127.0.0.1]/",
        "http://db.internal/",
    ] {
        world.enqueue(&[("to", url), ("type", "note"), ("content", "{}")]).await;
    }
    let letters = world.wait_for_dead(4).await;
    for letter in &letters {
        assert_eq!((text(letter, "_reason"), text(letter, "_status")), ("blocked".into(), "0".into()));
        assert_eq!(text(letter, "_attempts"), "0");
    }
}

const HOOK: &str =
    r#"{"id":"h","userId":"u","name":"n","on":["note"],"url":"URL","secret":"hook-secret","active":true}"#;

#[tokio::test]
async fn a_registered_hook_gives_url_and_secret_and_gone_switches_it_off() {
    let world = World::start().await;
    world.receiver.respond("/hook", 200);
    world.register("u", "h", HOOK.replace("URL", &world.receiver.url("/hook")).as_bytes()).await;
    let job = [("type", "note"), ("content", "{}"), ("hookId", "h"), ("userId", "u")];
    world.enqueue(&job).await;
    let request = world.receiver.next_request().await;
    assert_eq!(request.header("X-Misskey-Hook-Secret"), Some("hook-secret"));

    world.receiver.respond("/hook", 410);
    world.enqueue(&job).await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!((text(&letter, "_reason"), text(&letter, "_status")), ("gone".into(), "410".into()));
    let record: String = world.query(redis::cmd("HGET").arg("postrider:hooks:{u}").arg("h")).await;
    assert!(record.contains(r#""active":false"#) && record.contains(r#""on":["note"]"#), "{record}");

    // The record is cached for a second at most.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world.enqueue(&job).await;
    world.workers[0].wait_metric("postrider_attempts_total", &[("outcome", "discarded")], 1.0).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 2, "an inactive hook gets nothing");
}

#[tokio::test]
async fn gone_from_another_url_leaves_the_hook_alone() {
    let world = World::start().await;
    world.register("u", "h", HOOK.replace("URL", &world.receiver.url("/hook")).as_bytes()).await;
    world.send_to("/status/410", &[("hookId", "h"), ("userId", "u")]).await;
    world.wait_for_dead(1).await;
    let record: String = world.query(redis::cmd("HGET").arg("postrider:hooks:{u}").arg("h")).await;
    assert!(record.contains(r#""active":true"#), "{record}");
}

#[tokio::test]
async fn an_inactive_hook_stops_jobs_that_bring_their_own_url_too() {
    let world = World::start().await;
    let off = HOOK.replace("URL", &world.receiver.url("/hook")).replace("true", "false");
    world.register("u", "h", off.as_bytes()).await;
    world.send_to("/own", &[("hookId", "h"), ("userId", "u")]).await;
    world.workers[0].wait_metric("postrider_attempts_total", &[("outcome", "discarded")], 1.0).await;
    world.settled().await;
    assert_eq!((world.receiver.count(), world.dead_letters().await.len()), (0, 0));
}

#[tokio::test]
async fn no_secret_reaches_the_attempt_log_or_the_workers_log() {
    let world = patient_world().await;
    let echo = Answer { body: b"you sent canary-secret and canary-header".to_vec(), ..Answer::new(500) };
    world.receiver.behave("/echo", Behaviour::Answer(echo));
    world.send_to("/echo", &[("secret", "canary-secret"), ("header:X-Key", "canary-header")]).await;
    world
        .until("it waits", Duration::from_secs(10), || async {
            if world.waiting().await.len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
    let record = world.attempts().await.remove(0);
    assert_eq!(record["response"], "you sent [hidden] and [hidden]");
    let log = world.workers[0].log();
    assert!(!log.contains("canary"), "{log}");
    let metrics = world.workers[0].metrics().await;
    assert!(!metrics.contains("canary"), "{metrics}");
}

#[tokio::test]
async fn records_that_cannot_be_read_hold_up_nobody() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_WORKER_CONCURRENCY", "8")).await;
    let _: String = world.query(redis::cmd("SET").arg("postrider:hooks:{odd}").arg("no hash")).await;
    for _ in 0..16 {
        world.enqueue(&[("type", "note"), ("content", "{}"), ("hookId", "h"), ("userId", "odd")]).await;
    }
    world.send_to("/own", &[("hookId", "h"), ("userId", "odd")]).await;
    let letters = world.wait_for_dead(16).await;
    assert!(letters.iter().all(|letter| text(letter, "_reason") == "unknown_hook"));
    assert_eq!(world.receiver.next_request().await.path(), "/own");
    world.settled().await;
    assert_eq!(world.workers[0].readyz().await.0, 200);
}

#[tokio::test]
async fn a_record_that_cannot_be_used_is_told_apart_from_a_hook_that_is_not_registered() {
    let world = World::start().await;
    let url = world.receiver.url("/in");
    let record = format!(r#"{{"url":"{url}","active":true,"headers":{{"Host":"canary"}}}}"#);
    let _: u8 = world.query(redis::cmd("HSET").arg("postrider:hooks:{u}").arg("bad").arg(record)).await;
    for (hook, error) in [
        (
            "bad",
            "the record of the registered hook can't be used: field 'headers.Host' is set by the sender itself: it \
             concerns the connection; the job has no 'to'",
        ),
        ("none", "the hook isn't registered; the job has no 'to'"),
    ] {
        world.enqueue(&[("type", "note"), ("content", "{}"), ("hookId", hook), ("userId", "u")]).await;
        let asked = if hook == "bad" { 1 } else { 2 };
        let letter = world.wait_for_dead(asked).await.remove(asked - 1);
        assert_eq!(
            (text(&letter, "_reason").as_str(), text(&letter, "_error").as_str()),
            ("unknown_hook", error)
        );
    }
}

#[tokio::test]
async fn operators_are_told_the_technical_cause_and_owners_are_not() {
    let options = WorldOptions::default()
        .set("POSTRIDER_LOG_LEVEL", "warn,postrider=info,postrider_worker::event=debug")
        .set("POSTRIDER_RETRY_BASE", "1h");
    let world = World::with(options).await;
    world.enqueue(&[("to", "http://127.0.0.1:1/canary"), ("type", "note"), ("content", "{}")]).await;
    world.send_to("/status/500", &[]).await;
    world.send_to("/status/200", &[]).await;
    world
        .until("all attempts are on record", Duration::from_secs(20), || async {
            let attempts = world.attempts().await.len();
            if attempts == 3 { Ok(()) } else { Err(attempts) }
        })
        .await;
    let line = |status: u16| {
        let log = world.workers[0].log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut finished =
            lines.filter(|line| line["message"] == "attempt finished" && line["status"] == status);
        finished.next().unwrap_or_else(|| panic!("no line for {status}\n{log}"))
    };
    let unanswered = line(0);
    assert_eq!(unanswered["cause"], "could not connect");
    assert_eq!(unanswered["detail"], "Connection refused (os error 111)");
    assert_eq!(unanswered["destination"], "http://127.0.0.1:1");
    assert_eq!((&line(500)["cause"], line(500).get("detail")), (&"the receiver answered 500".into(), None));
    assert_eq!((line(200).get("cause"), line(200).get("detail")), (None, None));
    let told = format!("{:?} {}", world.attempts().await, world.workers[0].log());
    assert!(
        !format!("{:?}", world.attempts().await).contains("refused") && !told.contains("canary"),
        "{told}"
    );
}

#[tokio::test]
async fn the_hooks_own_secrets_are_blanked_where_the_job_brings_its_own() {
    let world = patient_world().await;
    let (hook_url, to) = (world.receiver.url("/hook"), world.receiver.url("/echo"));
    let record = format!(
        r#"{{"url":"{hook_url}","active":true,"secret":"canary-current","headers":{{"X-Key":"canary-header"}},
            "secrets":[{{"secret":"canary-over","until":"2020-01-01T00:00:00Z"}}]}}"#
    );
    let _: u8 = world.query(redis::cmd("HSET").arg("postrider:hooks:{u}").arg("h").arg(record)).await;
    let echo = b"canary-current, canary-header, canary-over, canary-job".to_vec();
    world.receiver.behave("/echo", Behaviour::Answer(Answer { body: echo, ..Answer::new(500) }));
    let own = [("secret", "canary-job"), ("header:x-key", "other"), ("hookId", "h"), ("userId", "u")];
    world.enqueue(&[&[("to", &*to), ("type", "note"), ("content", "{}")][..], &own].concat()).await;
    world
        .until("the attempt is on record", Duration::from_secs(20), || async {
            let response =
                world.attempts().await.pop().map(|attempt| attempt["response"].clone()).unwrap_or_default();
            if response == "[hidden], [hidden], [hidden], [hidden]" { Ok(()) } else { Err(response) }
        })
        .await;
}
