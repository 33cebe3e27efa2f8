//! What `deploy/prometheus/redis-exporter.lua` finds for redis_exporter, which runs it without keys and arguments and takes
//! name after number.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use postrider_tests::trouble::{add_for_hook, trip};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::World;

/// What the script needs of its user, as `docs/monitoring.md` says.
const RIGHTS: [&str; 9] =
    ["resetkeys", "%R~{postrider:*", "-@all", "+eval", "+time", "+zcount", "+hkeys", "+hget", "+ping"];

/// Runs it as a user who may do nothing else.
async fn figures(world: &World) -> HashMap<String, u64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let script =
        std::fs::read_to_string(root.join("deploy/prometheus/redis-exporter.lua")).expect("the script");
    let () =
        world.query(redis::cmd("ACL").arg("SETUSER").arg("exporter").arg("on").arg(">pw").arg(&RIGHTS)).await;
    let mut connection = world.connection().await;
    let () = redis::cmd("AUTH").arg("exporter").arg("pw").query_async(&mut connection).await.expect("it may");
    let told: Vec<String> = redis::cmd("EVAL")
        .arg(script)
        .arg(0)
        .query_async(&mut connection)
        .await
        .expect("it has all rights it needs");
    let pairs =
        told.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].parse().expect("a number in a text")));
    pairs.collect()
}

fn figure(figures: &HashMap<String, u64>, name: &str) -> u64 {
    figures[&format!("postrider:{name}:postrider:deliveries")]
}

#[tokio::test]
async fn waiting_jobs_are_told_by_when_they_fall_due() {
    let world = World::start().await;
    assert!(figures(&world).await.values().all(|figure| *figure == 0), "an idle queue has nothing to tell");
    world.receiver.respond("/down", 500);
    // One waits for its second attempt, 60 to 72 s from now; the others for their time.
    world.send_to("/down", &[]).await;
    let now: (u64, u64) = world.query(&redis::cmd("TIME")).await;
    for seconds in [30, 1_800, 7_200, 86_400] {
        let not_before = ((now.0 + seconds) * 1000).to_string();
        world.send_to("/fine", &[("notBefore", &not_before)]).await;
    }
    world
        .until("all wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting == 5 { Ok(()) } else { Err(waiting) }
        })
        .await;
    let told = figures(&world).await;
    let spans = ["now", "1m", "10m", "1h", "8h", "later", "never"];
    assert_eq!(spans.map(|span| figure(&told, &format!("due:{span}"))), [0, 1, 1, 1, 1, 1, 0]);
}

#[tokio::test]
async fn destinations_are_told_by_their_breakers() {
    let world = World::start().await;
    world.receiver.respond("/down", 500);
    trip(&world, "/down", "down", Duration::ZERO).await;
    add_for_hook(&world, "/hang", "slow", 2).await;
    world
        .until("one is tripped or tried, one flows", PATIENCE, || async {
            let told = figures(&world).await;
            let [flowing, tripped, probing] =
                ["flowing", "tripped", "probing"].map(|state| figure(&told, &format!("breaker:{state}")));
            // Also the one that lets its requests wait gets less.
            let limited = figure(&told, "limited:all");
            let holds = (flowing, tripped + probing, limited) == (1, 1, 2);
            if holds { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await;
}
