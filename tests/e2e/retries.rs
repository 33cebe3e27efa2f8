//! What operators do with waiting jobs by `postrider retries`.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

use crate::operating::postrider;

/// Waits until so many jobs wait for their second attempt.
pub(crate) async fn until_waiting(world: &World, count: usize) {
    world
        .until("they wait", PATIENCE, || async {
            let waiting = world.waiting().await.len();
            if waiting == count { Ok(()) } else { Err(waiting) }
        })
        .await;
}

#[tokio::test]
async fn promoted_jobs_are_sent_at_once_and_cancelled_ones_never() {
    let world = World::start().await;
    world.receiver.respond("/down", 503);
    let hook = |hook: &'static str| [("userId", "9u"), ("hookId", hook)];
    let kept = world.send_to("/down", &hook("a")).await;
    let ended = world.send_to("/down", &hook("b")).await;
    until_waiting(&world, 2).await;
    let rows = postrider(&world, "retries list --hook 9u/a --json").rows();
    assert_eq!(
        (rows.len(), rows[0]["id"].as_str(), rows[0]["attempts"].as_u64()),
        (1, Some(&*kept), Some(1))
    );
    postrider(&world, "retries cancel --hook b --dry-run").check(0, "would cancel 1", "");
    let cancelled = postrider(&world, "retries cancel --hook b --yes");
    assert_eq!((cancelled.code, &*cancelled.stdout), (Some(0), "cancel: 1 done, 0 stay\n"), "{cancelled:?}");
    world.receiver.respond("/down", 200);
    postrider(&world, &format!("retries promote {kept}")).check(0, "promote: 1 done, 0 stay", "");
    world.settled().await;
    let attempts = world.attempts().await;
    assert!(attempts.iter().any(|attempt| attempt["job"] == kept && attempt["outcome"] == "delivered"));
    assert!(attempts.iter().all(|attempt| attempt["job"] != ended || attempt["outcome"] == "retried"));
    postrider(&world, &format!("retries cancel {ended}")).check(1, "0 done, 1 stay", "there is no such job");
    let stats = postrider(&world, "queue stats --json").rows();
    assert_eq!(stats[0]["today"]["cancelled"], 1, "{stats:?}");
}

#[tokio::test]
async fn a_job_that_nobody_has_read_is_cancelled_too() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let id = world.send_to("/", &[("id", "mine")]).await;
    postrider(&world, "job mine").check(0, "ready", "");
    postrider(&world, "retries cancel mine").check(0, "cancel: 1 done, 0 stay", "");
    assert_eq!(world.length().await, 0, "{id}");
}
