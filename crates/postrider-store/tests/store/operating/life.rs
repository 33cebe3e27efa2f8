//! Where a job is, what it has been through, and its end by hand.

use std::time::Duration;

use postrider_core::job_state::JobState;
use postrider_core::verdict::DeadReason;
use postrider_store::attempts;
use postrider_store::dead::{self, Fate};
use postrider_store::jobs::{self, Cancelled, Life, Reach, Whereabouts};
use postrider_store::settlement::Destination;

use super::{LATER, died_of, keys, of_hook};
use crate::bench_of_one::{Bench, retry};

impl Bench {
    async fn cancelled(&mut self, job: &str) -> Cancelled {
        jobs::cancel(&mut self.link, &keys(), job, Reach::NEAR).await.unwrap()
    }

    async fn life(&mut self, job: &str, reach: Reach) -> Life {
        jobs::life(&mut self.link, &keys(), job, reach).await.unwrap()
    }

    async fn content(&mut self, job: &str) -> Option<String> {
        let now = self.find(job).await;
        let content = jobs::content(&mut self.link, &keys(), &now).await.unwrap();
        content.map(|content| String::from_utf8(content).unwrap())
    }

    /// Logs an attempt at this time.
    async fn logged(&self, millis: u64, job: &str, attempt: u32, outcome: &str) {
        let (id, attempt) = (format!("{millis}-*"), attempt.to_string());
        let fields = ["job", job, "attempt", &attempt, "outcome", outcome];
        let _: String = self.ask(&[&["XADD", "{q}:attempts", &id], &fields[..]].concat()).await;
    }

    /// Logs so many attempts of other jobs, a millisecond each.
    async fn others_are_logged(&self, from: u64, count: u64) {
        let mut pipe = redis::pipe();
        for millis in from..from + count {
            let mut add = redis::cmd("XADD");
            add.arg("{q}:attempts").arg(format!("{millis}-*")).arg("job").arg("other");
            pipe.add_command(add.arg("attempt").arg(1).arg("outcome").arg("delivered").clone()).ignore();
        }
        pipe.query_async::<()>(&mut self.redis.connection().await).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_is_found_wherever_it_is_and_ends_only_where_nobody_sends_it() {
    let mut bench = Bench::start().await;
    let leased = bench.leased("a").await.to_string();
    bench.waits("h", "w").await;
    bench.add(&[("to", "x"), ("content", "{}"), ("id", "mine")]).await;
    let found = bench.find(&leased).await;
    assert!(matches!(&found, Whereabouts::Leased { worker, .. } if worker == "a"), "{found:?}");
    assert!(matches!(bench.find("w").await, Whereabouts::Waiting(_)));
    assert!(matches!(bench.find("mine").await, Whereabouts::Ready(_)));
    assert!(matches!(bench.find("nobody").await, Whereabouts::Unknown { looked_everywhere: true }));
    assert_eq!(bench.cancelled(&leased).await, Cancelled::Leased);
    assert_eq!(bench.cancelled("mine").await, Cancelled::Done);
    assert_eq!(bench.cancelled("w").await, Cancelled::Done);
    assert_eq!(bench.cancelled("w").await, Cancelled::Unknown);
    bench.buried("h", "d", DeadReason::Gone).await;
    assert_eq!(bench.cancelled("d").await, Cancelled::Dead);
}

#[tokio::test]
async fn without_a_group_nobody_has_a_job_and_a_stream_that_is_none_is_an_error() {
    let mut bench = Bench::start().await;
    let id = bench.leased("a").await.to_string();
    bench.ask::<usize>(&["XGROUP", "DESTROY", "q", "postrider"]).await;
    assert!(matches!(bench.find(&id).await, Whereabouts::Ready(_)));
    assert_eq!(bench.cancelled(&id).await, Cancelled::Done);
    bench.ask::<usize>(&["DEL", "q"]).await;
    bench.ask::<String>(&["SET", "q", "not a stream"]).await;
    assert!(jobs::find(&mut bench.link, &keys(), &id, Reach::NEAR).await.is_err());
}

#[tokio::test]
async fn a_job_in_the_stream_tells_what_it_is_but_not_what_it_carries() {
    let mut bench = Bench::start().await;
    let first = bench.leased("a").await;
    let state = JobState { first_entry: Some(first), attempts: 4, crashes: 1, ..JobState::default() };
    bench.settle("a", first, &first.to_string(), Destination::GivenBack { state }).await;
    let Whereabouts::Ready(job) = bench.find(&first.to_string()).await else { panic!("it is ready") };
    assert_eq!((job.state.attempts, job.state.crashes), (4, 1));
    let entry = bench.add(&of_hook("h")).await;
    let Whereabouts::Ready(job) = bench.find(&entry.to_string()).await else { panic!("it is ready") };
    assert_eq!((&*job.user_id, &*job.hook_id, &*job.destination), ("u", "h", "https://x.example"));
    assert_eq!(job.created_at, Some(entry.time()));
    assert!(!format!("{job:?}").contains("secret-path"));
}

#[tokio::test]
async fn what_a_job_carries_is_read_wherever_it_is() {
    let mut bench = Bench::start().await;
    let leased = bench.leased("a").await.to_string();
    bench.waits("h", "w").await;
    bench.buried("h", "d", DeadReason::Gone).await;
    bench.add(&[("to", "x"), ("content", "as it is"), ("id", "r")]).await;
    for (job, expected) in [(&*leased, "{}"), ("w", "{}"), ("d", "{}"), ("r", "as it is")] {
        assert_eq!(bench.content(job).await.as_deref(), Some(expected), "{job}");
    }
    assert_eq!(bench.content("nobody").await, None);
}

#[tokio::test]
async fn a_short_reach_looks_through_no_more_than_its_share_and_says_so() {
    let mut bench = Bench::start().await;
    let mut pipe = redis::pipe();
    for n in 0..2_000 {
        pipe.cmd("XADD").arg("q").arg("*").arg("to").arg("x").arg("id").arg(format!("j{n}")).ignore();
        pipe.cmd("XADD").arg("{q}:dead").arg("*").arg("to").arg("x").arg("_id").arg(format!("d{n}")).ignore();
    }
    pipe.query_async::<()>(&mut bench.redis.connection().await).await.unwrap();
    for near in ["j0", "j1999", "d1999"] {
        assert!(!matches!(bench.find(near).await, Whereabouts::Unknown { .. }), "{near}");
    }
    for far in ["j1000", "d1000"] {
        let found = bench.find(far).await;
        assert!(matches!(found, Whereabouts::Unknown { looked_everywhere: false }), "{far}: {found:?}");
        let found = jobs::find(&mut bench.link, &keys(), far, Reach::FAR).await.unwrap();
        assert!(!matches!(found, Whereabouts::Unknown { .. }), "{far}");
    }
}

#[tokio::test]
async fn attempts_are_found_in_a_long_log_by_what_is_known_of_the_job() {
    let mut bench = Bench::start().await;
    let entry = bench.waits("h", "w").await;
    let at = entry.millis + 10;
    bench.others_are_logged(entry.millis - 4_000, 4_000).await;
    bench.logged(at, "w", 1, "retried").await;
    bench.logged(at, "replied-at-once", 1, "delivered").await;
    bench.others_are_logged(at + 1, 4_000).await;
    let life = bench.life("w", Reach::NEAR).await;
    assert_eq!((life.attempts.len(), life.log_is_whole), (1, true));
    let done = format!("{}-0", at - 5);
    bench.logged(at + 4_001, &done, 2, "delivered").await;
    let life = bench.life(&done, Reach::NEAR).await;
    assert_eq!((life.attempts.len(), life.log_is_whole), (1, false), "its first attempt is missing");
    assert!(matches!(life.now, Whereabouts::Delivered));
    let life = bench.life("replied-at-once", Reach::NEAR).await;
    assert!(matches!(life.now, Whereabouts::Unknown { .. }) && !life.log_is_whole, "{life:?}");
    let life = bench.life("replied-at-once", Reach::FAR).await;
    assert!(matches!(life.now, Whereabouts::Delivered) && life.log_is_whole, "{life:?}");
}

#[tokio::test]
async fn the_life_of_a_replayed_job_begins_before_its_replay() {
    let mut bench = Bench::start().await;
    let entry = bench.add(&of_hook("h")).await;
    let job = entry.to_string();
    bench.read("a", 10).await;
    bench.settle("a", entry, &job, died_of(DeadReason::Exhausted)).await;
    bench.logged(entry.millis + 1, &job, 1, "retried").await;
    bench.logged(entry.millis + 2, &job, 2, "dead").await;
    let letter = dead::find(&mut bench.link, &keys(), &job, 100).await.unwrap().unwrap();
    bench.moved(Fate::Replay, &[letter.entry]).await;
    let again = bench.read("a", 10).await[0].id;
    bench.settle("a", again, &job, retry(LATER)).await;
    bench.logged(again.millis + 10, &job, 1, "retried").await;
    bench.others_are_logged(again.millis + 11, 4_000).await;
    let life = bench.life(&job, Reach::NEAR).await;
    let told: Vec<_> = life.attempts.iter().map(|attempt| (attempt.attempt, &*attempt.outcome)).collect();
    assert_eq!(told, [(1, "retried"), (2, "dead"), (1, "retried")]);
}

#[tokio::test]
async fn attempts_that_are_too_old_are_removed_about_and_younger_ones_stay() {
    let mut bench = Bench::start().await;
    bench.others_are_logged(1_000, 1_000).await;
    let day = Duration::from_secs(86_400);
    bench.logged(1_000_000_000_000_000, "young", 1, "delivered").await;
    let removed = attempts::trim(&mut bench.link, &keys(), day).await.unwrap();
    let left = bench.ask::<u64>(&["XLEN", "{q}:attempts"]).await;
    // Redis removes whole nodes of a stream, of a hundred entries.
    assert!((1..=101).contains(&left) && removed == 1_001 - left, "{removed} of 1001, {left} left");
    assert_eq!(bench.life("young", Reach::NEAR).await.attempts.len(), 1);
}
