use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use postrider_store::queue::PromoteReply;
use postrider_store::settlement::{Destination, Settled, Until};

use crate::bench_of_one::{Bench, retry, settlement};

async fn promote(bench: &mut Bench) -> PromoteReply {
    bench.worker("a").promote(&mut bench.link).await.unwrap()
}

/// Promotes until something came, as the worker does: never before the due time, and a millisecond after it at most late.
async fn promote_when_due(bench: &mut Bench) -> PromoteReply {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let reply = promote(bench).await;
        if reply.promoted > 0 {
            return reply;
        }
        assert!(Instant::now() < until, "nothing fell due");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_retry_comes_back_whole_and_never_early() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    let wait = Duration::from_millis(120);
    let started = Instant::now();
    let queue = bench.worker("a");
    let reply = queue.settle(&mut bench.link, &[settlement(id, "j", retry(wait))], 10, false).await.unwrap();
    assert_eq!(bench.counts().await, [0, 0, 1, 0]);
    let due = reply.next_due.unwrap();
    assert!(promote_when_due(&mut bench).await.now >= due);
    assert!(started.elapsed() >= wait, "{:?}", started.elapsed());
    let back = bench.last_entry("q").await;
    assert_eq!(back[0], ("to".to_owned(), "https://x.example/".to_owned()));
    let state = JobState::parse(back[2].1.as_bytes()).unwrap();
    assert_eq!((state.attempts, state.due), (1, Some(due)));
    assert_eq!(bench.ask::<usize>(&["HLEN", "{q}:retry:jobs"]).await, 0);
}

#[tokio::test]
async fn bytes_of_any_kind_survive_the_wait() {
    let mut bench = Bench::start().await;
    let mut add = redis::cmd("XADD");
    let odd: Vec<u8> = (0..=255).collect();
    add.arg("q").arg("*").arg(b"na\xffme").arg(&odd).arg("").arg("").arg("content").arg(vec![b'x'; 70_000]);
    add.query_async::<String>(&mut bench.redis.connection().await).await.unwrap();
    let before = bench.read("a", 1).await.remove(0);
    assert_eq!(bench.settle("a", before.id, "j", retry(Duration::ZERO)).await, Settled::Applied);
    promote_when_due(&mut bench).await;
    let mut after = bench.read("a", 1).await.remove(0).fields.unwrap();
    assert_eq!(after.pop().unwrap().0, b"_job");
    assert_eq!(Some(after), before.fields);
}

#[tokio::test]
async fn a_deferred_job_is_due_at_the_moment_it_names() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    let moment = Timestamp::from_millis(32_503_680_000_000);
    let destination = Destination::Deferred { until: Until::At(moment), state: JobState::default() };
    bench.settle("a", id, "j", destination).await;
    assert_eq!(bench.ask::<u64>(&["ZSCORE", "{q}:retry", "j"]).await, moment.as_millis());
    assert_eq!(promote(&mut bench).await.next_due, Some(moment));
}

#[tokio::test]
async fn a_deferred_job_is_recalled_and_one_that_waits_for_a_retry_since_is_not() {
    let mut bench = Bench::start().await;
    let hour = || Destination::Deferred {
        until: Until::After(Duration::from_secs(3600)),
        state: JobState::default(),
    };
    let (deferred, retried) = (bench.leased("a").await, bench.leased("a").await);
    bench.settle("a", deferred, "j", hour()).await;
    bench.settle("a", retried, "k", retry(Duration::from_secs(3600))).await;
    let queue = bench.worker("a");
    let earlier = EntryId { sequence: retried.sequence + 9, ..retried };
    let jobs = [("j", deferred), ("k", earlier), ("gone", deferred)];
    assert_eq!(queue.recall(&mut bench.link, &jobs).await.unwrap(), 1);
    assert_eq!(promote_when_due(&mut bench).await.promoted, 1);
    assert_eq!(bench.counts().await, [1, 0, 1, 0]);
}

#[tokio::test]
async fn ids_without_a_job_are_removed_and_hold_up_nobody() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    bench.settle("a", id, "j", retry(Duration::ZERO)).await;
    bench.ask::<usize>(&["ZADD", "{q}:retry", "1", "orphan", "-inf", "older", "+inf", "never"]).await;
    let (mut promoted, mut orphans) = (0, 0);
    while promoted == 0 || orphans < 2 {
        let reply = promote(&mut bench).await;
        promoted += reply.promoted;
        orphans += reply.orphans;
    }
    assert_eq!((promoted, orphans), (1, 2));
    assert_eq!(bench.ask::<Vec<String>>(&["ZRANGE", "{q}:retry", "0", "-1"]).await, ["never"]);
    assert_eq!(promote(&mut bench).await.next_due, Some(Timestamp::MAX));
}

#[tokio::test]
async fn every_due_job_is_promoted_once_however_many_promote() {
    let mut bench = Bench::start().await;
    let mut batch = Vec::new();
    for number in 0..600 {
        let id = bench.add(&[("content", "{}")]).await;
        batch.push(settlement(id, &format!("j{number}"), retry(Duration::ZERO)));
    }
    while !bench.read("a", 100).await.is_empty() {}
    for part in batch.chunks(100) {
        bench.settle_all("a", part).await;
    }
    assert_eq!(bench.counts().await, [0, 0, 600, 0]);
    let queue = bench.worker("a");
    let promoters = (0..3).map(|_| {
        let (queue, connector) =
            (queue.clone(), postrider_store::connect::Connector::new(&bench.redis.url()).unwrap());
        tokio::spawn(async move {
            let mut link = postrider_store::link::Link::new(connector);
            let mut promoted = 0;
            loop {
                let reply = queue.promote(&mut link).await.unwrap();
                promoted += reply.promoted;
                if reply.next_due.is_none() {
                    return promoted;
                }
            }
        })
    });
    let mut promoted = 0;
    for promoter in promoters.collect::<Vec<_>>() {
        promoted += promoter.await.unwrap();
    }
    assert_eq!(promoted, 600);
    assert_eq!(bench.counts().await, [600, 0, 0, 0]);
}

#[tokio::test]
async fn due_jobs_join_a_crowd_a_few_at_a_time_and_an_empty_stream_in_batches() {
    let mut bench = Bench::start().await;
    let mut batch = Vec::new();
    for number in 0..300 {
        let id = bench.add(&[("content", "{}")]).await;
        batch.push(settlement(id, &format!("j{number}"), retry(Duration::ZERO)));
    }
    while !bench.read("a", 100).await.is_empty() {}
    for part in batch.chunks(100) {
        bench.settle_all("a", part).await;
    }
    let mut crowd = redis::pipe();
    for _ in 0..2_000 {
        crowd.cmd("XADD").arg("q").arg("*").arg("content").arg("{}").ignore();
    }
    let () = crowd.query_async(&mut bench.redis.connection().await).await.unwrap();
    for _ in 0..2 {
        let reply = promote(&mut bench).await;
        assert_eq!((reply.promoted, reply.is_crowded), (16, true));
    }
    // What is leased stands in nobody's way.
    while !bench.read("a", 500).await.is_empty() {}
    let reply = promote(&mut bench).await;
    assert_eq!((reply.promoted, reply.is_crowded), (256, false));
}

#[tokio::test]
async fn a_waiting_job_that_cannot_be_read_is_a_dead_letter_and_holds_up_nobody() {
    let mut bench = Bench::start().await;
    for record in ["0 of no version", "1 5-1 \u{7f}damaged", ""] {
        bench.ask::<usize>(&["HSET", "{q}:retry:jobs", record, record]).await;
        bench.ask::<usize>(&["ZADD", "{q}:retry", "1", record]).await;
    }
    let id = bench.leased("a").await;
    bench.settle("a", id, "good", retry(Duration::ZERO)).await;
    let (mut promoted, mut unreadable) = (0, 0);
    while promoted == 0 || unreadable < 3 {
        let reply = promote(&mut bench).await;
        promoted += reply.promoted;
        unreadable += reply.unreadable;
    }
    assert_eq!(bench.counts().await, [1, 0, 0, 3]);
    let letters: Vec<(String, std::collections::HashMap<String, String>)> =
        bench.ask(&["XRANGE", "{q}:dead", "-", "+"]).await;
    assert!(letters.iter().any(|(_, letter)| letter["record"] == "0 of no version"));
}

#[tokio::test]
async fn a_waiting_job_of_a_newer_version_is_left_to_its_workers_and_holds_up_nobody() {
    let mut bench = Bench::start().await;
    for job in ["a", "b"] {
        bench.ask::<usize>(&["HSET", "{q}:retry:jobs", job, "2 from a version to come"]).await;
        bench.ask::<usize>(&["ZADD", "{q}:retry", "1", job]).await;
    }
    let id = bench.leased("w").await;
    bench.settle("w", id, "good", retry(Duration::ZERO)).await;
    let (mut promoted, mut left) = (0, 0);
    while promoted == 0 || left < 2 {
        let reply = promote(&mut bench).await;
        promoted += reply.promoted;
        left += reply.left_to_newer;
    }
    let reply = promote(&mut bench).await;
    assert!(reply.next_due.is_some_and(|due| due > reply.now), "nobody asks again and again: {reply:?}");
    assert_eq!((left, bench.counts().await), (2, [1, 0, 2, 0]));
    let records: Vec<String> = bench.ask(&["HVALS", "{q}:retry:jobs"]).await;
    assert_eq!(records, ["2 from a version to come"; 2]);
}
