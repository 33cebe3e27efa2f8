//! Waiting jobs: paged, promoted, cancelled.

use std::collections::HashMap;

use postrider_core::time::Timestamp;
use postrider_store::dead::Moved;
use postrider_store::filter::Filter;
use postrider_store::retries::{self, Act};
use postrider_store::settlement::{Destination, HookName};

use super::{LATER, keys, of_hook};
use crate::bench_of_one::{Bench, retry};

impl Bench {
    async fn holds(&mut self, hook: &str, job: &str) {
        let entry = self.add(&of_hook(hook)).await;
        self.read("a", 10).await;
        let hold = Destination::Held {
            hook: HookName::new("u", hook),
            expires_at: None,
            age: Timestamp::from_millis(1),
            state: Default::default(),
        };
        self.settle("a", entry, job, hold).await;
    }

    /// Ids of all that a filter admits, read one a page.
    async fn listed(&mut self, filter: &Filter) -> Vec<String> {
        let (mut seen, mut after) = (Vec::new(), None);
        for _ in 0..20 {
            let page = retries::page(&mut self.link, &keys(), filter, after, 1).await.unwrap();
            seen.extend(page.items.into_iter().map(|waiting| waiting.job));
            after = page.next;
            if after.is_none() {
                return seen;
            }
        }
        panic!("the pages have no end: {seen:?}");
    }

    async fn act(&mut self, act: Act, jobs: &[&str]) -> Moved {
        retries::act_on(&mut self.link, &keys(), act, jobs).await.unwrap()
    }
}

#[tokio::test]
async fn waiting_jobs_are_paged_by_due_time_and_id() {
    let mut bench = Bench::start().await;
    for job in ["b", "a", "c"] {
        bench.waits("h", job).await;
    }
    for job in ["a", "b", "c"] {
        let _: i64 = bench.ask(&["ZADD", "{q}:retry", "XX", "9000000000000", job]).await;
    }
    bench.waits("h", "soon").await;
    bench.holds("h", "held").await;
    assert_eq!(bench.listed(&Filter::default()).await, ["soon", "a", "b", "c", "held"]);
    let at = Some(Timestamp::from_millis(9_000_000_000_000));
    let span = |since, until| Filter { since, until, ..Filter::default() };
    assert_eq!(bench.listed(&span(at, at)).await, ["a", "b", "c"]);
    assert_eq!(bench.listed(&span(None, at)).await, ["soon", "a", "b", "c"]);
    assert_eq!(bench.listed(&span(at, None)).await, ["a", "b", "c", "held"]);
    assert!(bench.listed(&span(None, Some(Timestamp::from_millis(7)))).await.is_empty());
}

#[tokio::test]
async fn a_job_whose_time_has_not_come_keeps_waiting_and_says_why() {
    let mut bench = Bench::start().await;
    for (job, not_before) in [("early", "9000000000000"), ("late", "1")] {
        let entry = bench.add(&[&of_hook("h")[..], &[("notBefore", not_before)]].concat()).await;
        bench.read("a", 10).await;
        bench.settle("a", entry, job, retry(LATER)).await;
    }
    let due = |job: &'static str| ["ZSCORE", "{q}:retry", job];
    let before: f64 = bench.ask(&due("early")).await;
    let moved = bench.act(Act::Promote, &["early", "late"]).await;
    assert_eq!(moved.done, 1);
    assert_eq!(moved.stays, [("early".to_owned(), "its notBefore lies ahead".to_owned())]);
    assert_eq!(bench.ask::<f64>(&due("early")).await, before);
    assert!(bench.ask::<f64>(&due("late")).await < before);
}

#[tokio::test]
async fn pages_come_to_an_end_whatever_stands_in_the_set() {
    let mut bench = Bench::start().await;
    let mut add = redis::cmd("ZADD");
    add.arg("{q}:retry");
    for id in [&b"\xff"[..], b"", b"a b", b"%41", b"\x80\x81", "\u{e9}".as_bytes()] {
        add.arg(7).arg(id);
    }
    let added: usize = add.query_async(&mut bench.redis.connection().await).await.unwrap();
    bench.waits("h", "fine").await;
    let seen = bench.listed(&Filter::default()).await;
    assert_eq!((seen.len(), seen.last().map(String::as_str)), (added + 1, Some("fine")));
}

#[tokio::test]
async fn held_jobs_are_not_promoted_and_leave_no_list_when_they_are_cancelled() {
    let mut bench = Bench::start().await;
    bench.waits("h", "a").await;
    bench.waits("h", "b").await;
    for job in ["held", "other"] {
        bench.holds("h", job).await;
    }
    let moved = bench.act(Act::Promote, &["a", "held", "no"]).await;
    assert_eq!(moved.done, 1);
    let why: HashMap<_, _> = moved.stays.into_iter().collect();
    assert_eq!((&*why["held"], &*why["no"]), ("it is held until its hook is active", "it does not wait"));
    assert_eq!(bench.act(Act::Cancel, &["b", "held"]).await.done, 2);
    assert_eq!(bench.ask::<usize>(&["ZCARD", "{q}:held:u/h"]).await, 1);
    assert_eq!(bench.ask::<usize>(&["ZCARD", "{q}:held"]).await, 1);
    assert_eq!(bench.act(Act::Cancel, &["other"]).await.done, 1);
    let keys: Vec<String> = bench.ask(&["KEYS", "{q}:held*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
    assert_eq!(bench.ask::<usize>(&["HLEN", "{q}:retry:jobs"]).await, 1);
}

#[tokio::test]
async fn a_promoted_job_is_due_and_one_that_was_due_already_keeps_its_turn() {
    let mut bench = Bench::start().await;
    bench.waits("h", "later").await;
    bench.waits("h", "due").await;
    let _: i64 = bench.ask(&["ZADD", "{q}:retry", "XX", "7", "due"]).await;
    assert_eq!(bench.act(Act::Promote, &["later", "due"]).await.done, 2);
    assert_eq!(bench.ask::<f64>(&["ZSCORE", "{q}:retry", "due"]).await, 7.0);
    let queue = bench.worker("a");
    assert_eq!(queue.promote(&mut bench.link).await.unwrap().promoted, 2);
    assert_eq!(bench.counts().await, [2, 0, 0, 0]);
}

#[tokio::test]
async fn jobs_with_large_records_are_all_moved_though_a_step_takes_a_few_only() {
    let mut bench = Bench::start().await;
    let content = "x".repeat(900_000);
    let mut jobs = Vec::new();
    for n in 0..5 {
        let entry = bench.add(&[("to", "https://x.example/"), ("content", &content)]).await;
        bench.read("a", 1).await;
        let job = format!("j{n}");
        bench.settle("a", entry, &job, retry(LATER)).await;
        jobs.push(job);
    }
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    assert_eq!(bench.listed(&Filter::default()).await, jobs);
    assert_eq!(bench.act(Act::Promote, &jobs).await.done, 5);
    assert_eq!(bench.act(Act::Cancel, &jobs).await.done, 5);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
}
