//! A job that is added once for a key, by the command line and by any program that can call the script.

use std::process::Command;

use postrider_tests::worker_process::program;
use postrider_tests::world::World;

const SCRIPT: &str = include_str!("../../crates/postrider-store/src/scripts/enqueue_once.lua");

/// `postrider enqueue` for the receiver with this key; exit code, and what it printed.
fn enqueue(world: &World, path: &str, key: &str, once_for: &str) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    command.env_clear().env("POSTRIDER_REDIS_URL", world.redis.url());
    command.args(["enqueue", "--once-key", key, "--once-for", once_for]);
    command.args(["--to", &world.receiver.url(path), "--type", "note", "--content", "{}"]);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_repeat_on_the_command_line_adds_nothing_and_prints_the_same_id() {
    let world = World::start().await;
    let first = enqueue(&world, "/in", "order-7", "1h");
    assert_eq!(first.0, Some(0), "{first:?}");
    assert_eq!(enqueue(&world, "/in", "order-7", "1h"), first);
    assert_ne!(enqueue(&world, "/in", "order-8", "1h").1, first.1);
    assert_eq!(enqueue(&world, "/other", "order-7", "1h"), (Some(1), String::new()));
    world.settled().await;
    assert_eq!(world.receiver.requests_to("/in").len(), 2);
    assert!(world.receiver.requests_to("/other").is_empty());
}

#[tokio::test]
async fn the_script_can_be_called_by_any_program_and_the_key_ends_with_its_time() {
    let world = World::start().await;
    let key = world.key("once:order-7");
    let to = world.receiver.url("/in");
    let mut call = redis::cmd("EVAL");
    call.arg(SCRIPT).arg(2).arg(world.queue()).arg(&key).arg(60_000);
    call.arg("to").arg(&to).arg("type").arg("note").arg("content").arg("{}");
    let (first, id): (i64, String) = world.query(&call).await;
    let again: (i64, String) = world.query(&call).await;
    assert_eq!((first, again), (1, (0, id)));
    let mut left = redis::cmd("PTTL");
    left.arg(&key);
    let left: i64 = world.query(&left).await;
    assert!((1..=60_000).contains(&left), "{left}");
    // The key is gone, as it is when its time is over.
    let mut gone = redis::cmd("DEL");
    gone.arg(&key);
    assert_eq!(world.query::<i64>(&gone).await, 1);
    let (anew, _): (i64, String) = world.query(&call).await;
    assert_eq!(anew, 1);
    world.receiver.wait_for(2).await;
}
