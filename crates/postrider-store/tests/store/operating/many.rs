//! Work on many letters or jobs.

use std::time::Duration;

use postrider_core::verdict::DeadReason;
use postrider_store::bulk::count::{Counted, count, count_for};
use postrider_store::bulk::{self, Begin, Bulk, Kind, State};
use postrider_store::dead::Fate;
use postrider_store::filter::Filter;
use postrider_store::retries::Act;

use super::keys;
use crate::bench_of_one::Bench;

const REPLAY: Kind = Kind::Dead(Fate::Replay);

impl Bench {
    async fn letters_by_hand(&self, count: usize) {
        for n in 0..count {
            let job = format!("j{n}");
            let fields =
                ["to", "https://x.example/", "id", &job, "content", "{}", "_id", &job, "_reason", "gone"];
            self.letter_by_hand(&fields).await;
        }
    }

    async fn started(&mut self, kind: Kind, filter: &Filter) -> Bulk {
        self.limited(kind, filter, None).await
    }

    async fn limited(&mut self, kind: Kind, filter: &Filter, limit: Option<u64>) -> Bulk {
        let begin = Begin { by: "a test", limit, is_entrusted: true };
        bulk::start(&mut self.link, &keys(), kind, filter, begin).await.unwrap()
    }

    async fn stands(&mut self, bulk: &Bulk) -> Bulk {
        bulk::read(&mut self.link, &keys(), &bulk.id).await.unwrap().unwrap()
    }

    /// Does one slice; how it stands then.
    async fn step(&mut self, bulk: &Bulk) -> Bulk {
        bulk::step(&mut self.link, &keys(), bulk).await.unwrap();
        self.stands(bulk).await
    }

    async fn carried_on(&mut self, mut bulk: Bulk) -> Bulk {
        for _ in 0..50 {
            bulk = self.step(&bulk).await;
            if bulk.state == State::Finished {
                break;
            }
        }
        bulk
    }

    async fn counted(&mut self, kind: Kind, filter: &Filter) -> u64 {
        count(&mut self.link, &keys(), kind, filter).await.unwrap()
    }

    /// One step of a count behind `after`.
    async fn counted_behind(&mut self, kind: Kind, filter: &Filter, after: Option<&str>) -> Counted {
        count_for(&mut self.link, &keys(), kind, filter, after, Duration::ZERO).await.unwrap()
    }
}

/// As one sees it who hasn't heard that it isn't.
fn as_if_running(mut bulk: Bulk) -> Bulk {
    bulk.state = State::Running;
    bulk
}

fn gone() -> Filter {
    Filter { reason: Some("gone".into()), ..Filter::default() }
}

#[tokio::test]
async fn a_bulk_operation_that_two_carry_on_replays_each_letter_once() {
    let mut bench = Bench::start().await;
    bench.letters_by_hand(250).await;
    let bulk = bench.started(REPLAY, &gone()).await;
    for _ in 0..2 {
        bench.step(&bulk).await;
    }
    assert_eq!(bench.counts().await, [100, 0, 0, 150], "the second stood where the first had been");
    bulk::stop(&mut bench.link, &keys(), &bulk.id).await.unwrap();
    let stopped = bench.stands(&bulk).await;
    assert_eq!((stopped.state, stopped.done), (State::Stopped, 100));
    bench.step(&as_if_running(stopped)).await;
    assert_eq!(bench.counts().await, [100, 0, 0, 150], "what was stopped stays so");
    bulk::resume(&mut bench.link, &keys(), &bulk.id).await.unwrap();
    // What dies after the start isn't meant.
    bench.letter_by_hand(&["to", "x", "_id", "late", "_reason", "gone"]).await;
    let bulk = bench.stands(&bulk).await;
    let bulk = bench.carried_on(bulk).await;
    assert_eq!((bulk.state, bulk.matched, bulk.done, bulk.failed), (State::Finished, 250, 250, 0));
    assert_eq!(bench.counts().await, [250, 0, 0, 1]);
}

#[tokio::test]
async fn a_slice_takes_no_more_than_its_share_and_goes_on_where_it_ended() {
    let mut bench = Bench::start().await;
    let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for n in 0..30 {
        bench.letter_by_hand(&[&many[..], &["_id", &n.to_string(), "_reason", "gone"]].concat()).await;
    }
    let bulk = bench.started(REPLAY, &gone()).await;
    let bulk = bench.step(&bulk).await;
    assert!((1..20).contains(&bulk.done), "{bulk:?}");
    let bulk = bench.carried_on(bulk).await;
    assert_eq!((bulk.state, bulk.matched, bulk.done), (State::Finished, 30, 30));
    assert_eq!(bench.counts().await, [30, 0, 0, 0]);
}

#[tokio::test]
async fn two_letters_of_one_job_are_both_replayed_and_a_letter_that_is_gone_counts_for_nothing() {
    let mut bench = Bench::start().await;
    for _ in 0..2 {
        bench.letter_by_hand(&["to", "x", "id", "mine", "_id", "mine", "_reason", "gone"]).await;
    }
    let bulk = bench.started(REPLAY, &gone()).await;
    let bulk = bench.carried_on(bulk).await;
    assert_eq!((bulk.matched, bulk.done, bench.counts().await), (2, 2, [2, 0, 0, 0]));
    let again = bench.step(&as_if_running(bulk)).await;
    assert_eq!((again.state, again.matched), (State::Finished, 2));
}

#[tokio::test]
async fn letters_are_counted_by_the_counters_where_these_are_right_and_else_one_by_one() {
    let mut bench = Bench::start().await;
    bench.buried("h", "j1", DeadReason::Gone).await;
    bench.buried("h", "j2", DeadReason::Exhausted).await;
    let of_hook =
        Filter { user_id: Some("u".into()), hook_id: Some("h".into()), reason: None, ..Filter::default() };
    assert_eq!((bench.counted(REPLAY, &gone()).await, bench.counted(REPLAY, &of_hook).await), (1, 2));
    let somewhere = Filter { destination: Some("https://x.example".into()), ..Filter::default() };
    assert_eq!(bench.counted(REPLAY, &somewhere).await, 2);
    bench.letter_by_hand(&["to", "x", "_id", "by-hand", "_reason", "gone"]).await;
    assert_eq!(bench.counted(REPLAY, &gone()).await, 2);
    // A letter without a hook may have an owner, which no counter knows.
    let of_user = Filter { user_id: Some("u".into()), ..Filter::default() };
    assert_eq!(bench.counted(REPLAY, &of_user).await, 2);
}

#[tokio::test]
async fn what_no_counter_tells_is_counted_a_part_at_a_time_and_each_once() {
    let mut bench = Bench::start().await;
    bench.letters_by_hand(600).await;
    for n in 0..600 {
        bench.waits("h", &format!("w{n}")).await;
    }
    let letters = Filter { destination: Some("https://x.example".into()), ..Filter::default() };
    let waiting = Filter { hook_id: Some("h".into()), ..Filter::default() };
    for (kind, filter) in [(REPLAY, letters), (Kind::Waiting(Act::Promote), waiting)] {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let counted = bench.counted_behind(kind, &filter, after.as_deref()).await;
            parts.push(counted.matched);
            after = counted.next;
            if after.is_none() {
                break;
            }
        }
        assert!(parts.len() > 2, "no part is of more than a step: {parts:?}");
        assert_eq!(parts.iter().sum::<u64>(), 600);
    }
}

#[tokio::test]
async fn a_bulk_operation_with_a_limit_stops_before_it_and_goes_on_to_the_end_when_resumed() {
    let mut bench = Bench::start().await;
    bench.letters_by_hand(250).await;
    for n in 0..150 {
        bench.waits("h", &format!("w{n}")).await;
    }
    for (kind, all, moved) in [(REPLAY, 250, 200), (Kind::Waiting(Act::Cancel), 150, 100)] {
        let bulk = bench.limited(kind, &Filter::default(), Some(all - 1)).await;
        let mut stopped = bulk;
        for _ in 0..3 {
            stopped = bench.step(&stopped).await;
        }
        assert_eq!((stopped.state, stopped.matched), (State::Stopped, moved));
        bulk::resume(&mut bench.link, &keys(), &stopped.id).await.unwrap();
        let resumed = bench.stands(&stopped).await;
        let ended = bench.carried_on(resumed).await;
        assert_eq!((ended.state, ended.done, ended.limit), (State::Finished, all, None));
    }
    let exact = bench.limited(REPLAY, &gone(), Some(0)).await;
    assert_eq!(bench.carried_on(exact).await.state, State::Finished, "none is no more than none");
}

#[tokio::test]
async fn jobs_that_are_cancelled_together_are_counted_and_those_that_came_later_stay() {
    let mut bench = Bench::start().await;
    for n in 0..3 {
        bench.waits("h", &format!("j{n}")).await;
    }
    let bulk = bench.started(Kind::Waiting(Act::Cancel), &Filter::default()).await;
    let bulk = bench.carried_on(bulk).await;
    assert_eq!((bulk.state, bulk.done, bench.counts().await), (State::Finished, 3, [0, 0, 0, 0]));
    let queue = bench.worker("");
    let figures = queue.figures(&mut bench.link, Duration::from_secs(5)).await.unwrap();
    let cancelled = figures.today.iter().find(|(outcome, _)| *outcome == "cancelled");
    assert_eq!(cancelled, Some(("cancelled", 3)));
}
