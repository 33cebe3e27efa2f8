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
async fn deferred_jobs_come_back_as_soon_as_their_destination_has_room() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_CONCURRENCY", "8")
        .set("POSTRIDER_DELIVERY_TIMEOUT", "60s");
    let world = World::with(options).await;
    let hold = world.receiver.hold("/held");
    for _ in 0..200 {
        world.send_to("/held", &[]).await;
    }
    world
        .until("most of them wait in Redis", Duration::from_secs(20), || async {
            let waiting = world.waiting().await.len();
            if waiting >= 190 { Ok(()) } else { Err(waiting) }
        })
        .await;
    hold.release(200);
    let released = Instant::now();
    world.receiver.wait_for(200).await;
    assert!(released.elapsed() < Duration::from_secs(15), "{:?}", released.elapsed());
    world.settled().await;
    assert!(world.receiver.max_concurrent("/held") <= 2);
}

#[tokio::test]
async fn deferred_jobs_are_another_workers_at_once_when_theirs_stops() {
    let options = WorldOptions::default()
        .set("POSTRIDER_WORKER_CONCURRENCY", "8")
        .set("POSTRIDER_DELIVERY_TIMEOUT", "60s");
    let mut world = World::with(options).await;
    let hold = world.receiver.hold("/held");
    for _ in 0..60 {
        world.send_to("/held", &[]).await;
    }
    world
        .until("most of them wait in Redis", Duration::from_secs(20), || async {
            let waiting = world.waiting().await.len();
            if waiting >= 50 { Ok(()) } else { Err(waiting) }
        })
        .await;
    world.add_worker(&[("POSTRIDER_WORKER_CONCURRENCY", "256")]).wait_ready().await;
    world.workers[0].sigterm();
    let told = Instant::now();
    world.receiver.wait_for(50).await;
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    hold.release(200);
    world.settled().await;
    assert_eq!(world.receiver.count(), 60);
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
    world
        .until("it is known to be paused", Duration::from_secs(3), || async {
            let (status, cause) = world.workers[0].readyz().await;
            if status == 503 && cause.contains("paused") { Ok(()) } else { Err(format!("{status} {cause}")) }
        })
        .await;
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

#[tokio::test]
async fn connections_to_a_host_are_kept_for_all_hooks_that_share_it() {
    const HOOKS: usize = 48;
    let world = World::with(WorldOptions::default().set("POSTRIDER_WORKER_CONCURRENCY", "64")).await;
    let hold = world.receiver.hold("/held");
    for hook in 0..HOOKS {
        world.send_to("/held", &[("hookId", &hook.to_string()), ("userId", "u")]).await;
    }
    world.receiver.wait_for(HOOKS).await;
    hold.release(200);
    world.settled().await;
    let kept = world.receiver.open_connections();
    assert_eq!(kept, HOOKS, "as many requests as at that time may come again");
}
