//! The active switch: sending stops for jobs and retries already queued, and held jobs resume gently.

use std::time::{Duration, Instant};

use postrider_tests::world::{World, WorldOptions};

async fn switch(world: &World, hook: &str, active: bool) {
    let url = world.receiver.url(&format!("/{hook}"));
    let record = format!(
        r#"{{"id":"{hook}","userId":"u","name":"n","on":["note"],"url":"{url}","secret":"s","active":{active}}}"#
    );
    world.register("u", hook, record.as_bytes()).await;
}

async fn enqueue(world: &World, hook: &str) {
    world.enqueue(&[("hookId", hook), ("userId", "u"), ("type", "note"), ("content", "{}")]).await;
}

#[tokio::test]
async fn a_hook_switched_off_between_attempts_gets_nothing_more_from_a_second_on() {
    let options = WorldOptions::default().workers(3).set("POSTRIDER_RETRY_SCHEDULE", "200ms");
    let world = World::with(options.set("POSTRIDER_RETRY_MAX_ATTEMPTS", "100")).await;
    switch(&world, "h", true).await;
    world.receiver.respond("/h", 503);
    for _ in 0..30 {
        enqueue(&world, "h").await;
    }
    world.receiver.wait_for(60).await;
    switch(&world, "h", false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = world.receiver.count();
    world.settled().await;
    assert_eq!(world.receiver.count(), before, "requests came after the switch had been off for a second");
    assert!(world.dead_letters().await.is_empty(), "dropped jobs end without a dead letter");
}

#[tokio::test]
async fn held_jobs_wait_for_the_switch_and_resume_oldest_first() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold")).await;
    switch(&world, "h", false).await;
    for created_at in [30, 10, 20] {
        let created_at = created_at.to_string();
        let job = [
            ("hookId", "h"),
            ("userId", "u"),
            ("type", "note"),
            ("content", "{}"),
            ("createdAt", &created_at),
        ];
        world.enqueue(&job).await;
    }
    world
        .until("all three are held", Duration::from_secs(10), || async {
            let held: usize = world.query(redis::cmd("ZCARD").arg(world.key("held:u/h"))).await;
            if held == 3 { Ok(()) } else { Err(held) }
        })
        .await;
    assert!(world.waiting().await.iter().all(|(_, score)| *score == 253_402_300_799_999.0));
    assert_eq!(world.receiver.count(), 0);
    switch(&world, "h", true).await;
    let on = Instant::now();
    let requests = world.receiver.wait_for(3).await;
    assert!(on.elapsed() < Duration::from_secs(4), "{:?}", on.elapsed());
    let mut ages: Vec<u64> =
        requests.iter().map(|request| request.json()["createdAt"].as_u64().unwrap()).collect();
    // They are started in order; three at once may overtake each other on the way.
    ages.sort_unstable();
    assert_eq!(ages, [10, 20, 30]);
    assert!(requests.iter().all(|request| request.attempt() == 1));
    world.settled().await;
}

#[tokio::test]
async fn a_held_job_ends_when_it_expires() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold")).await;
    switch(&world, "h", false).await;
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
        + Duration::from_millis(1500);
    let soon = soon.as_millis().to_string();
    let job =
        [("hookId", "h"), ("userId", "u"), ("type", "note"), ("content", "{}"), ("expiresAt", soon.as_str())];
    world.enqueue(&job).await;
    let letter = world.wait_for_dead(1).await.remove(0);
    assert_eq!(letter[&b"_reason"[..]], b"expired");
    world.settled().await;
    let left: Vec<String> = world.query(redis::cmd("KEYS").arg("*held*")).await;
    assert!(left.iter().all(|key| key == &world.key("held")), "{left:?}");
}

#[tokio::test]
async fn many_held_jobs_resume_without_slowing_another_hook() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_HOOKS_WHEN_INACTIVE", "hold")).await;
    switch(&world, "many", false).await;
    switch(&world, "other", true).await;
    const HELD: usize = 4_000;
    let mut pipe = redis::pipe();
    for _ in 0..HELD {
        pipe.cmd("XADD").arg(world.queue()).arg("*").arg("hookId").arg("many").arg("userId").arg("u");
        pipe.arg("type").arg("note").arg("content").arg("{}").ignore();
    }
    pipe.query_async::<()>(&mut world.connection().await).await.unwrap();
    world
        .until("all are held", Duration::from_secs(30), || async {
            let held = world.waiting().await.len();
            if held == HELD { Ok(()) } else { Err(held) }
        })
        .await;
    switch(&world, "many", true).await;
    world
        .until("they have begun to go", Duration::from_secs(5), || async {
            let gone = world.receiver.requests_to("/many").len();
            if gone > 0 { Ok(()) } else { Err(gone) }
        })
        .await;
    for number in 1..=10 {
        let asked = Instant::now();
        enqueue(&world, "other").await;
        world
            .until("the other hook has its job", Duration::from_secs(5), || async {
                let arrived = world.receiver.requests_to("/other").len();
                if arrived == number { Ok(()) } else { Err(arrived) }
            })
            .await;
        assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/many").len(), HELD);
}
