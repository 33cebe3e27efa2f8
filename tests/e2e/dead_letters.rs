//! What operators do with dead letters by `postrider dead`.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use postrider_tests::wait::PATIENCE;
use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};
use redis::streams::StreamRangeReply;

use crate::operating::postrider;

/// Letters that are replayed in one call.
const MANY: usize = 100_000;

/// Adds so many letters as workers write them, a millisecond between a hundred each.
pub(crate) async fn add_letters(world: &World, count: usize) {
    let mut connection = world.connection().await;
    for from in (0..count).step_by(5_000) {
        let mut pipe = redis::pipe();
        for n in from..count.min(from + 5_000) {
            let entry = format!("{}-{}", 1_764_324_000_000_u64 + n as u64 / 100, n % 100 + 1);
            pipe.cmd("XADD").arg(world.key("dead")).arg(entry).arg("to").arg("https://hooks.example/in");
            pipe.arg("type").arg("note").arg("content").arg("{}").arg("id").arg(format!("job-{n}"));
            pipe.arg("_id").arg(format!("job-{n}")).arg("_reason").arg("exhausted").ignore();
        }
        pipe.query_async::<()>(&mut connection).await.unwrap();
    }
}

/// Ids of all jobs in the stream.
pub(crate) async fn ready_ids(world: &World) -> Vec<String> {
    let command = redis::cmd("XRANGE").arg(world.queue()).arg("-").arg("+").clone();
    let all: StreamRangeReply = world.query(&command).await;
    all.ids.iter().map(|entry| entry.get("id").unwrap()).collect()
}

#[tokio::test]
async fn a_hundred_thousand_letters_are_replayed_once_each_though_the_call_is_killed() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    add_letters(&world, MANY).await;
    let line = "dead replay --since 1764324000000 --until 1764324005000 --yes";
    let mut command = Command::new(program());
    command.args(line.split(' ')).env_clear().env("POSTRIDER_REDIS_URL", world.redis.url());
    let mut call = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(call.stderr.take().unwrap()).read_line(&mut first).unwrap();
    let operation = first.split(['`', ' ']).find(|word| word.contains('-') && word.len() > 20).unwrap();
    let operation = operation.trim_end_matches(';').to_owned();
    world
        .until("some are replayed", PATIENCE, || async {
            let moved = world.length().await;
            if moved > 5_000 { Ok(()) } else { Err(moved) }
        })
        .await;
    call.kill().unwrap();
    call.wait().unwrap();
    let moved = world.length().await;
    assert!(moved < MANY, "it was killed half-way");
    let resumed = postrider(&world, &format!("dead replay --resume {operation} --json"));
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let row: serde_json::Value = serde_json::from_str(&resumed.stdout).unwrap();
    assert_eq!((row["state"].as_str(), row["done"].as_u64()), (Some("finished"), Some(MANY as u64)), "{row}");
    let ids = ready_ids(&world).await;
    let distinct: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (MANY, MANY));
    assert!(world.dead_letters().await.is_empty());
    let again = postrider(&world, &format!("dead replay --resume {operation} --json"));
    assert_eq!((again.code, world.length().await), (Some(0), MANY), "{again:?}");
}

#[tokio::test]
async fn a_replayed_job_is_sent_with_its_ids_and_from_attempt_one() {
    let world = World::start().await;
    world.receiver.respond("/gone", 410);
    let id = world.send_to("/gone", &[("userId", "9u"), ("hookId", "9abc"), ("secret", "canary-4711")]).await;
    world.wait_for_dead(1).await;
    let first = world.receiver.requests_to("/gone").remove(0);
    let listed = postrider(&world, "dead list --hook 9u/9abc --json");
    listed.check(0, r#""reason":"gone""#, "");
    assert!(!listed.stdout.contains("/gone\""), "no more of a URL than its origin: {listed:?}");
    postrider(&world, &format!("dead show {id}")).check(0, "contentBytes", "");
    let groups = postrider(&world, "dead list --by reason --json").rows();
    assert_eq!((groups[0]["reason"].as_str(), groups[0]["count"].as_u64()), (Some("gone"), Some(1)));
    postrider(&world, "dead replay --reason gone --dry-run").check(0, "would replay 1", "");
    world.receiver.respond("/gone", 200);
    postrider(&world, &format!("dead replay {id}")).check(0, "replay: 1 done, 0 stay", "");
    let again = world
        .until("it is sent again", PATIENCE, || async {
            world.receiver.requests_to("/gone").into_iter().nth(1).ok_or("not yet")
        })
        .await;
    assert_eq!(again.body, first.body, "ids and time are the same");
    assert_eq!(again.attempt(), 1);
    world.settled().await;
    assert!(postrider(&world, "dead list --by reason --json").rows().is_empty());
}

#[tokio::test]
async fn everything_is_meant_only_by_all_and_what_is_not_there_is_said() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    add_letters(&world, 3).await;
    postrider(&world, "dead purge --yes").check(2, "", "--all to purge everything");
    postrider(&world, "dead replay nobody").check(1, "replay: 0 done, 1 stay", "no dead letter of this job");
    postrider(&world, "dead show nobody").check(1, "", "no dead letter of job nobody");
    let purged = postrider(&world, "dead purge --all --yes");
    assert_eq!((purged.code, &*purged.stdout), (Some(0), "purge: 3 done, 0 stay\n"), "{purged:?}");
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(world.length().await, 0);
}

#[tokio::test]
async fn letters_that_are_too_old_are_removed() {
    let world = World::with(WorldOptions::default().set("POSTRIDER_DEAD_MAX_AGE", "1s")).await;
    add_letters(&world, 1_200).await;
    world
        .until("all are removed", PATIENCE, || async {
            let left = world.dead_letters().await.len();
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
}
