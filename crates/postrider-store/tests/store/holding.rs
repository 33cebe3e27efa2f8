use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use postrider_store::held::Released;
use postrider_store::settlement::{Destination, HookName, Settled};

use crate::bench_of_one::Bench;

const PAUSE: Duration = Duration::from_millis(20);

fn hook() -> HookName {
    HookName::new("u/with slash".replace(' ', "-").as_str(), "h")
}

fn held(age: u64, expires_at: Option<u64>) -> Destination {
    Destination::Held {
        hook: hook(),
        expires_at: expires_at.map(Timestamp::from_millis),
        age: Timestamp::from_millis(age),
        state: JobState { attempts: 2, ..JobState::default() },
    }
}

/// Holds jobs of these ages, named by them.
async fn hold(bench: &mut Bench, ages: &[u64]) {
    for age in ages {
        let id = bench.leased("a").await;
        assert_eq!(bench.settle("a", id, &format!("j{age}"), held(*age, None)).await, Settled::Applied);
    }
}

async fn release(bench: &mut Bench, most: usize) -> Released {
    let queue = bench.worker("a");
    queue.release(&mut bench.link, &hook(), most, PAUSE).await.unwrap()
}

#[tokio::test]
async fn held_jobs_go_in_slices_oldest_first_and_leave_nothing_behind() {
    let mut bench = Bench::start().await;
    hold(&mut bench, &[30, 10, 20]).await;
    assert_eq!(bench.counts().await, [0, 0, 3, 0]);
    assert_eq!(bench.ask::<u64>(&["ZSCORE", "{q}:retry", "j30"]).await, Timestamp::MAX.as_millis());
    assert_eq!(release(&mut bench, 2).await, Released { jobs: 2, left: 1 });
    assert_eq!(release(&mut bench, 2).await, Released { jobs: 1, left: 0 });
    assert_eq!(bench.counts().await, [3, 0, 0, 0]);
    let keys: Vec<String> = bench.ask(&["KEYS", "{q}:held*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
    let back = bench.read("b", 10).await;
    let state = |at: usize| JobState::parse(&back[at].fields.as_ref().unwrap().last().unwrap().1).unwrap();
    assert!(state(0).attempts == 2 && state(0).due.unwrap() < Timestamp::MAX);
}

#[tokio::test]
async fn one_worker_at_a_time_looks_at_a_hook() {
    let mut bench = Bench::start().await;
    hold(&mut bench, &[1]).await;
    let queue = bench.worker("a");
    let pause = Duration::from_millis(300);
    assert_eq!(queue.held_hooks(&mut bench.link, 10, pause).await.unwrap(), [hook()]);
    assert!(queue.held_hooks(&mut bench.link, 10, pause).await.unwrap().is_empty());
    assert_eq!(hook().parts(), ("u/with-slash", "h"));
}

#[tokio::test]
async fn a_held_job_that_expires_leaves_the_list_of_its_hook_too() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    bench.settle("a", id, "j", held(1, Some(1000))).await;
    let queue = bench.worker("a");
    assert_eq!(queue.promote(&mut bench.link).await.unwrap().promoted, 1);
    assert_eq!(release(&mut bench, 10).await, Released { jobs: 0, left: 0 });
    assert_eq!(bench.counts().await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_late_success_ends_a_held_job_and_a_second_job_of_its_id_is_a_duplicate() {
    let mut bench = Bench::start().await;
    let first = bench.leased("a").await;
    bench.settle("a", first, "j", held(1, None)).await;
    let second = bench.leased("a").await;
    assert_eq!(bench.settle("a", second, "j", held(1, None)).await, Settled::Duplicate);
    let other = EntryId { sequence: first.sequence + 1, ..first };
    assert_eq!(bench.settle("a", other, "j", Destination::Done).await, Settled::Gone);
    assert_eq!(bench.settle("a", first, "j", Destination::Done).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 0, 1]);
    assert_eq!(release(&mut bench, 10).await, Released { jobs: 0, left: 0 });
}

#[tokio::test]
async fn a_job_that_cannot_be_listed_by_its_hook_is_not_held() {
    let mut bench = Bench::start().await;
    bench.ask::<String>(&["SET", "{q}:held", "not a set"]).await;
    let id = bench.leased("a").await;
    assert!(matches!(bench.settle("a", id, "j", held(1, None)).await, Settled::Failed(_)));
    assert_eq!(bench.counts().await, [1, 1, 0, 0]);
    bench.ask::<usize>(&["DEL", "{q}:held"]).await;
    assert_eq!(bench.settle("a", id, "j", held(1, None)).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 1, 0]);
}
