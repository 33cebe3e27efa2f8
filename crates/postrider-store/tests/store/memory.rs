use std::time::Duration;

use postrider_store::dead::{self as letters, Fate};
use postrider_store::presence;
use postrider_store::retries::{self, Act};
use postrider_store::settlement::{Destination, Settled};

use crate::bench_of_one::{Bench, dead, given_back, retry, settlement};

/// Takes Redis' memory away: from now on it refuses every write that needs some.
async fn fill(bench: &Bench) {
    bench.ask::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let mut add = redis::cmd("XADD");
    let refused = add
        .arg("q")
        .arg("*")
        .arg("a")
        .arg("b")
        .query_async::<String>(&mut bench.redis.connection().await)
        .await;
    assert_eq!(refused.unwrap_err().code(), Some("OOM"));
}

#[tokio::test]
async fn every_step_of_a_worker_works_while_redis_refuses_writes_for_lack_of_memory() {
    let mut bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.leased("a").await);
    }
    bench.leased("lost").await;
    fill(&bench).await;
    let queue = bench.worker("a");
    presence::beat(&mut bench.link, queue.keys(), "a", "{}").await.unwrap();
    let batch = [
        settlement(ids[0], "j0", Destination::Done),
        settlement(ids[1], "j1", retry(Duration::ZERO)),
        settlement(ids[2], "j2", dead()),
        settlement(ids[3], "j3", given_back()),
    ];
    assert_eq!(bench.settle_all("a", &batch).await, vec![Settled::Applied; 4]);
    while queue.promote(&mut bench.link).await.unwrap().promoted == 0 {}
    assert_eq!(queue.take_over(&mut bench.link, "lost", None, 10).await.unwrap().entries.len(), 1);
    assert!(queue.count_crash(&mut bench.link, ids[4], 2).await.unwrap());
    assert_eq!(bench.read("a", 10).await.len(), 2);
    queue.sample(&mut bench.link).await.unwrap();
    bench.ask::<usize>(&["XGROUP", "DESTROY", "q", "postrider"]).await;
    assert!(queue.ensure_group(&mut bench.link).await.unwrap());
}

#[tokio::test]
async fn operators_replay_remove_and_cancel_while_redis_refuses_writes_for_lack_of_memory() {
    let mut bench = Bench::start().await;
    let keys = bench.worker("a").keys().clone();
    let id = bench.leased("a").await;
    bench.settle("a", id, "waits", retry(Duration::from_secs(3600))).await;
    let mut entries = Vec::new();
    for job in ["replayed", "purged"] {
        let id = bench.leased("a").await;
        bench.settle("a", id, job, dead()).await;
        entries.push(letters::find(&mut bench.link, &keys, job, 10).await.unwrap().unwrap().entry);
    }
    fill(&bench).await;
    for (fate, letter) in [Fate::Replay, Fate::Purge].into_iter().zip(entries) {
        let moved = letters::move_letters(&mut bench.link, &keys, fate, &[letter]).await.unwrap();
        assert_eq!(moved.done, 1, "{fate:?}");
    }
    for act in [Act::Promote, Act::Cancel] {
        let moved = retries::act_on(&mut bench.link, &keys, act, &["waits"]).await.unwrap();
        assert_eq!(moved.done, 1, "{act:?}");
    }
    assert_eq!(bench.counts().await, [1, 0, 0, 0]);
}
