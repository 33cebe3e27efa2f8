//! Plays cases at once, sends each its jobs, and gathers what became of them. Never judges.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_sink::behaviour::{Book, Case, Expectation};
use postrider_sink::{Behaviour, Stage};
use postrider_tests::worker_process::WorkerProcess;
use postrider_tests::world::{World, xadd};
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

use super::ledger::{Ledger, Record, Seen};

/// `delivery.timeout` of a worker with default settings.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Beyond its time an attempt may take so long until its record is there.
const SLACK: Duration = Duration::from_secs(1);

/// A case that was played.
pub(super) struct Played {
    pub(super) case: &'static Case,
    pub(super) book: Arc<Book>,
    pub(super) jobs: Vec<JobRun>,
    /// The receiver, which lives on until all is judged: a request too many may come late.
    _stage: JoinSet<()>,
}

/// One of its jobs.
pub(super) struct JobRun {
    pub(super) id: String,
    /// From the moment it was added to its last record.
    pub(super) took: Duration,
    pub(super) records: Vec<Record>,
}

/// What is to be seen when all is over.
pub(super) struct After {
    /// When each waiting job is due, epoch milliseconds, by id.
    pub(super) waiting: HashMap<String, f64>,
    /// Reason of each dead job, by id.
    pub(super) dead: HashMap<String, String>,
    /// The worker's log.
    pub(super) log: String,
}

/// Where jobs are sent through, and where what becomes of them is seen.
#[derive(Clone)]
struct Queue {
    name: String,
    connection: MultiplexedConnection,
    ledger: Arc<Ledger>,
}

/// Plays all at once.
pub(super) async fn all(world: &World, cases: &[&'static Case]) -> Vec<Played> {
    let (ledger, connection) = (Arc::new(Ledger::default()), world.connection().await);
    let queue = Queue { name: world.queue().to_owned(), connection, ledger: Arc::clone(&ledger) };
    let mut playing = JoinSet::new();
    for case in cases.iter().copied() {
        playing.spawn(play(case, queue.clone()));
    }
    tokio::select! {
        played = playing.join_all() => played,
        () = ledger.follow(world) => unreachable!("it never ends by itself"),
    }
}

/// What is to be seen now.
pub(super) async fn look(world: &World) -> After {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let letters = world.dead_letters().await;
    let dead = letters.iter().map(|letter| (text(&letter[&b"_id"[..]]), text(&letter[&b"_reason"[..]])));
    After {
        waiting: world.waiting().await.into_iter().collect(),
        dead: dead.collect(),
        log: world.workers.iter().map(WorkerProcess::log).collect(),
    }
}

async fn play(case: &'static Case, mut queue: Queue) -> Played {
    let behaviour = Behaviour::of(case).expect("a case that is played here can be played");
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let stage = Stage::bind(anywhere, behaviour).await.expect("loopback can be listened on");
    let (url, book) = (stage.url(), stage.book());
    let mut playing = JoinSet::new();
    playing.spawn(stage.run(std::future::pending()));
    let mut jobs = Vec::new();
    for number in 1..=case.jobs.unwrap_or(1) {
        if number > 1 {
            tokio::time::sleep(Duration::from_millis(case.gap_ms)).await;
        }
        jobs.push(queue.send(case, format!("{}:{number}", case.id), &url).await);
    }
    Played { case, book, jobs, _stage: playing }
}

impl Queue {
    /// Adds a job, and waits until nothing more is to come of it.
    async fn send(&mut self, case: &Case, id: String, url: &str) -> JobRun {
        let (added, fields) = (Instant::now(), fields(case, &id, url));
        let _: String =
            xadd(&self.name, "*", &fields).query_async(&mut self.connection).await.expect("XADD is accepted");
        let seen = self.ledger.wait(&id, limit(case) * 2, |seen| is_over(case, seen)).await;
        let took = seen.last().map_or(added.elapsed(), |last| last.at - added);
        JobRun { id, took, records: seen.into_iter().map(|seen| seen.record).collect() }
    }
}

fn fields(case: &Case, id: &str, url: &str) -> Vec<(&'static str, String)> {
    let padding = "p".repeat(case.content_bytes.map_or(0, |bytes| bytes.saturating_sub(2)));
    let mut fields = vec![
        ("to", url.to_owned()),
        ("type", "note".to_owned()),
        ("content", format!("\"{padding}\"")),
        ("id", id.to_owned()),
    ];
    fields.extend(case.timeout_ms.map(|millis| ("timeoutMs", millis.to_string())));
    fields.extend(case.job.max_attempts.map(|attempts| ("maxAttempts", attempts.to_string())));
    fields.extend(case.job.secret.clone().map(|secret| ("secret", secret)));
    fields
}

/// `timeoutMs` of its jobs.
pub(super) fn timeout(case: &Case) -> Duration {
    case.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis)
}

/// When its outcome must be there.
pub(super) fn limit(case: &Case) -> Duration {
    case.ends_within_s.map_or(timeout(case) + SLACK, Duration::from_secs_f64)
}

/// How many attempts it takes.
pub(super) fn attempts(case: &Case) -> usize {
    let of_an_exhausted = || match (&case.expect, case.job.max_attempts) {
        (Expectation::Dead(reason), Some(most)) if reason == "exhausted" => most as usize,
        _ => 1,
    };
    case.attempts.unwrap_or_else(of_an_exhausted)
}

/// Whether nothing more is to come.
fn is_over(case: &Case, seen: &[Seen]) -> bool {
    let is_final = |seen: &Seen| seen.record["outcome"] != "retried";
    seen.len() >= attempts(case) || seen.iter().any(is_final)
}
