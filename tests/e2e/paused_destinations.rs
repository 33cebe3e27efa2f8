//! A destination that an operator has paused gets nothing; its jobs wait, and are sent once it is resumed.

use std::time::{SystemTime, UNIX_EPOCH};

use postrider_tests::trouble::{add_for_hook as add, told, until_arrived};
use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

use crate::operating::postrider;
use crate::retries::until_waiting;

async fn pause(world: &World, name: &str) {
    postrider(world, &format!("destinations pause {name}"));
    world
        .until("the workers know of the pause", PATIENCE, || async {
            let told = told(world, name).await;
            if told["paused"] == true { Ok(()) } else { Err(told) }
        })
        .await;
}

#[tokio::test]
async fn a_paused_destination_gets_nothing_and_once_it_is_resumed_all_that_came_meanwhile() {
    let world = World::start().await;
    pause(&world, "u/h").await;
    add(&world, "/paused", "h", 50).await;
    add(&world, "/fine", "fine", 20).await;
    until_arrived(&world, "/fine", 20).await;
    until_waiting(&world, 50).await;
    assert!(world.receiver.requests_to("/paused").is_empty(), "a request was sent to a paused destination");
    let listed = postrider(&world, "destinations list");
    let row = listed.stdout.lines().nth(1).unwrap_or_default();
    assert!(row.starts_with("u/h") && row.contains("paused"), "{listed:?}");
    postrider(&world, "destinations resume u/h").check(0, "u/h gets its jobs again", "");
    until_arrived(&world, "/paused", 50).await;
    world.settled().await;
    let requests = world.receiver.requests_to("/paused");
    assert_eq!(requests.len(), 50, "each job is sent once");
    assert!(requests.iter().all(|request| request.header("postrider-attempt") == Some("1")));
}

#[tokio::test]
async fn a_worker_that_starts_later_keeps_to_the_pause() {
    let mut world = World::with(WorldOptions::default().workers(0)).await;
    let said = "no worker tells of u/h so far";
    postrider(&world, "destinations pause u/h").check(0, "u/h is paused", said);
    postrider(&world, "destinations pause u/h").check(0, "u/h was paused already", said);
    add(&world, "/paused", "h", 5).await;
    world.add_worker(&[]);
    until_waiting(&world, 5).await;
    assert_eq!(world.receiver.count(), 0);
    postrider(&world, "destinations resume u/h").check(0, "u/h gets its jobs again", "");
    postrider(&world, "destinations resume u/h").check(0, "u/h was not paused", "");
    until_arrived(&world, "/paused", 5).await;
}

#[tokio::test]
async fn a_job_whose_time_ends_during_a_pause_dies_without_a_request() {
    let world = World::start().await;
    let url = world.receiver.url("/paused");
    pause(&world, "u/h").await;
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + 1500;
    let job = [
        ("to", &*url),
        ("type", "note"),
        ("content", "{}"),
        ("userId", "u"),
        ("hookId", "h"),
        ("expiresAt", &soon.to_string()),
    ];
    world.enqueue(&job).await;
    let dead = world.wait_for_dead(1).await;
    assert_eq!(dead[0][&b"_reason"[..]], b"expired");
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test]
async fn no_more_than_a_thousand_are_paused_at_a_time() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let mut all = redis::cmd("HSET");
    all.arg(world.key("destinations:paused"));
    for n in 0..1000 {
        all.arg(format!("u/{n}")).arg(1);
    }
    let () = world.query(&all).await;
    postrider(&world, "destinations pause u/more").check(1, "", "1000 destinations are paused already");
    postrider(&world, "destinations pause u/7").check(0, "u/7 was paused already", "no worker tells of");
}
