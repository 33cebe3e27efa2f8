//! Limits per destination: one slow receiver holds up nobody else.

use std::time::{Duration, Instant};

use postrider_tests::world::{World, WorldOptions};

#[tokio::test]
async fn a_destination_never_gets_more_than_its_share_at_a_time() {
    let options = WorldOptions::default().set("POSTRIDER_WORKER_CONCURRENCY", "32");
    let world = World::with(options).await;
    for _ in 0..200 {
        world.send_to("/slow/20", &[]).await;
    }
    world.receiver.wait_for(200).await;
    world.settled().await;
    assert_eq!(world.receiver.count(), 200);
    let most = world.receiver.max_concurrent("/slow/20");
    assert!(most <= 8, "{most} at a time, a quarter of 32 are allowed");
    assert!(most >= 4, "{most} at a time: the share is not used");
}

#[tokio::test]
async fn a_flood_for_a_hanging_hook_leaves_the_others_undelayed() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_DELIVERY_TIMEOUT", "60s")).await;
    let mut pipe = redis::pipe();
    let url = world.receiver.url("/hang");
    for _ in 0..5_000 {
        pipe.cmd("XADD").arg(world.queue()).arg("*").arg("to").arg(&url).arg("type").arg("note");
        pipe.arg("content").arg("{}").arg("hookId").arg("slow").arg("userId").arg("u").ignore();
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
    let asked = Instant::now();
    for _ in 0..10 {
        world.send_to("/quick", &[("hookId", "quick"), ("userId", "u")]).await;
    }
    world
        .until("the quick ones have arrived", Duration::from_secs(2), || async {
            let arrived = world.receiver.requests_to("/quick").len();
            if arrived == 10 { Ok(()) } else { Err(arrived) }
        })
        .await;
    assert!(asked.elapsed() < Duration::from_secs(2));
    let spent = world.attempts().await.iter().filter(|attempt| attempt["hookId"] == "slow").count();
    assert_eq!(spent, 0, "a job that may not start spends no attempt");
}

#[tokio::test]
async fn a_paused_queue_sends_nothing_and_loses_nothing() {
    let world = World::start().await;
    let pause: redis::RedisResult<()> = redis::cmd("HSET")
        .arg(world.key("control"))
        .arg("paused")
        .arg(1)
        .query_async(&mut world.connection().await)
        .await;
    pause.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..5 {
        world.send_to("/paused", &[]).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((world.receiver.count(), world.length().await), (0, 5));
    let resume: redis::RedisResult<()> = redis::cmd("HDEL")
        .arg(world.key("control"))
        .arg("paused")
        .query_async(&mut world.connection().await)
        .await;
    resume.unwrap();
    world.receiver.wait_for(5).await;
    world.settled().await;
}
