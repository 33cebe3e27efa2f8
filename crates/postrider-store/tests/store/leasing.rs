use postrider_core::time::Timestamp;
use postrider_store::fault::FaultClass;
use postrider_store::queue::Consumer;
use postrider_store::reader::Wait;
use postrider_store::settlement::{Destination, Settled};
use postrider_store::{hooks, presence};

use crate::bench_of_one::Bench;

async fn deliveries(bench: &Bench, id: &str) -> u64 {
    let pending: Vec<(String, String, u64, u64)> =
        bench.ask(&["XPENDING", "q", "postrider", id, id, "1"]).await;
    pending[0].3
}

#[tokio::test]
async fn a_lost_workers_jobs_are_taken_over_in_parts_and_its_consumer_goes_last() {
    let mut bench = Bench::start().await;
    for _ in 0..5 {
        bench.leased("lost").await;
    }
    let queue = bench.worker("new");
    let first = queue.take_over(&mut bench.link, "lost", None, 3).await.unwrap();
    assert_eq!((first.entries.len(), first.finished), (3, false));
    assert!(
        first.entries.iter().all(|entry| entry.taken_over && entry.deliveries == 1 && entry.fields.is_some())
    );
    let rest = queue.take_over(&mut bench.link, "lost", None, 3).await.unwrap();
    assert_eq!((rest.entries.len(), rest.finished), (2, true));
    let consumers = queue.consumers(&mut bench.link).await.unwrap();
    assert_eq!(consumers, [Consumer { name: "new".into(), pending: 5 }]);
}

#[tokio::test]
async fn a_worker_that_has_beaten_since_it_was_found_dead_keeps_its_jobs() {
    let mut bench = Bench::start().await;
    bench.leased("back").await;
    let queue = bench.worker("back");
    presence::beat(&mut bench.link, queue.keys(), "back", "{}").await.unwrap();
    let seen = presence::roll_call(&mut bench.link, queue.keys(), &[]).await.unwrap()["back"];
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    presence::beat(&mut bench.link, queue.keys(), "back", "{}").await.unwrap();
    for beat in [Some(seen), None] {
        let taken = bench.worker("new").take_over(&mut bench.link, "back", beat, 10).await.unwrap();
        assert!(taken.entries.is_empty() && !taken.finished);
    }
    let now = presence::roll_call(&mut bench.link, queue.keys(), &[]).await.unwrap()["back"];
    assert!(bench.worker("new").take_over(&mut bench.link, "back", Some(now), 10).await.unwrap().finished);
}

#[tokio::test]
async fn a_takeover_drops_ids_whose_entry_is_gone() {
    let mut bench = Bench::start().await;
    let id = bench.leased("lost").await;
    bench.ask::<usize>(&["XDEL", "q", &id.to_string()]).await;
    let taken = bench.worker("new").take_over(&mut bench.link, "lost", None, 10).await.unwrap();
    assert!(taken.entries.is_empty() && taken.finished);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn only_the_owner_counts_a_crash_and_the_count_stays_with_the_entry() {
    let mut bench = Bench::start().await;
    let id = bench.leased("lost").await;
    let queue = bench.worker("new");
    assert!(!queue.count_crash(&mut bench.link, id, 2).await.unwrap());
    queue.take_over(&mut bench.link, "lost", None, 10).await.unwrap();
    assert_eq!(deliveries(&bench, &id.to_string()).await, 1);
    assert!(queue.count_crash(&mut bench.link, id, 2).await.unwrap());
    assert_eq!(deliveries(&bench, &id.to_string()).await, 2);
    let next = bench.worker("third").take_over(&mut bench.link, "new", None, 10).await.unwrap();
    assert_eq!(next.entries[0].deliveries, 2);
}

#[tokio::test]
async fn leases_whose_reply_was_lost_are_fetched_without_being_counted() {
    let mut bench = Bench::start().await;
    let (kept, gone) = (bench.leased("a").await, bench.leased("a").await);
    bench.ask::<usize>(&["XDEL", "q", &gone.to_string()]).await;
    let other = bench.leased("b").await;
    let queue = bench.worker("a");
    assert_eq!(queue.own_pending(&mut bench.link, 10).await.unwrap(), [kept, gone]);
    let found = queue.fetch(&mut bench.link, &[kept, gone, other]).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [kept]);
    assert!(!found[0].taken_over);
    assert_eq!(deliveries(&bench, &kept.to_string()).await, 1);
    assert_eq!(queue.own_pending(&mut bench.link, 10).await.unwrap(), [kept]);
}

#[tokio::test]
async fn one_field_name_that_is_not_utf8_harms_no_other_entry() {
    let bench = Bench::start().await;
    bench.add(&[("content", "1")]).await;
    let mut odd = redis::cmd("XADD");
    odd.arg("q").arg("*").arg(b"a\xff").arg(b"\xfe").arg("content").arg("2").arg("content").arg("3");
    odd.query_async::<String>(&mut bench.redis.connection().await).await.unwrap();
    bench.add(&[("content", "4")]).await;
    let read = bench.read("a", 10).await;
    let widths: Vec<usize> = read.iter().map(|entry| entry.fields.as_ref().unwrap().len()).collect();
    assert_eq!(widths, [1, 3, 1]);
}

#[tokio::test]
async fn a_sleeping_reader_can_be_woken_and_hears_of_a_lost_stream() {
    let mut bench = Bench::start().await;
    let mut reader = bench.reader();
    let (waker, queue) = (reader.waker(), bench.worker("a"));
    assert!(reader.read(&queue, 1, Wait::ForEntries, || false).await.unwrap().is_empty());
    let asleep = {
        let queue = queue.clone();
        tokio::spawn(async move {
            let started = std::time::Instant::now();
            let read = reader.read(&queue, 1, Wait::ForEntries, || false).await.map(|entries| entries.len());
            (read.unwrap(), started.elapsed(), reader)
        })
    };
    blocked_clients(&bench, 1).await;
    waker.wake(&mut bench.link).await;
    let (read, slept, mut reader) = asleep.await.unwrap();
    assert!(read == 0 && slept < postrider_store::reader::BLOCK, "{slept:?}");

    let asleep = tokio::spawn(async move { reader.read(&queue, 1, Wait::ForEntries, || false).await });
    blocked_clients(&bench, 1).await;
    bench.ask::<String>(&["FLUSHALL"]).await;
    assert_eq!(asleep.await.unwrap().unwrap_err().class(), FaultClass::NoGroup);
}

async fn blocked_clients(bench: &Bench, wanted: usize) {
    for _ in 0..500 {
        let info: String = bench.ask(&["INFO", "clients"]).await;
        if info.contains(&format!("blocked_clients:{wanted}\r")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("no reader went to sleep");
}

#[tokio::test]
async fn a_lost_group_is_made_again_at_the_start_of_the_stream() {
    let mut bench = Bench::start().await;
    bench.add(&[("content", "1")]).await;
    bench.ask::<usize>(&["XGROUP", "DESTROY", "q", "postrider"]).await;
    let queue = bench.worker("a");
    assert!(queue.ensure_group(&mut bench.link).await.unwrap());
    assert!(!queue.ensure_group(&mut bench.link).await.unwrap());
    assert_eq!(bench.read("a", 10).await.len(), 1);
}

#[tokio::test]
async fn heartbeats_differ_and_tell_what_a_worker_needs_to_hear() {
    let mut bench = Bench::start().await;
    let queue = bench.worker("a");
    let beat = presence::beat(&mut bench.link, queue.keys(), "a", "{}").await.unwrap();
    assert!(beat.next_due.is_none() && !beat.paused && beat.now.as_millis() > 0);
    bench.ask::<usize>(&["HSET", "{q}:control", "paused", "1"]).await;
    bench.ask::<usize>(&["ZADD", "{q}:retry", "4711", "j"]).await;
    let before = presence::roll_call(&mut bench.link, queue.keys(), &[]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let beat = presence::beat(&mut bench.link, queue.keys(), "a", "{}").await.unwrap();
    assert_eq!((beat.next_due.map(Timestamp::as_millis), beat.paused), (Some(4711), true));
    let after = presence::roll_call(&mut bench.link, queue.keys(), &[]).await.unwrap();
    assert!(before["a"] < after["a"]);
}

#[tokio::test]
async fn a_worker_signs_off_only_when_nothing_is_pending_for_it() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    let queue = bench.worker("a");
    presence::beat(&mut bench.link, queue.keys(), "a", "{}").await.unwrap();
    assert!(!queue.sign_off(&mut bench.link).await.unwrap());
    assert_eq!(bench.settle("a", id, "j", Destination::Done).await, Settled::Applied);
    assert!(queue.sign_off(&mut bench.link).await.unwrap());
    assert!(presence::roll_call(&mut bench.link, queue.keys(), &[]).await.unwrap().is_empty());
    assert!(queue.consumers(&mut bench.link).await.unwrap().is_empty());
}

#[tokio::test]
async fn jobs_are_counted_by_state() {
    let mut bench = Bench::start().await;
    let queue = bench.worker("a");
    assert_eq!(queue.sample(&mut bench.link).await.unwrap().ready, 0);
    bench.leased("a").await;
    bench.add(&[("content", "1")]).await;
    bench.add(&[("content", "2")]).await;
    let sample = queue.sample(&mut bench.link).await.unwrap();
    assert_eq!((sample.ready, sample.leased, sample.waiting, sample.dead), (2, 1, 0, 0));
    assert!(sample.oldest_ready_millis < 60_000);
    bench.ask::<usize>(&["DEL", "q"]).await;
    assert_eq!(queue.sample(&mut bench.link).await.unwrap().ready, 0);
}

#[tokio::test]
async fn a_hooks_record_is_replaced_only_while_it_is_as_it_was_read() {
    let mut bench = Bench::start().await;
    bench.ask::<usize>(&["HSET", "postrider:hooks:{u}", "h", "old"]).await;
    assert_eq!(hooks::read_record(&mut bench.link, "u", "h").await.unwrap().as_deref(), Some(&b"old"[..]));
    assert_eq!(hooks::read_record(&mut bench.link, "u", "other").await.unwrap(), None);
    assert!(!hooks::replace_record(&mut bench.link, "u", "h", b"else", b"new").await.unwrap());
    assert!(hooks::replace_record(&mut bench.link, "u", "h", b"old", b"new").await.unwrap());
    assert_eq!(bench.ask::<String>(&["HGET", "postrider:hooks:{u}", "h"]).await, "new");
}
