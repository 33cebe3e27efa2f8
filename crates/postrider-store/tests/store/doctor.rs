//! What `doctor` finds in a queue, and that mending it loses nothing and may be repeated.

use std::time::Duration;

use postrider_core::job_state::JobState;
use postrider_core::queue_name::QueueName;
use postrider_core::time::Timestamp;
use postrider_store::doctor::finding::{Code, Cure, Finding, Severity};
use postrider_store::doctor::{Mended, Patient, examine, mend};
use postrider_store::presence;
use postrider_store::settlement::{Destination, HookName};

use crate::bench_of_one::{Bench, retry};

fn patient() -> Patient {
    Patient {
        queues: vec![QueueName::parse("q").unwrap()],
        events: None,
        allow_eviction: false,
        dead_after: Duration::from_secs(5),
    }
}

async fn findings(bench: &mut Bench) -> Vec<Finding> {
    examine(&mut bench.link, &patient()).await.unwrap()
}

/// What of one code calls for action.
async fn found(bench: &mut Bench, code: Code) -> Vec<Finding> {
    let mut all = findings(bench).await;
    all.retain(|finding| finding.code == code && finding.severity > Severity::Ok);
    all
}

/// Mends, and mends once more: the second time there is nothing to do.
async fn mended(bench: &mut Bench) -> Mended {
    let before = findings(bench).await;
    let first = mend(&mut bench.link, &patient(), &before).await.unwrap();
    let second = mend(&mut bench.link, &patient(), &before).await.unwrap();
    assert!(second.is_empty(), "a repeat mended something: {second:?}");
    first.into_iter().next().unwrap_or_default()
}

/// A job that waits for an hour.
async fn waiting(bench: &mut Bench, job: &str) {
    let id = bench.leased("w").await;
    bench.settle("w", id, job, retry(Duration::from_secs(3600))).await;
}

/// A job that is held for the hook `u/h`.
async fn held(bench: &mut Bench, job: &str) {
    let id = bench.leased("w").await;
    let destination = Destination::Held {
        hook: HookName::new("u", "h"),
        expires_at: None,
        age: Timestamp::from_millis(7),
        state: JobState::default(),
    };
    bench.settle("w", id, job, destination).await;
}

async fn score(bench: &Bench, key: &str, member: &str) -> Option<f64> {
    bench.ask(&["ZSCORE", key, member]).await
}

#[tokio::test]
async fn a_sound_queue_is_left_alone() {
    let mut bench = Bench::start().await;
    waiting(&mut bench, "one").await;
    held(&mut bench, "two").await;
    bench.leased("w").await;
    let keys = bench.worker("w").keys().clone();
    presence::beat(&mut bench.link, &keys, "w", "{}").await.unwrap();
    let all = findings(&mut bench).await;
    assert!(all.iter().all(|finding| finding.cure.is_none()), "{all:#?}");
    assert!(mended(&mut bench).await.is_nothing());
}

#[tokio::test]
async fn a_waiting_job_whose_id_was_removed_is_put_back_and_due() {
    let mut bench = Bench::start().await;
    waiting(&mut bench, "lost").await;
    waiting(&mut bench, "kept").await;
    let () = bench.ask(&["ZREM", "{q}:retry", "lost"]).await;
    let told = found(&mut bench, Code::Waiting).await;
    assert!(told.len() == 1 && told[0].sentence.contains("(lost)"), "{told:?}");
    assert_eq!(mended(&mut bench).await.jobs_restored, 1);
    assert_eq!(bench.worker("w").promote(&mut bench.link).await.unwrap().promoted, 1);
    assert_eq!(bench.counts().await, [1, 0, 1, 0]);
}

#[tokio::test]
async fn a_waiting_job_that_never_falls_due_is_made_due() {
    let mut bench = Bench::start().await;
    waiting(&mut bench, "never").await;
    let () = bench.ask(&["ZADD", "{q}:retry", "inf", "never"]).await;
    assert!(found(&mut bench, Code::Waiting).await[0].sentence.contains("never comes"));
    assert_eq!(mended(&mut bench).await.jobs_restored, 1);
    assert_eq!(bench.worker("w").promote(&mut bench.link).await.unwrap().promoted, 1);
}

#[tokio::test]
async fn a_held_job_that_its_hook_does_not_know_is_listed_again_and_goes_on_waiting() {
    let mut bench = Bench::start().await;
    held(&mut bench, "job").await;
    let never = score(&bench, "{q}:retry", "job").await;
    for damage in [["ZREM", "{q}:held:u/h", "job"], ["ZREM", "{q}:held", "u/h"], ["ZREM", "{q}:retry", "job"]]
    {
        let () = bench.ask(&damage).await;
        assert_eq!(found(&mut bench, Code::Waiting).await.len(), 1, "{damage:?}");
        assert_eq!(mended(&mut bench).await.jobs_restored, 1, "{damage:?}");
        assert_eq!(score(&bench, "{q}:retry", "job").await, never);
        assert!(score(&bench, "{q}:held:u/h", "job").await.is_some());
        assert!(score(&bench, "{q}:held", "u/h").await.is_some());
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_buried_whole_and_ids_without_a_job_are_removed() {
    let mut bench = Bench::start().await;
    let () =
        bench.ask(&["ZADD", "{q}:retry", "99999999999999", "garbled", "99999999999999", "jobless"]).await;
    let () = bench.ask(&["HSET", "{q}:retry:jobs", "garbled", "0 of no version"]).await;
    assert_eq!(found(&mut bench, Code::Waiting).await.len(), 2);
    let mended = mended(&mut bench).await;
    assert_eq!((mended.jobs_buried, mended.ids_removed), (1, 1));
    let letter = bench.last_as_map("{q}:dead").await;
    assert_eq!((&letter["record"][..], &letter["_reason"][..]), ("0 of no version", "invalid"));
    assert_eq!(bench.counts().await, [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_waiting_job_of_a_newer_version_is_none_of_this_doctors_business() {
    let mut bench = Bench::start().await;
    let () = bench.ask(&["ZADD", "{q}:retry", "99999999999999", "newer"]).await;
    let () = bench.ask(&["HSET", "{q}:retry:jobs", "newer", "2 of a version to come"]).await;
    assert_eq!(found(&mut bench, Code::Waiting).await, []);
    assert_eq!(mended(&mut bench).await.jobs_buried, 0);
    assert_eq!(bench.counts().await, [0, 0, 1, 0]);
}

#[tokio::test]
async fn skipped_entries_keep_their_ids_and_can_be_taken_over() {
    let mut bench = Bench::start().await;
    let (read, skipped) = (bench.leased("w").await, bench.add(&[("to", "x")]).await);
    let () = bench.ask(&["XGROUP", "SETID", "q", "postrider", "$"]).await;
    let told = found(&mut bench, Code::Stream).await;
    assert!(told.len() == 1 && told[0].severity == Severity::Error, "{told:?}");
    assert!(told[0].sentence.contains(&skipped.to_string()) && !told[0].sentence.contains(&read.to_string()));
    assert_eq!(mended(&mut bench).await.entries_returned, 1);
    let taken = bench.worker("w").take_over(&mut bench.link, "doctor", None, 10).await.unwrap();
    let ids: Vec<_> = taken.entries.iter().map(|entry| (entry.id, entry.deliveries)).collect();
    assert_eq!(ids, [(skipped, 0)], "nobody was lost with it");
}

#[tokio::test]
async fn leases_whose_entry_is_gone_and_consumers_that_are_gone_are_removed() {
    let mut bench = Bench::start().await;
    let id = bench.leased("w").await.to_string();
    let _: usize = bench.ask(&["XDEL", "q", &id]).await;
    assert_eq!(found(&mut bench, Code::Stream).await[0].cure, Some(Cure::Stream));
    let mended_leases = mended(&mut bench).await;
    assert_eq!(mended_leases.leases_dropped, 1);
    assert_eq!(found(&mut bench, Code::Consumers).await.len(), 1);
    assert_eq!(mended(&mut bench).await.consumers_removed, 1);
    assert_eq!(bench.worker("x").consumers(&mut bench.link).await.unwrap(), []);
}

#[tokio::test]
async fn a_consumer_that_beats_or_holds_something_is_never_removed() {
    let mut bench = Bench::start().await;
    bench.leased("holds").await;
    let () = bench.ask(&["XGROUP", "CREATECONSUMER", "q", "postrider", "beats"]).await;
    let keys = bench.worker("beats").keys().clone();
    presence::beat(&mut bench.link, &keys, "beats", "{}").await.unwrap();
    assert!(found(&mut bench, Code::Consumers).await.is_empty());
    assert!(mended(&mut bench).await.is_nothing());
    assert_eq!(bench.worker("x").consumers(&mut bench.link).await.unwrap().len(), 2);
}

#[tokio::test]
async fn keys_of_another_type_are_named_and_not_walked() {
    let mut bench = Bench::start().await;
    for key in ["{q}:retry", "{q}:dead", "{q}:workers:seen", "{q}:control", "{q}:epoch"] {
        let () = bench.ask(&["SET", key, "x"]).await;
    }
    assert_eq!(found(&mut bench, Code::KeyType).await.len(), 5);
}

#[tokio::test]
async fn pages_are_walked_to_the_end_however_large_jobs_are() {
    let mut bench = Bench::start().await;
    let script = "for i = 1, 3000 do redis.call('XADD', KEYS[1], '*', 'to', string.rep('x', i % 7 == 0 and 50000 or 10)) end \
                  redis.call('XREADGROUP', 'GROUP', 'postrider', 'w', 'COUNT', 3000, 'STREAMS', KEYS[1], '>')";
    let () = bench.ask(&["EVAL", script, "1", "q"]).await;
    let ids: Vec<(String, Vec<String>)> = bench.ask(&["XRANGE", "q", "-", "+", "COUNT", "2500"]).await;
    for (id, _) in ids.iter().step_by(50) {
        let _: usize = bench.ask(&["XACK", "q", "postrider", id]).await;
    }
    for (id, _) in ids.iter().skip(1).step_by(50) {
        let _: usize = bench.ask(&["XDEL", "q", id]).await;
    }
    let told = found(&mut bench, Code::Stream).await;
    assert!(told.iter().all(|finding| finding.sentence.starts_with("50 ")) && told.len() == 2, "{told:?}");
    let mended = mended(&mut bench).await;
    assert_eq!((mended.entries_returned, mended.leases_dropped), (50, 50));
}
