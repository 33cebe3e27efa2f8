use std::time::Duration;

use postrider_core::time::Timestamp;
use postrider_store::control::{Change, is_known, is_paused, pause, resume};
use postrider_store::figures::{Counts, Figures};
use postrider_store::presence::beat;
use postrider_store::settlement::Destination;

use crate::bench_of_one::{Bench, retry};

const DEAD_AFTER: Duration = Duration::from_secs(5);

async fn figures(bench: &mut Bench) -> Figures {
    let queue = bench.worker("");
    queue.figures(&mut bench.link, DEAD_AFTER).await.unwrap()
}

#[tokio::test]
async fn an_empty_queue_has_figures_too() {
    let mut bench = Bench::start().await;
    let seen = figures(&mut bench).await;
    assert_eq!((seen.held, seen.living_workers, seen.next_due, seen.paused), (0, 0, None, false));
    assert!(seen.this_hour.is_empty() && seen.today.is_empty());
}

#[tokio::test]
async fn held_jobs_are_counted_over_more_hooks_than_a_page_holds() {
    let mut bench = Bench::start().await;
    for hook in 0..1_001 {
        let (hook, jobs) = (format!("u/{hook}"), format!("{{q}}:held:u/{hook}"));
        bench.ask::<usize>(&["ZADD", "{q}:held", "0", &hook]).await;
        bench.ask::<usize>(&["ZADD", &jobs, "1", "a", "2", "b"]).await;
    }
    assert_eq!(figures(&mut bench).await.held, 2_002);
}

#[tokio::test]
async fn what_never_falls_due_is_not_the_next_due_job() {
    let mut bench = Bench::start().await;
    let never = Timestamp::MAX.to_string();
    bench.ask::<usize>(&["ZADD", "{q}:retry", &never, "held"]).await;
    assert_eq!(figures(&mut bench).await.next_due, None);
    let id = bench.leased("a").await;
    bench.settle("a", id, "j", retry(Duration::from_secs(60))).await;
    let seen = figures(&mut bench).await;
    let wait = seen.next_due.unwrap().since(seen.now);
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
}

#[tokio::test]
async fn a_worker_that_is_silent_for_too_long_is_not_living() {
    let mut bench = Bench::start().await;
    let keys = bench.worker("a").keys().clone();
    beat(&mut bench.link, &keys, "a", "{}").await.unwrap();
    bench.ask::<usize>(&["ZADD", "{q}:workers:seen", "1000", "lost"]).await;
    let seen = figures(&mut bench).await;
    assert_eq!((seen.sample.workers, seen.living_workers), (2, 1));
}

#[tokio::test]
async fn settlements_are_counted_by_hour_and_day() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    bench.settle("a", id, "j", Destination::Done).await;
    let now = figures(&mut bench).await.now;
    let hour = now.as_millis() / 3_600_000;
    let yesterday = format!("{{q}}:stats:{}", hour - hour % 24 - 1);
    bench.ask::<usize>(&["HSET", &yesterday, "59:delivered", "1000"]).await;
    let midnight = format!("{{q}}:stats:{}", hour - hour % 24);
    bench.ask::<usize>(&["HSET", &midnight, "odd:dead", "7"]).await;
    let seen = figures(&mut bench).await;
    let count = |counts: Counts, of: &str| counts.iter().find(|(outcome, _)| *outcome == of).unwrap().1;
    assert_eq!((count(seen.today, "delivered"), count(seen.today, "dead")), (1, 7));
    assert_eq!(count(seen.this_hour, "delivered"), 1);
}

#[tokio::test]
async fn a_switch_that_is_set_already_is_left_as_it_is() {
    let mut bench = Bench::start().await;
    let keys = bench.worker("a").keys().clone();
    let link = &mut bench.link;
    assert_eq!(resume(link, &keys).await.unwrap(), Change::Needless);
    for expected in [Change::Made, Change::Needless] {
        assert_eq!(pause(link, &keys).await.unwrap(), expected);
        assert!(is_paused(link, &keys).await.unwrap());
    }
    assert!(beat(link, &keys, "a", "{}").await.unwrap().paused);
    for expected in [Change::Made, Change::Needless] {
        assert_eq!(resume(link, &keys).await.unwrap(), expected);
        assert!(!is_paused(link, &keys).await.unwrap());
    }
    assert!(is_known(link, &keys).await.unwrap());
}
