//! Adding to shards on a real Redis: each job where its owner's are, results in order.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use postrider_core::shard::{shard_events, shard_of, shard_queue};
use postrider_producer::{AddError, Event, Job, Producer, ProducerOptions};
use postrider_tests::world::{World, WorldOptions};

const SHARDS: u16 = 5;

async fn producer(world: &World) -> Producer {
    Producer::connect_with(&world.redis.url(), ProducerOptions::default().shards(SHARDS)).await.unwrap()
}

fn job(n: usize) -> Job {
    let job = Job::to("https://hooks.example/in").event_type("note").content("{}");
    let job = job.id(format!("j{n}")).hook_id("h").user_id(format!("u{}", n % 37));
    if n == 700 { job.content("{") } else { job }
}

#[tokio::test]
async fn thousands_are_spread_by_their_owners_and_each_has_its_result() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let results = producer(&world).await.add_all((0..1700).map(job)).await;
    assert_eq!(results.len(), 1700);
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(added) => {
                let shard = shard_of(format!("u{}", n % 37).as_bytes(), b"", b"", SHARDS);
                assert_eq!((&*added.id, &added.queue), (&*format!("j{n}"), &shard_queue(shard)));
            }
            Err(AddError::Invalid(_)) => assert_eq!(n, 700),
            Err(error) => panic!("{error}"),
        }
    }
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        let entries = world.entries(shard_queue(shard).as_str()).await;
        assert!(!entries.is_empty(), "shard {shard} has none");
        found.extend(entries.into_iter().map(|(id, _)| (shard, id)));
    }
    let told = results.iter().flatten().map(|added| (added.queue.clone(), added.entry.to_string()));
    let mut told: Vec<_> = told.collect();
    let mut found: Vec<_> = found.into_iter().map(|(shard, id)| (shard_queue(shard), id)).collect();
    let key = |(queue, id): &(postrider_producer::QueueName, String)| (queue.to_string(), id.clone());
    told.sort_by_key(key);
    found.sort_by_key(key);
    assert_eq!(told, found);
}

#[tokio::test]
async fn an_event_is_added_to_the_shard_of_its_owner() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let added = producer(&world).await.add_event(&Event::new("9u", "note").content("{}")).await.unwrap();
    let stream = shard_events(shard_of(b"9u", b"", b"", SHARDS));
    assert_eq!(added.stream, stream);
    assert_eq!(world.entries(stream.as_str()).await.len(), 1);
}
