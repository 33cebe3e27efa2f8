//! What operators see of attempts and of a job's life by `postrider tail` and `postrider job`.

use postrider_tests::wait::PATIENCE;
use postrider_tests::world::{World, WorldOptions};

use crate::operating::postrider;

#[tokio::test]
async fn the_life_of_a_job_tells_each_attempt_and_what_comes_next() {
    let world = World::start().await;
    world.receiver.respond("/down", 503);
    let id = world.send_to("/down", &[("secret", "canary-4711")]).await;
    world
        .until("it waits", PATIENCE, || async {
            if world.waiting().await.len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
    let told = postrider(&world, &format!("job {id}"));
    told.check(0, "waiting", "");
    for words in ["attempt 1  ", "retried  503", "attempt 2 of 12 at "] {
        assert!(told.stdout.contains(words), "{words}: {told:?}");
    }
    let rows = postrider(&world, &format!("job {id} --json")).rows();
    assert_eq!(
        (rows[0]["state"].as_str(), rows[0]["attempts"][0]["status"].as_u64()),
        (Some("waiting"), Some(503))
    );
    world.receiver.respond("/down", 200);
    postrider(&world, &format!("retries promote {id}")).check(0, "1 done", "");
    world.settled().await;
    postrider(&world, &format!("job {id}")).check(0, "done", "");
    postrider(&world, "job nobody").check(1, "", "no job nobody in postrider:deliveries");
}

#[tokio::test]
async fn attempts_are_found_by_outcome_status_job_and_hook() {
    let world = World::start().await;
    world.receiver.respond("/gone", 410);
    let dead = world.send_to("/gone", &[("userId", "9u"), ("hookId", "9abc")]).await;
    let fine = world.send_to("/fine", &[]).await;
    world.wait_for_dead(1).await;
    world.settled().await;
    let found = |line: &str| -> Vec<String> {
        let rows = postrider(&world, &format!("tail --once --json {line}")).rows();
        rows.iter().map(|row| row["job"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("--outcome dead"), [&*dead]);
    assert_eq!(found("--status 410"), [&*dead]);
    assert_eq!(found("--hook 9u/9abc"), [&*dead]);
    assert_eq!(found(&format!("--job {fine}")), [&*fine]);
    let origin = world.receiver.url("");
    assert_eq!(found(&format!("--destination {origin} --since 1h")).len(), 2);
    assert!(found("--until 1h").is_empty());
}

#[tokio::test]
async fn what_a_job_carries_is_printed_byte_for_byte_and_only_when_it_is_asked_for() {
    let world = World::with(WorldOptions::default().workers(0)).await;
    let (content, to) = (r#"{"b": 1,  "a":"canary"}"#, world.receiver.url("/canary"));
    let fields = [("to", &*to), ("type", "note"), ("content", content), ("id", "mine"), ("userId", "9u")];
    world.enqueue(&[&fields[..], &[("hookId", "9abc"), ("secret", "canary")]].concat()).await;
    let told = postrider(&world, "job mine --content");
    assert_eq!((told.code, &*told.stdout), (Some(0), content), "{told:?}");
    for line in ["job mine", "job mine --json"] {
        let told = postrider(&world, line);
        assert!(told.code == Some(0) && !told.stdout.contains("canary"), "{told:?}");
        for words in ["note", "9abc", &*world.receiver.url("")] {
            assert!(told.stdout.contains(words), "{words}: {told:?}");
        }
    }
    postrider(&world, "job nobody --content").check(1, "", "no job nobody");
}

#[tokio::test]
async fn a_job_tells_how_often_it_was_lost_with_its_worker() {
    let mut world = World::start().await;
    let _hold = world.receiver.hold("/hangs");
    let id = world.send_to("/hangs", &[]).await;
    world.receiver.wait_for(1).await;
    world.workers[0].kill9();
    world.add_worker(&[]).wait_ready().await;
    world.receiver.wait_for(2).await;
    postrider(&world, &format!("job {id}")).check(0, "; was lost with its worker once", "");
}
