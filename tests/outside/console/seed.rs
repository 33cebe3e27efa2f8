//! What the pages show: hooks, attempts, jobs that wait and jobs that died, as a worker leaves them; and the same written by
//! strangers.

use std::time::{SystemTime, UNIX_EPOCH};

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::World;
use serde_json::json;

use super::payloads::payloads;

/// Jobs of another owner that wait for their second attempt.
const LATER: usize = 30;

/// Dead letters of one reason, enough for progress to be seen, and for work to be stopped half-way.
const EXHAUSTED: usize = 20_000;

/// Hooks that fare differently, and what their jobs have come to.
pub(super) async fn usual(world: &World) {
    for (hook, path, active) in [
        ("fine", "/fine", true),
        ("failing", "/status/500", true),
        ("gone", "/status/410", true),
        ("paused", "/paused", false),
    ] {
        register(world, "9u", hook, &world.receiver.url(path), active).await;
    }
    register(world, "9other", "theirs", &world.receiver.url("/theirs"), true).await;
    world.receiver.respond("/status/500", 500);
    world.receiver.respond("/status/404", 404);
    let of = |id: &str, hook: &str| {
        job(&[("id", id), ("userId", "9u"), ("hookId", hook), ("eventId", &format!("event-of-{id}"))])
    };
    for n in 1..=5 {
        world.enqueue(&of(&format!("waiting-{n}"), "failing")).await;
    }
    world.enqueue(&of("dead-1", "gone")).await;
    for n in 10..14 {
        let to = world.receiver.url("/status/404");
        world
            .enqueue(&job(&[("id", &format!("dead-{n}")), ("to", &to), ("userId", "9u"), ("hookId", "old")]))
            .await;
    }
    world.enqueue(&job(&[("id", "theirs-1"), ("userId", "9other"), ("hookId", "theirs")])).await;
    for n in 0..20 {
        world.enqueue(&of(&format!("fine-{n}"), "fine")).await;
    }
    let failing = world.receiver.url("/status/500");
    for n in 0..LATER {
        world
            .enqueue(&job(&[
                ("id", &format!("later-{n}")),
                ("to", &failing),
                ("userId", "9later"),
                ("hookId", "none"),
            ]))
            .await;
    }
    exhausted(world).await;
    world.wait_for_dead(EXHAUSTED + 5).await;
    world
        .until("jobs wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting >= 5 + LATER { Ok(()) } else { Err(waiting) }
        })
        .await;
    // The receiver answered 410, and the hook is off now; what follows sends to it again.
    register(world, "9u", "gone", &world.receiver.url("/fine"), true).await;
}

async fn exhausted(world: &World) {
    let mut connection = world.connection().await;
    let mut all = redis::pipe();
    for n in 0..EXHAUSTED {
        let id = format!("exhausted-{n}");
        let died = now().to_string();
        let fields = [
            ("to", "http://hooks.example/"),
            ("type", "note"),
            ("content", "{}"),
            ("userId", "9u"),
            ("hookId", "failing"),
            ("_id", &id),
            ("_reason", "exhausted"),
            ("_status", "503"),
            ("_error", "the answer was 503 Service Unavailable"),
            ("_attempts", "12"),
            ("_diedAt", &died),
        ];
        all.xadd(world.key("dead"), "*", &fields).ignore();
    }
    all.hset(world.key("dead:counts"), "exhausted 9u/failing", EXHAUSTED).ignore();
    let () = all.query_async(&mut connection).await.expect("dead letters can be added");
}

fn job(more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let plain = [("type", "note"), ("content", r#"{"note":{"id":"9x"}}"#)];
    plain.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

async fn register(world: &World, user: &str, hook: &str, url: &str, active: bool) {
    let record = json!({
        "id": hook, "userId": user, "name": hook, "on": ["note", "reply"], "url": url,
        "secret": format!("s3cret-of-{hook}"), "active": active,
    });
    world.register(user, hook, record.to_string().as_bytes()).await;
}

/// Every text that a stranger may have written is a payload, past every check: as if each check had failed.
pub(super) async fn strange(world: &World) {
    let mut connection = world.connection().await;
    for (at, payload) in payloads().iter().enumerate() {
        let p = payload.as_str();
        let id = format!("x{at}");
        let record = json!({
            "id": id, "userId": "9x", "name": p, "on": [p], "url": format!("https://hooks.example/{p}"), "secret": p,
            "active": at % 2 == 0, "disabledReason": p, "profile": p, "headers": { p: p },
        });
        world.register("9x", &id, record.to_string().as_bytes()).await;
        let mut all = redis::pipe();
        let died = now().to_string();
        let letter = [
            ("to", p),
            ("type", p),
            ("content", p),
            ("userId", p),
            ("hookId", p),
            ("eventId", p),
            ("_id", &id),
            ("_reason", p),
            ("_status", "500"),
            ("_error", p),
            ("_attempts", "1"),
            ("_diedAt", &died),
        ];
        all.xadd(world.key("dead"), "*", &letter).ignore();
        let attempt = [
            ("job", id.as_str()),
            ("eventId", p),
            ("hookId", p),
            ("userId", p),
            ("destination", p),
            ("attempt", "1"),
            ("outcome", p),
            ("status", "500"),
            ("ms", "5"),
            ("at", &died),
            ("worker", p),
            ("error", p),
            ("response", p),
        ];
        all.xadd(world.key("attempts"), "*", &attempt).ignore();
        all.hset(world.key("dead:counts"), format!("{p} {p}/{p}"), 1).ignore();
        if p.len() < 1000 {
            let about = json!({ "name": p, "pid": 1, "version": p, "startedAt": 1, "concurrency": 1 });
            all.hset(world.key("workers"), p, about.to_string()).ignore();
            let told =
                json!([{ "destination": p, "state": p, "lastFailure": p, "failuresInARow": 1, "limit": 1 }]);
            all.hset(world.key(&format!("destinations:{p}")), "destinations", told.to_string()).ignore();
        }
        let () = all.query_async(&mut connection).await.expect("Redis takes any bytes");
    }
}

/// Jobs that wait, as far as a producer may write payloads into them: without spaces, which some don't need.
pub(super) async fn strange_waiting(world: &World) {
    let before = world.waiting().await.len();
    let mut added = 0;
    for (at, payload) in payloads().iter().enumerate() {
        let p = payload.replace(' ', "/");
        if p.len() > 128 || !p.bytes().all(|byte| byte.is_ascii_graphic()) {
            continue;
        }
        let id = format!("w{at}");
        let event = p.replace('.', "/");
        let more = [("id", &*id), ("type", &p), ("userId", &p), ("hookId", &p), ("eventId", &event)];
        let fields = [&more[..], &[("content", "{}"), ("notBefore", "4000000000000")]].concat();
        world.enqueue(&fields).await;
        added += 1;
    }
    assert!(added > 20, "{added} payloads can be in a waiting job");
    world
        .until("they wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting == before + added { Ok(()) } else { Err(waiting) }
        })
        .await;
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
