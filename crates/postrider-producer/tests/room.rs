//! Whether there is room on a real Redis: how many jobs are ahead, and what a full memory does.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use postrider_producer::{Job, Producer, ProducerOptions};
use postrider_tests::world::{World, WorldOptions};

fn job(user: usize) -> Job {
    Job::to("https://hooks.example/in").event_type("note").content("{}").user_id(format!("u{user}"))
}

async fn world() -> World {
    World::with(WorldOptions::default().workers(0)).await
}

#[tokio::test]
async fn jobs_ahead_are_counted_in_the_queue_of_the_job() {
    let world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    assert_eq!(producer.ahead_of(&[job(1)]).await.unwrap(), 0);
    producer.add_all((0..7).map(job)).await;
    assert_eq!(producer.ahead_of(&[job(1)]).await.unwrap(), 7);
    assert_eq!(producer.ahead_of(&[]).await.unwrap(), 0);
}

#[tokio::test]
async fn of_several_shards_the_fullest_counts() {
    let world = world().await;
    let options = ProducerOptions::default().shards(4);
    let producer = Producer::connect_with(&world.redis.url(), options).await.unwrap();
    let (one, all): (Vec<Job>, Vec<Job>) = ((0..9).map(|_| job(1)).collect(), (0..40).map(job).collect());
    let added = producer.add_all(&one).await;
    assert_eq!(producer.ahead_of(&all).await.unwrap(), 9);
    let queue = added[0].as_ref().unwrap().queue.clone();
    let other = (2..40).find(|user| {
        let shard = postrider_producer::shard_of(format!("u{user}").as_bytes(), b"", b"", 4);
        !queue.to_string().contains(&format!("{{{shard}}}"))
    });
    assert_eq!(producer.ahead_of(&[job(other.unwrap())]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_memory_refuses_a_job_for_now_and_not_for_good() {
    let world = world().await;
    let producer = Producer::connect(&world.redis.url()).await.unwrap();
    let limit = async |bytes: u64| {
        let () = world.query(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes)).await;
    };
    limit(1).await;
    let refused = producer.add(&job(1)).await.unwrap_err();
    assert!(refused.is_full() && !refused.is_connection(), "{refused:?}");
    limit(0).await;
    producer.add(&job(1)).await.unwrap();
    assert_eq!(world.length().await, 1);
    let unsound = producer.add(&job(1).content("{")).await.unwrap_err();
    assert!(!unsound.is_full(), "{unsound:?}");
}
