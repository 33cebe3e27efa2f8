//! A Redis Cluster: each queue in a slot of its own, hooks and notices where theirs are, and slots that move under load.

use std::time::Instant;

use postrider_core::shard::{key_slot, shard_queue};
use postrider_producer::{Job, Producer, ProducerOptions};
use postrider_tests::cluster::Cluster;
use postrider_tests::receiver::Receiver;
use postrider_tests::wait::{PATIENCE, until};
use postrider_tests::worker_process::WorkerProcess;

use super::load::{Load, goes_on, only_touched_jobs_came_twice, replicated};
use super::{Told, postrider};

/// Queues of the sharded ones: one on each primary.
const SHARDS: u16 = 3;

/// A cluster, a receiver, and a worker for each shard.
struct Scene {
    workers: Vec<WorkerProcess>,
    receiver: Receiver,
    cluster: Cluster,
}

impl Scene {
    async fn start() -> Self {
        let (cluster, receiver) = (Cluster::start().await, Receiver::start().await);
        let mut scene = Self { workers: Vec::new(), receiver, cluster };
        for shard in 0..SHARDS {
            scene.add_worker(shard);
        }
        for worker in &mut scene.workers {
            worker.wait_ready().await;
        }
        scene
    }

    fn add_worker(&mut self, shard: u16) {
        let url = self.cluster.url();
        let (queue, events) = (shard_queue(shard).to_string(), format!("postrider:{{{shard}}}:events"));
        let settings = [
            ("POSTRIDER_REDIS_URL", &*url),
            ("POSTRIDER_QUEUE_NAMES", &queue),
            ("POSTRIDER_EVENTS_STREAM", &events),
            ("POSTRIDER_RETRY_SCHEDULE", "200ms"),
        ];
        self.workers.push(WorkerProcess::start(&self.cluster.nodes[0], &settings));
    }

    fn run(&self, arguments: &[&str]) -> Told {
        let url = self.cluster.url();
        let told =
            postrider(arguments, &[("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")]);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        told
    }

    async fn length(&self, key: &str) -> usize {
        let node = self.cluster.owner(key_slot(key.as_bytes()), None).await;
        let mut connection = self.cluster.connection(node).await;
        redis::cmd("XLEN").arg(key).query_async(&mut connection).await.unwrap()
    }
}

#[tokio::test]
async fn hooks_events_retries_and_notices_each_find_their_slot() {
    let scene = Scene::start().await;
    // Owners whose hooks lie in many slots, and on each node.
    for owner in 0..12 {
        let (user, url) = (format!("u{owner}"), scene.receiver.url(&format!("/fail-first/1?{owner}")));
        scene.run(&["hooks", "create", "--user", &user, "--url", &url, "--on", "note"]);
    }
    assert_eq!(scene.run(&["hooks", "list", "--json"]).stdout.lines().count(), 12);
    for owner in 0..12 {
        let user = format!("u{owner}");
        scene.run(&["event", "--shards", "3", "--user", &user, "--type", "note", "--content", "{}"]);
    }
    let gone = scene.receiver.url("/status/404");
    scene.run(&["enqueue", "--shards", "3", "--to", &gone, "--type", "note", "--content", "{}"]);
    // Each event fails once.
    scene.receiver.wait_for(25).await;
    until("the notice of the dead job is there", PATIENCE, || async {
        let length = scene.length("postrider:notices").await;
        if length >= 1 { Ok(()) } else { Err(length) }
    })
    .await;
    for shard in 0..SHARDS {
        until("the shard is settled", PATIENCE, || async {
            let left = scene.length(shard_queue(shard).as_str()).await;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_slot_that_moves_and_a_primary_that_dies_under_load_lose_nothing() {
    let mut scene = Scene::start().await;
    let options = ProducerOptions { shards: Some(SHARDS), ..replicated() };
    let mut producers = Vec::new();
    for _ in 0..2 {
        producers.push(Producer::connect_with(&scene.cluster.url(), options.clone()).await.unwrap());
    }
    let to = scene.receiver.url("/slow/10");
    let job = move |n: usize| {
        Job::to(&*to).event_type("note").content("{}").user_id(format!("u{}", n % 40)).hook_id("h")
    };
    let load = Load::start(producers, job);
    load.runs(200).await;

    let slot = key_slot(shard_queue(0).as_str().as_bytes());
    let from = scene.cluster.owner(slot, None).await;
    let to = (from + 1) % 3;
    let moving = Instant::now();
    scene.cluster.move_slot(slot, from, to).await;
    let moved = Instant::now();
    goes_on(&scene.receiver).await;
    load.runs(200).await;

    let killed = Instant::now();
    scene.cluster.nodes[to].kill9();
    scene.cluster.owner(slot, Some(to)).await;
    let promoted = Instant::now();
    goes_on(&scene.receiver).await;
    scene.cluster.nodes[to].restart().await;
    load.runs(200).await;
    assert!(load.all_arrive(&scene.receiver).await >= 600);
    only_touched_jobs_came_twice(&scene.receiver, &[(moving, moved), (killed, promoted)]);
}

#[tokio::test]
async fn a_node_that_hangs_is_left_for_the_one_that_took_its_place() {
    let mut scene = Scene::start().await;
    let queue = shard_queue(0);
    let slot = key_slot(queue.as_str().as_bytes());
    let url = scene.receiver.url("/in");
    let enqueue = ["enqueue", "--queue", queue.as_str(), "--to", &url, "--type", "note", "--content", "{}"];
    scene.run(&enqueue);
    scene.receiver.wait_for(1).await;
    let hanging = scene.cluster.owner(slot, None).await;
    scene.cluster.nodes[hanging].pause();
    scene.cluster.owner(slot, Some(hanging)).await;
    scene.run(&enqueue);
    goes_on(&scene.receiver).await;
}

#[tokio::test]
async fn a_slot_that_is_half_way_is_written_to_and_read_from_where_its_keys_are() {
    let scene = Scene::start().await;
    let queue = shard_queue(0);
    let slot = key_slot(queue.as_str().as_bytes());
    let (from, to) = (scene.cluster.owner(slot, None).await, 1);
    assert_ne!(from, to);
    let url = scene.receiver.url("/in");
    let enqueue = ["enqueue", "--queue", queue.as_str(), "--to", &url, "--type", "note", "--content", "{}"];
    scene.run(&enqueue);
    scene.receiver.wait_for(1).await;
    scene.cluster.begin_move(slot, from, to).await;
    // Its hooks share a slot with the queue, by their owner's name.
    scene.run(&["hooks", "list", "--user", "0"]);
    scene.run(&enqueue);
    scene.receiver.wait_for(2).await;
    scene.cluster.end_move(slot, from, to).await;
    let moved = Instant::now();
    until("the job is settled", PATIENCE, || async {
        let left = scene.length(queue.as_str()).await;
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    assert!(moved.elapsed() < std::time::Duration::from_secs(2), "{:?}", moved.elapsed());
    assert_eq!(scene.receiver.count(), 2, "its result was kept, and it is not sent again");
}

#[tokio::test]
async fn events_and_their_jobs_in_different_slots_are_refused_with_what_to_name() {
    let told = postrider(&["worker"], &[("POSTRIDER_REDIS_URL", "redis+cluster://127.0.0.1:1")]);
    assert_eq!(told.code, Some(2), "{told:?}");
    for word in ["events.stream", "events.queue", "postrider:{0}:deliveries", "postrider:{0}:events"] {
        assert!(told.stderr.contains(word), "{word}: {told:?}");
    }
}
