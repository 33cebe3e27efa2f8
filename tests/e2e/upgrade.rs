//! An older version's workers beside this one's, on one queue: an upgrade, and the way back, cost no job. Needs the older
//! program, so these run by `scripts/upgrade-test.sh`, which builds it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::wait::PATIENCE;
use postrider_tests::worker_process::program;
use postrider_tests::world::{World, WorldOptions};

use crate::operating::postrider;

/// The lease of a killed worker comes back within seven seconds, and its job is sent again.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// Which program a worker is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Old,
    New,
}

const BOTH_WAYS: [[Age; 2]; 2] = [[Age::Old, Age::New], [Age::New, Age::Old]];

impl Age {
    fn program(self) -> PathBuf {
        match self {
            Self::New => program(),
            Self::Old => {
                std::env::var_os("POSTRIDER_OLD_BIN").map(PathBuf::from).expect("run scripts/upgrade-test.sh")
            }
        }
    }
}

/// Without workers, and with short waits.
async fn world() -> World {
    let options = WorldOptions::default().workers(0).set("POSTRIDER_RETRY_BASE", "300ms");
    World::with(options.set("POSTRIDER_WORKER_CONCURRENCY", "16")).await
}

/// Adds a ready worker; its place in the world.
async fn start(world: &mut World, age: Age) -> usize {
    world.add_worker_of(&age.program(), &[("POSTRIDER_TRACES_ENDPOINT", "http://127.0.0.1:1")]);
    let place = world.workers.len() - 1;
    world.workers[place].wait_ready().await;
    place
}

async fn stop(world: &mut World, place: usize) {
    world.workers[place].sigterm();
    let code = world.workers[place].wait_exit(PATIENCE).await;
    assert_eq!(code, Some(0), "{}", world.workers[place].log());
}

fn delivered(requests: &[Request]) -> HashSet<String> {
    requests.iter().filter_map(Request::event_id).collect()
}

const TRACED: [(&str, &str); 1] =
    [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];

#[tokio::test]
#[ignore = "needs an older program: scripts/upgrade-test.sh"]
async fn old_and_new_share_a_queue_and_send_each_job_once() {
    let mut world = world().await;
    start(&mut world, Age::Old).await;
    start(&mut world, Age::New).await;
    let mut jobs = HashSet::new();
    for number in 0..400 {
        let hook = format!("h{}", number % 20);
        jobs.insert(world.send_to("/slow/20", &[("hookId", &hook), ("userId", "u")]).await);
    }
    world.settled().await;
    let requests = world.receiver.requests();
    assert_eq!((requests.len(), delivered(&requests)), (400, jobs));
    let workers: HashSet<String> =
        world.attempts().await.into_iter().map(|attempt| attempt["worker"].clone()).collect();
    assert_eq!(workers.len(), 2, "both have sent some");
}

#[tokio::test]
#[ignore = "needs an older program: scripts/upgrade-test.sh"]
async fn a_retry_that_either_begins_the_other_finishes() {
    for [first, second] in BOTH_WAYS {
        let mut world = world().await;
        let place = start(&mut world, first).await;
        world.send_to("/fail-first/1", &TRACED).await;
        world
            .until("it waits", PATIENCE, || async {
                let waiting = world.waiting().await.len();
                if waiting == 1 { Ok(()) } else { Err(waiting) }
            })
            .await;
        stop(&mut world, place).await;
        start(&mut world, second).await;
        world.settled().await;
        let requests = world.receiver.requests();
        let attempts: Vec<_> = requests.iter().map(Request::attempt).collect();
        assert_eq!(attempts, [1, 2], "{first:?} then {second:?}");
        assert_eq!(delivered(&requests).len(), 1);
        assert!(world.dead_letters().await.is_empty());
    }
}

#[tokio::test]
#[ignore = "needs an older program: scripts/upgrade-test.sh"]
async fn dead_letters_of_either_are_replayed_and_delivered_by_the_other() {
    for [first, second] in BOTH_WAYS {
        let mut world = world().await;
        let place = start(&mut world, first).await;
        world.receiver.respond("/later", 404);
        world.send_to("/later", &TRACED).await;
        world.wait_for_dead(1).await;
        stop(&mut world, place).await;
        world.receiver.respond("/later", 200);
        start(&mut world, second).await;
        let told = postrider(&world, "dead replay --reason rejected --yes");
        assert_eq!((told.code, &*told.stdout), (Some(0), "replay: 1 done, 0 stay\n"), "{told:?}");
        world.receiver.wait_for(2).await;
        world.settled().await;
        assert!(world.dead_letters().await.is_empty(), "{first:?} then {second:?}");
        assert_eq!(delivered(&world.receiver.requests()).len(), 1);
    }
}

#[tokio::test]
#[ignore = "needs an older program: scripts/upgrade-test.sh"]
async fn jobs_of_either_that_is_killed_are_taken_over_by_the_other() {
    for [killed, heir] in BOTH_WAYS {
        let mut world = world().await;
        let place = start(&mut world, killed).await;
        let hold = world.receiver.hold("/held");
        let mut jobs = HashSet::new();
        for number in 0..8 {
            jobs.insert(world.send_to("/held", &[("hookId", &format!("h{number}")), ("userId", "u")]).await);
        }
        world.receiver.wait_for(8).await;
        start(&mut world, heir).await;
        world.workers[place].kill9();
        world
            .until("all are sent again", TAKEN_OVER, || async {
                let sent = world.receiver.count();
                if sent == 16 { Ok(()) } else { Err(sent) }
            })
            .await;
        hold.release(200);
        world.settled().await;
        let requests = world.receiver.requests();
        assert_eq!(delivered(&requests), jobs, "{killed:?} then {heir:?}");
        assert!(requests.iter().all(|request| request.attempt() == 1), "a crash is not an attempt");
    }
}

#[tokio::test]
#[ignore = "needs an older program: scripts/upgrade-test.sh"]
async fn a_rolling_upgrade_and_the_way_back_under_load_lose_nothing_and_send_nothing_twice() {
    let mut world = world().await;
    let mut running = start(&mut world, Age::Old).await;
    let mut jobs = HashSet::new();
    for age in [Age::New, Age::Old, Age::New] {
        let next = start(&mut world, age).await;
        for number in 0..150 {
            let hook = format!("h{}", number % 20);
            let path = if number % 3 == 0 { "/fail-first/1" } else { "/slow/10" };
            let more = [("hookId", &*hook), ("userId", "u"), TRACED[0]];
            jobs.insert(world.send_to(path, &more).await);
        }
        stop(&mut world, running).await;
        running = next;
    }
    world.settled().await;
    let requests = world.receiver.requests();
    assert_eq!(delivered(&requests), jobs);
    assert_eq!(requests.len(), 3 * 150 + 3 * 50, "each once, and once more where it failed");
    assert!(world.dead_letters().await.is_empty());
}
