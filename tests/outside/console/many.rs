//! A million of each, without the hours that it takes to come about: copies of what a worker has put away.

use std::time::Duration;

use postrider_tests::world::World;

/// Waiting jobs, and dead letters.
const COUNT: u64 = 1_000_000;

/// Copies that are made in one call: none holds Redis up for long.
const STEP: u64 = 2_000;

/// Records of attempts, as many as are kept by default.
const ATTEMPTS: u64 = 100_000;

/// Long after any run: the year 2096.
const NOT_SOON: &str = "4000000000000";

/// Until the worker has put away one of each.
const PATIENCE: Duration = Duration::from_secs(20);

const KEEP: &str = include_str!("../../../crates/postrider-bench/src/scene/keep.lua");

/// Fills the queue: jobs `w1`, …, letters `d1`, …, and the log, all of hook `h` of user `u`.
pub(super) async fn keep(world: &World) {
    for more in [
        [("id", "w0"), ("notBefore", NOT_SOON)],
        [("id", "d0"), ("expiresAt", "1")],
        [("id", "done"), ("x", "")],
    ] {
        let to = world.receiver.url("/fine");
        let plain = [("to", &*to), ("type", "note"), ("content", "{}"), ("userId", "u"), ("hookId", "h")];
        world.enqueue(&[&plain[..], &more[..]].concat()).await;
    }
    world.wait_for_dead(1).await;
    world
        .until("one of each is put away", PATIENCE, || async {
            let kept = (world.waiting().await.len(), world.attempts().await.len());
            if kept == (1, 1) { Ok(()) } else { Err(format!("{kept:?}")) }
        })
        .await;
    let keys =
        ["retry", "retry:jobs", "dead", "dead:counts", "dead:ids", "attempts"].map(|name| world.key(name));
    let mut connection = world.connection().await;
    for first in (1..COUNT).step_by(STEP as usize) {
        let last = (first + STEP - 1).min(COUNT - 1);
        let mut copy = redis::cmd("EVAL");
        copy.arg(KEEP).arg(keys.len()).arg(&keys).arg(first).arg(last).arg(ATTEMPTS);
        let () = copy.query_async(&mut connection).await.expect("what is kept can be copied");
    }
}
