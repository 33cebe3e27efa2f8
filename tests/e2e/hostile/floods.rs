//! Many HTTP/2 receivers that flood at once. One thread of the worker serves all connections, so what one of them costs, all
//! others wait for.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use postrider_sink::{Behaviour, Stage};
use postrider_tests::world::World;
use tokio::task::JoinSet;

use super::encrypted::trusting_world;
use super::neighbour::Neighbour;
use super::{MAX_GROWTH_KB, memory};

/// Receivers that flood, each a destination of its own.
const FLOODING: usize = 40;

/// How long the floods may take in all.
const MAX_FLOODS: Duration = Duration::from_secs(20);

/// How soon 99 of 100 jobs of the healthy destination arrive meanwhile, in a debug build on a machine that the floods
/// themselves keep busy.
const MAX_WAIT_BESIDE_FLOODS: Duration = Duration::from_millis(500);

/// Starts them, and gives their URLs.
async fn start_flooding(stages: &mut JoinSet<()>) -> Vec<String> {
    let floods = ["settings-flood", "ping-flood", "ping-ack-flood", "unknown-frame-flood"];
    let mut urls = Vec::new();
    for name in floods.into_iter().cycle().take(FLOODING) {
        let behaviour = Behaviour::named(name).expect("it can be played");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let stage = Stage::bind(anywhere, behaviour).await.expect("loopback can be listened on");
        urls.push(stage.url());
        stages.spawn(stage.run(pending()));
    }
    urls
}

async fn send(world: &World, url: &str) {
    // With the longest timeout of all, no deadline ends the floods.
    let job = [("to", url), ("type", "note"), ("content", "{}"), ("timeoutMs", "120000")];
    world.enqueue(&job).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_floods_at_once_end_by_themselves_and_a_healthy_destination_hardly_notices() {
    let (world, mut stages) = (trusting_world().await, JoinSet::new());
    let urls = start_flooding(&mut stages).await;
    let neighbour = Neighbour::start(&world).await;
    let before = memory::now_kb(&world.workers[0]);
    for url in &urls {
        send(&world, url).await;
    }
    world
        .until("all floods have ended", MAX_FLOODS, || async {
            let attempts = world.attempts().await;
            let failed = attempts.iter().filter(|attempt| attempt["outcome"] == "retried").count();
            if failed == FLOODING { Ok(()) } else { Err(failed) }
        })
        .await;
    neighbour.check(&world, MAX_WAIT_BESIDE_FLOODS).await;
    let growth = memory::peak_kb(&world.workers[0]).saturating_sub(before);
    assert!(growth < MAX_GROWTH_KB, "the worker took {growth} kB more");
    let lines = world.workers[0].log().lines().filter(|line| line.contains("PING")).count();
    assert_eq!(lines, 0, "what a receiver sends isn't logged");
}
