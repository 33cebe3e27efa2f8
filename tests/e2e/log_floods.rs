//! A fault that hits a thousand jobs is a few lines in the log, and none of the thousand is left out of their count.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};
use serde_json::Value;

/// The lines of this message, as the JSON that they are.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let parsed = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    parsed.filter(|line| line["message"] == message).collect()
}

#[tokio::test]
async fn a_thousand_dead_jobs_are_two_lines_that_count_them_all() {
    let mut world = World::with(WorldOptions::default().set("POSTRIDER_LOG_LEVEL", "info")).await;
    for _ in 0..1000 {
        world.send_to("/status/404", &[]).await;
    }
    world.wait_for_dead(1000).await;
    world.workers[0].sigterm();
    world.workers[0].wait_exit(PATIENCE).await;
    let log = world.workers[0].log();
    let lines = lines(&log, "job dead");
    let more: Vec<_> = lines.iter().map(|line| line["more"].as_u64()).collect();
    assert_eq!(more, [Some(0), Some(999)], "{log}");
    assert_eq!((&lines[0]["reason"], &lines[1]["reason"]), (&Value::from("rejected"), &Value::Null));
}

#[tokio::test]
async fn a_redis_that_is_gone_is_told_once_however_often_it_is_asked() {
    let options =
        WorldOptions::default().set("POSTRIDER_LOG_LEVEL", "info").set("POSTRIDER_EVENTS_STREAM", "");
    let mut world = World::with(options).await;
    world.redis.kill9();
    world.workers[0].wait_metric("postrider_redis_errors_total", &[], 20.0).await;
    let log = world.workers[0].log();
    assert_eq!(lines(&log, "Redis failed; trying again").len(), 1, "{log}");
}
