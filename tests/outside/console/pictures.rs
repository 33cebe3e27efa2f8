//! What the pictures of the README show: a queue that has been at work for an hour, and a job that has failed three times.

use std::time::{SystemTime, UNIX_EPOCH};

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::World;
use serde_json::json;

/// The job whose life is shown.
const JOB: &str = "note-9xk2f7:hook-1";

/// What its receiver answers, one attempt after the other.
const ANSWERS: [u16; 3] = [503, 502, 503];

/// Jobs that wait, and dead letters.
const LATER: usize = 23;
const REJECTED: usize = 8;

pub(super) async fn scene(world: &World) {
    register(world, "hook-1", "Note mirror", "/mirror").await;
    register(world, "hook-2", "Search index", "/fine").await;
    an_hour_of_figures(world).await;
    for n in 0..REJECTED {
        world.receiver.respond("/removed", 404);
        add(world, &format!("note-9wz{n}:hook-3"), "hook-3", "/removed").await;
    }
    world.wait_for_dead(REJECTED).await;
    for (nth, answer) in ANSWERS.into_iter().enumerate() {
        world.receiver.respond("/mirror", answer);
        if nth == 0 {
            add(world, JOB, "hook-1", "/mirror").await;
        }
        world
            .until("it is tried once more", PATIENCE, || async {
                let made = world.attempts().await.iter().filter(|attempt| attempt["job"] == JOB).count();
                if made == nth + 1 { Ok(()) } else { Err(made) }
            })
            .await;
    }
    for n in 0..LATER {
        let soon = (now() + 40_000 + 30_000 * n as u128).to_string();
        let id = format!("note-9xm{n}:hook-2");
        let more = [("id", &*id), ("userId", "9u"), ("hookId", "hook-2"), ("notBefore", &*soon)];
        world.send_to("/fine", &more).await;
    }
}

async fn add(world: &World, id: &str, hook: &str, path: &str) {
    world.send_to(path, &[("id", id), ("userId", "9u"), ("hookId", hook), ("eventId", id)]).await;
}

async fn register(world: &World, id: &str, name: &str, path: &str) {
    let record = json!({
        "id": id, "userId": "9u", "name": name, "on": ["note", "reply"], "url": world.receiver.url(path), "secret": "",
        "active": true,
    });
    world.register("9u", id, record.to_string().as_bytes()).await;
}

/// Counters as workers leave them: a calm wave of deliveries, and some minutes in which a receiver was down.
async fn an_hour_of_figures(world: &World) {
    let minute = now() / 60_000;
    let mut all = redis::pipe();
    for ago in 1..60 {
        let at = minute - ago;
        let key = world.key(&format!("stats:{}", at / 60));
        let wave = (ago as f64 / 9.0).sin() * 60.0;
        let is_down = (22..29).contains(&ago);
        let counts = [
            ("delivered", 240 + wave as i64 + (ago as i64 * 37) % 41),
            ("retried", if is_down { 60 + (ago as i64 * 13) % 30 } else { (ago as i64 * 7) % 5 }),
            ("dead", i64::from(ago % 17 == 0) * 2),
        ];
        for (outcome, count) in counts {
            all.hset(&key, format!("{}:{outcome}", at % 60), count).ignore();
        }
    }
    let () = all.query_async(&mut world.connection().await).await.expect("Redis takes figures");
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
