//! Dead letters: counted, found, shown, replayed one by one.

use postrider_core::entry_id::EntryId;
use postrider_core::verdict::DeadReason;
use postrider_store::attempts::Order;
use postrider_store::dead::{self, Fate, Letter};
use postrider_store::filter::Filter;
use postrider_store::jobs::Whereabouts;

use super::keys;
use crate::bench_of_one::{Bench, dead};

impl Bench {
    async fn counters(&mut self) -> Vec<(String, String, u64)> {
        let counts = dead::counts(&mut self.link, &keys(), usize::MAX).await.unwrap();
        counts.groups.into_iter().map(|((reason, hook), count)| (reason, hook, count)).collect()
    }
}

fn counter(reason: &str, hook: &str, count: u64) -> (String, String, u64) {
    (reason.to_owned(), hook.to_owned(), count)
}

#[tokio::test]
async fn counters_follow_each_letter_that_comes_and_goes() {
    let mut bench = Bench::start().await;
    bench.buried("h1", "j1", DeadReason::Gone).await;
    bench.buried("h1", "j2", DeadReason::Gone).await;
    bench.buried("h2", "j3", DeadReason::Exhausted).await;
    let all = [counter("exhausted", "u/h2", 1), counter("gone", "u/h1", 2)];
    assert_eq!(bench.counters().await, all);
    let letter = bench.letter("j1").await.unwrap();
    assert_eq!(bench.moved(Fate::Purge, &[letter.entry]).await.done, 1);
    assert_eq!(bench.counters().await, [counter("exhausted", "u/h2", 1), counter("gone", "u/h1", 1)]);
    assert_eq!(bench.moved(Fate::Purge, &[letter.entry]).await.done, 0);
    assert_eq!(bench.counters().await, [counter("exhausted", "u/h2", 1), counter("gone", "u/h1", 1)]);
    assert!(bench.letter("j1").await.is_none());
}

#[tokio::test]
async fn a_letter_that_was_added_by_hand_takes_no_counter_below_zero_and_a_recount_finds_it() {
    let mut bench = Bench::start().await;
    for job in ["j1", "j2"] {
        bench.letter_by_hand(&["to", "x", "_id", job, "_reason", "gone"]).await;
    }
    let letter = bench.letter("j1").await.unwrap();
    bench.moved(Fate::Purge, &[letter.entry]).await;
    assert_eq!(bench.counters().await, []);
    assert_eq!(dead::recount(&mut bench.link, &keys()).await.unwrap(), 1);
    assert_eq!(bench.counters().await, [counter("gone", "", 1)]);
}

#[tokio::test]
async fn a_recount_over_many_pages_lists_the_newest_letter_of_each_job() {
    let mut bench = Bench::start().await;
    for hook in 0..600 {
        let hook = hook.to_string();
        let fields = ["to", "x", "userId", "u", "hookId", &hook, "_id", &hook, "_reason", "gone"];
        bench.letter_by_hand(&fields).await;
    }
    let newest = bench.letter_by_hand(&["to", "x", "_id", "7", "_reason", "gone"]).await;
    let _: usize = bench.ask(&["HSET", "{q}:dead:counts", "gone u/7", "99", "gone u/none", "1"]).await;
    for _ in 0..2 {
        assert_eq!(dead::recount(&mut bench.link, &keys()).await.unwrap(), 601);
        let counts = dead::counts(&mut bench.link, &keys(), usize::MAX).await.unwrap();
        assert_eq!((counts.is_whole, counts.groups.len(), counts.total()), (true, 601, 601));
    }
    assert_eq!(bench.ask::<String>(&["HGET", "{q}:dead:ids", "7"]).await, newest.to_string());
    let some = dead::counts(&mut bench.link, &keys(), 10).await.unwrap();
    assert!(!some.is_whole && some.groups.len() >= 10, "{}", some.groups.len());
}

#[tokio::test]
async fn counters_of_another_type_keep_no_letter_from_coming_or_going() {
    let mut bench = Bench::start().await;
    for key in ["{q}:dead:counts", "{q}:dead:ids"] {
        bench.ask::<String>(&["SET", key, "not a hash"]).await;
    }
    bench.buried("h", "j", DeadReason::Gone).await;
    assert_eq!(bench.counts().await, [0, 0, 0, 1]);
    let letters: Vec<(String, Vec<String>)> = bench.ask(&["XRANGE", "{q}:dead", "-", "+"]).await;
    let entry = EntryId::parse(letters[0].0.as_bytes()).unwrap();
    assert_eq!(bench.moved(Fate::Replay, &[entry]).await.done, 1);
    assert_eq!(bench.counts().await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_replayed_job_keeps_its_id_and_time_and_starts_anew() {
    let mut bench = Bench::start().await;
    let entry = bench.leased("a").await;
    bench.settle("a", entry, &entry.to_string(), dead()).await;
    let letter = bench.letter(&entry.to_string()).await.unwrap();
    assert_eq!(letter.created_at, Some(entry.time()));
    bench.moved(Fate::Replay, &[letter.entry]).await;
    assert_eq!(bench.counts().await, [1, 0, 0, 0]);
    let job = bench.last_as_map("q").await;
    assert!(job["_job"].starts_with(&format!("1 first={entry} attempts=0 due=")), "{job:?}");
    assert!(job.keys().all(|name| !name.starts_with('_') || name == "_job"), "{job:?}");
    let found = bench.find(&entry.to_string()).await;
    assert!(matches!(found, Whereabouts::Ready(_)), "{found:?}");
}

#[tokio::test]
async fn the_time_of_a_job_with_an_id_of_its_own_survives_each_of_its_deaths() {
    let mut bench = Bench::start().await;
    let fields = [("to", "https://x.example/"), ("content", "{}"), ("id", "mine")];
    let first = bench.add(&fields).await;
    for _ in 0..3 {
        let entry = bench.read("a", 10).await.last().unwrap().id;
        bench.settle("a", entry, "mine", dead()).await;
        let letter = bench.letter("mine").await.unwrap();
        assert_eq!(letter.created_at, Some(first.time()));
        assert_eq!(bench.last_as_map("{q}:dead").await["_createdAt"], first.millis.to_string());
        bench.moved(Fate::Replay, &[letter.entry]).await;
        let job = bench.last_as_map("q").await;
        assert!(job["_job"].starts_with(&format!("1 first={}-0 ", first.millis)), "{job:?}");
        assert!(!job.contains_key("_createdAt"), "{job:?}");
    }
}

#[tokio::test]
async fn a_letter_keeps_no_time_where_the_job_tells_it() {
    let mut bench = Bench::start().await;
    for own in [&[("id", "mine"), ("createdAt", "7")][..], &[]] {
        let fields = [&[("to", "https://x.example/"), ("content", "{}")][..], own].concat();
        let entry = bench.add(&fields).await;
        bench.read("a", 10).await;
        bench.settle("a", entry, "mine", dead()).await;
        let letter = bench.last_as_map("{q}:dead").await;
        assert!(!letter.contains_key("_createdAt"), "{letter:?}");
    }
}

#[tokio::test]
async fn a_letter_stays_where_a_job_of_its_id_waits() {
    let mut bench = Bench::start().await;
    bench.waits("h", "j").await;
    bench.buried("h", "j", DeadReason::Duplicate).await;
    let letter = bench.letter("j").await.unwrap();
    let moved = bench.moved(Fate::Replay, &[letter.entry]).await;
    let why = ("j".to_owned(), "a job of this id is waiting".to_owned());
    assert_eq!((moved.done, moved.stays), (0, vec![why]));
    assert_eq!(bench.counts().await, [0, 0, 1, 1]);
}

#[tokio::test]
async fn a_letter_with_an_id_that_no_job_may_bear_is_replayed_as_a_new_job() {
    let mut bench = Bench::start().await;
    for (id, expected) in [("no id!", None), ("", None), ("7-0", None), ("mine", Some("mine"))] {
        let letter = bench.letter_by_hand(&["to", "x", "_id", id, "_reason", "gone"]).await;
        assert_eq!(bench.moved(Fate::Replay, &[letter]).await.done, 1, "{id}");
        let job = bench.last_as_map("q").await;
        assert_eq!(job.get("id").map(String::as_str), expected, "{id}: {job:?}");
    }
}

#[tokio::test]
async fn letters_without_a_job_stay_and_their_neighbours_go() {
    let mut bench = Bench::start().await;
    let empty = bench.letter_by_hand(&["_id", "empty", "_reason", "gone"]).await;
    let fine = bench.letter_by_hand(&["to", "x", "_id", "fine", "_reason", "gone"]).await;
    let moved = bench.moved(Fate::Replay, &[empty, fine]).await;
    assert_eq!((moved.done, moved.stays), (1, vec![("empty".to_owned(), "it holds no job".to_owned())]));
    assert_eq!(bench.moved(Fate::Purge, &[empty]).await.done, 1);
    assert_eq!(bench.counts().await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn no_letter_leaves_where_the_job_cannot_be_added() {
    let mut bench = Bench::start().await;
    let letter = bench.letter_by_hand(&["to", "x", "_id", "j", "_reason", "gone"]).await;
    bench.ask::<usize>(&["DEL", "q"]).await;
    bench.ask::<String>(&["SET", "q", "not a stream"]).await;
    let moved = bench.moved(Fate::Replay, &[letter]).await;
    assert!(moved.done == 0 && moved.stays[0].1.contains("WRONGTYPE"), "{moved:?}");
    bench.ask::<usize>(&["DEL", "q"]).await;
    bench.ask::<String>(&["SET", "{q}:retry:jobs", "not a hash"]).await;
    assert!(dead::move_letters(&mut bench.link, &keys(), Fate::Replay, &[letter]).await.is_err());
    assert_eq!(bench.ask::<usize>(&["XLEN", "{q}:dead"]).await, 1);
    assert_eq!(bench.ask::<usize>(&["XLEN", "q"]).await, 0);
}

#[tokio::test]
async fn pages_of_letters_show_no_more_of_a_url_than_its_origin_and_go_on_where_they_ended() {
    let mut bench = Bench::start().await;
    for job in ["j1", "j2", "j3"] {
        bench.buried("h", job, DeadReason::Gone).await;
    }
    let open = Filter::default();
    let page = dead::page(&mut bench.link, &keys(), &open, Order::NewestFirst, None, 2).await.unwrap();
    let ids = |letters: &[Letter]| letters.iter().map(|letter| letter.job.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&page.items), ["j3", "j2"]);
    assert_eq!(page.items[0].destination, "https://x.example");
    assert!(!format!("{page:?}").contains("secret-path"));
    let rest = dead::page(&mut bench.link, &keys(), &open, Order::NewestFirst, page.next, 2).await.unwrap();
    assert_eq!((ids(&rest.items), rest.next), (vec!["j1".to_owned()], None));
    let none = Filter { hook_id: Some("other".into()), ..Filter::default() };
    let page = dead::page(&mut bench.link, &keys(), &none, Order::NewestFirst, None, 2).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn letters_of_many_fields_come_a_few_at_a_time_and_all_of_them() {
    let mut bench = Bench::start().await;
    let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for n in 0..30 {
        bench.letter_by_hand(&[&many[..], &["_id", &n.to_string(), "_reason", "invalid"]].concat()).await;
    }
    let (open, mut seen, mut after, mut calls) = (Filter::default(), 0, None, 0);
    loop {
        let page = dead::page(&mut bench.link, &keys(), &open, Order::OldestFirst, after, 30).await.unwrap();
        (seen, after, calls) = (seen + page.items.len(), page.next, calls + 1);
        if after.is_none() {
            break;
        }
        assert!(calls < 5, "each call has its share");
    }
    assert_eq!(seen, 30);
    assert_eq!(dead::recount(&mut bench.link, &keys()).await.unwrap(), 30);
    assert_eq!(bench.counters().await, [counter("invalid", "", 30)]);
}
