use std::collections::HashMap;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_store::settlement::{AttemptRecord, Destination, Settled, Settlement};

use crate::bench_of_one::{Bench, MOST, dead, given_back, retry, settlement};

fn attempt() -> AttemptRecord {
    AttemptRecord {
        event_id: "ev".into(),
        hook_id: "h".into(),
        user_id: "u".into(),
        destination: "https://x.example".into(),
        attempt: 3,
        status: 204,
        millis: 17,
        error: String::new(),
        response: vec![0xff, b'x'],
    }
}

const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_delivered_job_is_nowhere() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    assert_eq!(bench.settle("a", id, "j", Destination::Done).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_dead_letter_holds_the_jobs_own_fields_in_order_and_why_it_died() {
    let mut bench = Bench::start().await;
    let fields = [
        ("to", "x"),
        ("tenant", "a"),
        ("tenant", "b"),
        ("_job", "1 attempts=1"),
        ("_reason", "old"),
        ("z", ""),
    ];
    let id = bench.add(&fields).await;
    bench.read("a", 1).await;
    assert_eq!(bench.settle("a", id, "my-job", dead()).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 0, 1]);
    let mut letter = bench.last_entry("{q}:dead").await;
    let (_, died_at) = letter.pop().unwrap();
    assert!(died_at.parse::<u64>().unwrap() > 1_700_000_000_000);
    let expected = [
        ("to", "x"),
        ("tenant", "a"),
        ("tenant", "b"),
        ("z", ""),
        ("_id", "my-job"),
        ("_reason", "rejected"),
        ("_status", "404"),
        ("_error", "the receiver answered 404"),
        ("_attempts", "2"),
    ];
    assert_eq!(letter, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn settling_again_after_a_lost_reply_changes_nothing() {
    let mut bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.leased("a").await);
    }
    let batch = || {
        [
            settlement(ids[0], "j0", Destination::Done),
            settlement(ids[1], "j1", retry(LATER)),
            settlement(ids[2], "j2", dead()),
            settlement(ids[3], "j3", given_back()),
        ]
    };
    assert_eq!(bench.settle_all("a", &batch()).await, vec![Settled::Applied; 4]);
    let counts = bench.counts().await;
    assert_eq!(counts, [1, 0, 1, 1]);
    assert_eq!(bench.settle_all("a", &batch()).await, vec![Settled::Gone; 4]);
    assert_eq!(bench.counts().await, counts);
}

#[tokio::test]
async fn only_a_success_is_accepted_from_a_worker_that_has_lost_the_job() {
    let mut bench = Bench::start().await;
    let id = bench.leased("lost").await;
    assert!(bench.worker("new").take_over(&mut bench.link, "lost", None, 10).await.unwrap().finished);
    for destination in [retry(SOON), dead(), given_back(), Destination::Discarded] {
        assert_eq!(bench.settle("lost", id, "j", destination).await, Settled::Refused);
    }
    assert_eq!(bench.counts().await, [1, 1, 0, 0]);
    assert_eq!(bench.settle("lost", id, "j", Destination::Done).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
    assert_eq!(bench.settle("new", id, "j", retry(SOON)).await, Settled::Gone);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_late_success_ends_a_waiting_job_only_if_it_came_from_that_very_entry() {
    let mut bench = Bench::start().await;
    let first = bench.leased("lost").await;
    bench.worker("new").take_over(&mut bench.link, "lost", None, 10).await.unwrap();
    assert_eq!(bench.settle("new", first, "j", retry(LATER)).await, Settled::Applied);
    let other = EntryId { millis: first.millis, sequence: first.sequence + 7 };
    assert_eq!(bench.settle("lost", other, "j", Destination::Done).await, Settled::Gone);
    assert_eq!(bench.counts().await, [0, 0, 1, 0]);
    assert_eq!(bench.settle("lost", first, "j", Destination::Done).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 0, 0]);
    assert_eq!(bench.ask::<usize>(&["HLEN", "{q}:retry:jobs"]).await, 0);
}

#[tokio::test]
async fn an_entry_that_is_pending_for_nobody_is_settled_by_whoever_holds_it() {
    let mut bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.leased("a").await);
    }
    bench.ask::<usize>(&["XGROUP", "DELCONSUMER", "q", "postrider", "a"]).await;
    assert_eq!(bench.settle("a", ids[0], "j0", Destination::Done).await, Settled::Applied);
    bench.ask::<usize>(&["XGROUP", "DESTROY", "q", "postrider"]).await;
    assert_eq!(bench.settle("a", ids[1], "j1", retry(LATER)).await, Settled::Applied);
    assert_eq!(bench.settle("a", ids[2], "j2", Destination::Done).await, Settled::Applied);
    bench.worker("a").ensure_group(&mut bench.link).await.unwrap();
    assert_eq!(bench.counts().await, [0, 0, 1, 0]);
}

#[tokio::test]
async fn a_job_that_must_wait_while_another_of_its_id_waits_is_buried_as_duplicate() {
    let mut bench = Bench::start().await;
    let (first, second) = (bench.leased("a").await, bench.leased("a").await);
    assert_eq!(bench.settle("a", first, "same", retry(LATER)).await, Settled::Applied);
    assert_eq!(bench.settle("a", second, "same", retry(LATER)).await, Settled::Duplicate);
    assert_eq!(bench.counts().await, [0, 0, 1, 1]);
    let letter = bench.last_as_map("{q}:dead").await;
    assert_eq!((&*letter["_reason"], &*letter["_status"], &*letter["_attempts"]), ("duplicate", "503", "1"));
    // The first is none the worse for it.
    assert_eq!(bench.ask::<Vec<String>>(&["ZRANGE", "{q}:retry", "0", "-1"]).await, ["same"]);
}

#[tokio::test]
async fn a_job_whose_new_home_cannot_be_written_stays_and_its_neighbours_go_on() {
    let mut bench = Bench::start().await;
    let (stuck, fine) = (bench.leased("a").await, bench.leased("a").await);
    bench.ask::<String>(&["SET", "{q}:dead", "not a stream"]).await;
    let batch = [settlement(stuck, "j", dead()), settlement(fine, "k", retry(LATER))];
    let results = bench.settle_all("a", &batch).await;
    assert!(matches!(&results[0], Settled::Failed(cause) if cause.contains("WRONGTYPE")), "{results:?}");
    assert_eq!(results[1], Settled::Applied);
    bench.ask::<usize>(&["DEL", "{q}:dead"]).await;
    assert_eq!(bench.counts().await, [1, 1, 1, 0]);
    assert_eq!(bench.settle("a", stuck, "j", dead()).await, Settled::Applied);
    assert_eq!(bench.counts().await, [0, 0, 1, 1]);
}

#[tokio::test]
async fn ownership_is_found_by_number_and_also_when_the_list_of_leases_is_cut() {
    let mut bench = Bench::start().await;
    let mut batch = Vec::new();
    for sequence in 1..=12 {
        bench.ask::<String>(&["XADD", "q", &format!("5-{sequence}"), "content", "{}"]).await;
        batch.push(settlement(EntryId { millis: 5, sequence }, &format!("j{sequence}"), dead()));
    }
    bench.read("a", 100).await;
    batch.reverse();
    let queue = bench.worker("a");
    let cut = queue.settle(&mut bench.link, &batch[..6], 2, false).await.unwrap().results;
    let whole = queue.settle(&mut bench.link, &batch[6..], MOST, false).await.unwrap().results;
    assert_eq!([cut, whole].concat(), vec![Settled::Applied; 12]);
    assert_eq!(bench.counts().await, [0, 0, 0, 12]);
}

#[tokio::test]
async fn a_given_back_job_is_unread_again_with_its_state() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    assert_eq!(bench.settle("a", id, "j", given_back()).await, Settled::Applied);
    let again = bench.read("b", 10).await;
    let fields = again[0].fields.as_ref().unwrap();
    let expected: [(&[u8], &[u8]); 3] =
        [(b"to", b"https://x.example/"), (b"content", b"{}"), (b"_job", b"1 attempts=4 crashes=1")];
    assert_eq!(fields.as_slice(), expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
}

#[tokio::test]
async fn attempts_and_minute_counters_are_written_with_the_settle() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await;
    let mut settlement = settlement(id, "j", Destination::Done);
    settlement.attempt = Some(attempt());
    bench.settle_all("a", &[settlement]).await;
    let entries: Vec<(String, Vec<Field>)> = bench.ask(&["XRANGE", "{q}:attempts", "-", "+"]).await;
    let names: Vec<_> = entries[0].1.iter().map(|(name, _)| std::str::from_utf8(name).unwrap()).collect();
    let expected = "job eventId hookId userId destination attempt outcome status ms error response at worker";
    assert_eq!(names.join(" "), expected);
    assert_eq!(entries[0].1[10].1, [0xff, b'x']);
    let stats: Vec<String> = bench.ask(&["KEYS", "{q}:stats:*"]).await;
    let counters: Vec<(String, u64)> = bench.ask(&["HGETALL", &stats[0]]).await;
    assert!(
        counters.len() == 1 && counters[0].0.ends_with(":delivered") && counters[0].1 == 1,
        "{counters:?}"
    );
}

/// What the attempt log says of each attempt: job, event, number, outcome.
async fn logged(bench: &Bench) -> Vec<[String; 4]> {
    let entries: Vec<(String, HashMap<String, String>)> =
        bench.ask(&["XRANGE", "{q}:attempts", "-", "+"]).await;
    let told = |record: &HashMap<String, String>| {
        ["job", "eventId", "attempt", "outcome"].map(|name| record[name].clone())
    };
    entries.iter().map(|(_, record)| told(record)).collect()
}

/// A settlement of the job with its attempt, which has brought nothing but ASCII.
fn tried(entry: EntryId, job: &str, event: &str, number: u32, destination: Destination) -> Settlement {
    let record = AttemptRecord { event_id: event.into(), attempt: number, response: Vec::new(), ..attempt() };
    Settlement { attempt: Some(record), ..settlement(entry, job, destination) }
}

#[tokio::test]
async fn jobs_named_by_their_entries_and_others_are_recorded_by_their_names() {
    let mut bench = Bench::start().await;
    let ids = [bench.leased("a").await, bench.leased("a").await, bench.leased("a").await];
    let names = ids.map(|id| id.to_string());
    let suffixed = format!("{}-31c3", names[1]);
    let plain = [
        tried(ids[0], &names[0], &names[0], 1, Destination::Done),
        tried(ids[1], &names[1], &suffixed, 2, Destination::Done),
    ];
    assert_eq!(bench.settle_all("a", &plain).await, [Settled::Applied, Settled::Applied]);
    bench.settle_all("a", &[tried(ids[2], "j", "ev", 1, Destination::Done)]).await;
    let word = |text: &str| text.to_owned();
    let expected = [
        [names[0].clone(), names[0].clone(), word("1"), word("delivered")],
        [names[1].clone(), suffixed, word("2"), word("delivered")],
        [word("j"), word("ev"), word("1"), word("delivered")],
    ];
    assert_eq!(logged(&bench).await, expected);
}

#[tokio::test]
async fn results_come_in_the_order_of_the_batch_whatever_became_of_each_job() {
    let mut bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.leased("a").await);
    }
    bench.settle("a", ids[1], "before", Destination::Done).await;
    let batch = [
        tried(ids[0], "retried", "ev", 1, retry(LATER)),
        tried(ids[1], "before", "ev", 1, Destination::Done),
        tried(ids[2], "dead", "ev", 1, dead()),
        tried(ids[3], "delivered", "ev", 1, Destination::Done),
        tried(ids[4], "retried", "ev", 1, retry(LATER)),
    ];
    let expected = [Settled::Applied, Settled::Gone, Settled::Applied, Settled::Applied, Settled::Duplicate];
    assert_eq!(bench.settle_all("a", &batch).await, expected);
    assert_eq!(bench.counts().await, [0, 0, 1, 2]);
    let outcomes: Vec<String> = logged(&bench).await.into_iter().map(|[.., outcome]| outcome).collect();
    assert_eq!(outcomes, ["delivered", "delivered", "retried", "dead", "dead"]);
}

/// An entry that is too wide for a script, leased for `a`; and its fields.
async fn wide_entry(bench: &Bench) -> (EntryId, Vec<Field>) {
    let wide: Vec<(String, String)> =
        (0..5_000).map(|number| (format!("x{number}"), "v".to_owned())).collect();
    let wide: Vec<(&str, &str)> = wide.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let id = bench.add(&wide).await;
    (id, bench.read("a", 1).await.remove(0).fields.unwrap())
}

#[tokio::test]
async fn an_entry_too_wide_for_a_script_is_buried_whole_and_once() {
    let mut bench = Bench::start().await;
    let (id, fields) = wide_entry(&bench).await;
    let (queue, settlement) = (bench.worker("a"), settlement(id, "j", dead()));
    for settled in [Settled::Applied, Settled::Gone] {
        assert_eq!(queue.bury_whole(&mut bench.link, &settlement, &fields).await.unwrap(), settled);
        assert_eq!(bench.counts().await, [0, 0, 0, 1]);
    }
    let letter = bench.last_entry("{q}:dead").await;
    assert_eq!((letter.len(), &*letter[4_999].0, &*letter[5_000].0), (5_006, "x4999", "_id"));
}

#[tokio::test]
async fn a_wide_entry_stays_where_it_is_while_it_cannot_be_buried_or_is_anothers() {
    let mut bench = Bench::start().await;
    let (id, fields) = wide_entry(&bench).await;
    let (queue, settlement) = (bench.worker("a"), settlement(id, "j", dead()));
    bench.ask::<String>(&["SET", "{q}:dead", "not a stream"]).await;
    let settled = queue.bury_whole(&mut bench.link, &settlement, &fields).await.unwrap();
    assert!(matches!(settled, Settled::Failed(_)), "{settled:?}");
    bench.ask::<usize>(&["DEL", "{q}:dead"]).await;
    bench.worker("b").take_over(&mut bench.link, "a", None, 1).await.unwrap();
    assert_eq!(queue.bury_whole(&mut bench.link, &settlement, &fields).await.unwrap(), Settled::Refused);
    assert_eq!(bench.counts().await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn only_the_jobs_that_must_wait_fail_where_the_waiting_set_is_no_set() {
    let mut bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.leased("a").await);
    }
    bench.ask::<String>(&["SET", "{q}:retry", "not a set"]).await;
    let batch = [
        settlement(ids[0], "j0", Destination::Done),
        settlement(ids[1], "j1", retry(LATER)),
        settlement(ids[2], "j2", dead()),
    ];
    let results = bench.settle_all("a", &batch).await;
    assert!(matches!(&results[1], Settled::Failed(_)) && results[0] == Settled::Applied, "{results:?}");
    assert_eq!(results[2], Settled::Applied);
}

#[tokio::test]
async fn an_attempt_whose_result_came_too_late_is_recorded_and_a_repeat_is_not() {
    let mut bench = Bench::start().await;
    let id = bench.leased("lost").await;
    bench.worker("new").take_over(&mut bench.link, "lost", None, 10).await.unwrap();
    let mut late = settlement(id, "j", retry(LATER));
    late.attempt = Some(attempt());
    assert_eq!(bench.settle_all("lost", &[late]).await, [Settled::Refused]);
    assert_eq!(bench.ask::<usize>(&["XLEN", "{q}:attempts"]).await, 1);
    let mut again = settlement(id, "j", retry(LATER));
    again.attempt = Some(attempt());
    let queue = bench.worker("lost");
    queue.settle(&mut bench.link, &[again], MOST, true).await.unwrap();
    assert_eq!(bench.ask::<usize>(&["XLEN", "{q}:attempts"]).await, 1);
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let mut bench = Bench::start().await;
    for _ in 0..2 {
        let id = bench.leased("a").await;
        bench.ask::<String>(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(bench.settle("a", id, "j", Destination::Done).await, Settled::Applied);
    }
}
