//! Heartbeats by which a worker finds out that Redis has lost data.

use postrider_store::keys::QueueKeys;
use postrider_store::presence::{Loss, Memory, beat_and_compare};

use crate::bench_of_one::Bench;

/// One heartbeat of `worker`; what it finds.
async fn beat(bench: &mut Bench, worker: &str, memory: &mut Option<Memory>) -> Option<Loss> {
    let keys: QueueKeys = bench.worker(worker).keys().clone();
    beat_and_compare(&mut bench.link, &keys, worker, "{}", memory).await.unwrap().1
}

#[tokio::test]
async fn heartbeats_of_several_workers_find_no_loss_where_there_is_none() {
    let mut bench = Bench::start().await;
    let (mut a, mut b) = (None, None);
    for _ in 0..3 {
        assert_eq!(beat(&mut bench, "a", &mut a).await, None);
        assert_eq!(beat(&mut bench, "b", &mut b).await, None);
    }
    let () = bench.ask(&["DEL", "{q}:workers:seen"]).await;
    assert_eq!(beat(&mut bench, "a", &mut a).await, None, "to be taken for dead is no loss of data");
}

#[tokio::test]
async fn an_emptied_redis_is_found_once_by_each_worker() {
    let mut bench = Bench::start().await;
    let (mut a, mut b) = (None, None);
    beat(&mut bench, "a", &mut a).await;
    beat(&mut bench, "b", &mut b).await;
    let () = bench.ask(&["FLUSHALL"]).await;
    assert_eq!(beat(&mut bench, "a", &mut a).await, Some(Loss::Emptied));
    assert_eq!(beat(&mut bench, "b", &mut b).await, Some(Loss::Emptied));
    assert_eq!(beat(&mut bench, "a", &mut a).await, None);
    let how: String = bench.ask(&["HGET", "{q}:epoch", "how"]).await;
    assert_eq!(how, "emptied");
}

#[tokio::test]
async fn data_lost_twice_in_a_millisecond_is_found_twice() {
    let mut bench = Bench::start().await;
    let mut memory = None;
    beat(&mut bench, "a", &mut memory).await;
    for _ in 0..100 {
        let () = bench.ask(&["FLUSHALL"]).await;
        assert_eq!(beat(&mut bench, "a", &mut memory).await, Some(Loss::Emptied));
    }
}

#[tokio::test]
async fn older_data_is_found_and_tells_how_old_it_is() {
    let mut bench = Bench::start().await;
    let mut memory = None;
    beat(&mut bench, "a", &mut memory).await;
    let old: String = bench.ask(&["HGET", "{q}:epoch", "beat"]).await;
    // The clock of Redis counts milliseconds.
    while bench.ask::<String>(&["HGET", "{q}:epoch", "beat"]).await == old {
        beat(&mut bench, "a", &mut memory).await;
    }
    let () = bench.ask(&["HSET", "{q}:epoch", "beat", &old]).await;
    let Some(Loss::Older { since }) = beat(&mut bench, "a", &mut memory).await else {
        panic!("the loss was not found");
    };
    assert_eq!(since.to_string(), old);
    assert_eq!(beat(&mut bench, "a", &mut memory).await, None);
}

#[tokio::test]
async fn a_note_of_another_type_costs_no_heartbeat() {
    let mut bench = Bench::start().await;
    let () = bench.ask(&["SET", "{q}:epoch", "x"]).await;
    let mut memory = None;
    assert_eq!(beat(&mut bench, "a", &mut memory).await, None);
    assert_eq!(beat(&mut bench, "a", &mut memory).await, None);
}
