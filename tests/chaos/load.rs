//! The producers: XADD at a steady rate, and a note of what Redis has promised to keep.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::clock::{MILLI, now_us};
use crate::job::{
    Class, Hook, MAX_ATTEMPTS_OF_FAILING, OWNERS, class_of_registered, event_id, hooks_of, id_of,
};
use crate::scene::Scene;

/// The queue that everything is about.
pub(crate) const QUEUE: &str = "postrider:deliveries";

/// The stream of events.
pub(crate) const EVENTS: &str = "postrider:events";

/// How often a batch is added.
const TICK: Duration = Duration::from_millis(40);

/// One in so many batches' entries is an event instead of a job.
const ONE_EVENT_IN: u32 = 16;

/// How long a replica may take to have a batch (milliseconds), before its jobs count as not promised.
const MAX_REPLICATION_MS: u32 = 500;

/// Pause before Redis is looked for again.
const RECONNECT: Duration = Duration::from_millis(100);

/// What an outage has kept from being added is made up for by batches so many times as large.
const CATCH_UP: f64 = 2.0;

/// The load of a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Jobs a second.
    pub(crate) rate: f64,
    pub(crate) seed: u64,
}

impl Load {
    /// Adds jobs until it is stopped.
    pub(crate) async fn run(self, scene: Arc<Scene>, stop: watch::Receiver<bool>) {
        let mut producer = Producer { rng: Rng::with_seed(self.seed), scene, connection: None };
        let (begun, mut added) = (Instant::now(), 0.0);
        let most = (self.rate * TICK.as_secs_f64() * CATCH_UP).ceil();
        while !*stop.borrow() {
            sleep(TICK).await;
            let batch = (self.rate * begun.elapsed().as_secs_f64() - added).clamp(0.0, most).floor();
            if batch >= 1.0 && producer.add(batch as u32).await {
                added += batch;
            }
        }
    }
}

/// Adds this many jobs of the class to its first hook at once.
pub(crate) async fn flood(scene: &Scene, class: Class, count: u32) {
    let Ok(connection) = scene.servers.primary().await else { return };
    let first = scene.ledger.add_jobs((0..count).map(|_| (class, None)), 0);
    let entries = (first..first + count).map(|number| entry_of(scene, class, number, 0)).collect();
    hand_over(scene, connection, entries).await;
}

struct Producer {
    rng: Rng,
    scene: Arc<Scene>,
    connection: Option<MultiplexedConnection>,
}

/// An XADD and the jobs that it stands for.
struct Entry {
    first: u32,
    jobs: u32,
    command: Cmd,
}

impl Producer {
    /// Whether they were added, for all that is known.
    async fn add(&mut self, count: u32) -> bool {
        let Some(connection) = self.connect().await else { return false };
        let mut entries = Vec::new();
        let mut left = count;
        while left > 0 {
            let entry = self.next_entry();
            left = left.saturating_sub(entry.jobs);
            entries.push(entry);
        }
        let is_fit = hand_over(&self.scene, connection, entries).await;
        if !is_fit {
            self.connection = None;
        }
        is_fit
    }

    async fn connect(&mut self) -> Option<MultiplexedConnection> {
        if self.connection.is_none() {
            self.connection = self.scene.servers.primary().await.ok();
            if self.connection.is_none() {
                sleep(RECONNECT).await;
            }
        }
        self.connection.clone()
    }

    fn next_entry(&mut self) -> Entry {
        if self.rng.u32(0..ONE_EVENT_IN) == 0 {
            return self.next_event();
        }
        let class = Class::of_roll(self.rng.u32(0..1000));
        let wait = if class == Class::Timed { self.rng.u64(500..3000) } else { 0 };
        let not_before = if wait > 0 { now_us() / MILLI * MILLI + wait * MILLI } else { 0 };
        let number = self.scene.ledger.add_jobs([(class, None)], not_before);
        entry_of(&self.scene, class, number, not_before)
    }

    fn next_event(&mut self) -> Entry {
        let owner = self.rng.u32(0..OWNERS);
        let jobs = hooks_of(owner);
        let of_hook = |nth| (class_of_registered(nth), Some(Hook::registered(owner, nth)));
        let first = self.scene.ledger.add_jobs((0..jobs).map(of_hook), 0);
        let mut command = redis::cmd("XADD");
        command
            .arg(EVENTS)
            .arg("*")
            .arg("id")
            .arg(event_id(first))
            .arg("userId")
            .arg(format!("owner{owner}"));
        command.arg("type").arg("note").arg("content").arg(format!(r#"{{"note":{{"id":"{first}"}}}}"#));
        Entry { first, jobs, command }
    }
}

fn entry_of(scene: &Scene, class: Class, number: u32, not_before: u64) -> Entry {
    let (id, hook) = (id_of(class, number), class.hook(number));
    let mut command = redis::cmd("XADD");
    command.arg(QUEUE).arg("*").arg("id").arg(&id).arg("eventId").arg(&id).arg("type").arg("note");
    command.arg("content").arg(format!(r#"{{"note":{{"id":"{number}","text":"{}"}}}}"#, "x".repeat(200)));
    command.arg("userId").arg("u");
    match class {
        Class::Unknown => command.arg("hookId").arg("nobody"),
        Class::Blocked => command.arg("to").arg("http://10.0.0.1/in"),
        _ => command.arg("to").arg(scene.url(hook, class)).arg("hookId").arg(format!("h{}", hook.0)),
    };
    match class {
        Class::Failing => command.arg("maxAttempts").arg(MAX_ATTEMPTS_OF_FAILING),
        Class::Invalid => command.arg("maxAttempts").arg("none"),
        Class::Timed => command.arg("notBefore").arg(not_before / MILLI),
        _ => &mut command,
    };
    Entry { first: number, jobs: 1, command }
}

/// Sends all at once and notes what was promised; whether the connection is fit for more.
async fn hand_over(scene: &Scene, connection: MultiplexedConnection, entries: Vec<Entry>) -> bool {
    let mut sending = JoinSet::new();
    for Entry { first, jobs, command } in entries {
        let mut connection = connection.clone();
        sending.spawn(async move {
            let added: RedisResult<String> = command.query_async(&mut connection).await;
            (first, jobs, added.map(drop))
        });
    }
    let added = sending.join_all().await;
    let kept = !scene.servers.is_replicated() || is_replicated(connection).await;
    for (first, jobs, _) in added.iter().filter(|(_, _, added)| kept && added.is_ok()) {
        scene.ledger.promised(*first, *jobs);
    }
    kept && added.iter().all(|(_, _, added)| added.is_ok())
}

/// Whether a replica has all that this connection has written.
async fn is_replicated(mut connection: MultiplexedConnection) -> bool {
    let mut wait = redis::cmd("WAIT");
    wait.arg(1).arg(MAX_REPLICATION_MS);
    wait.query_async::<u32>(&mut connection).await.is_ok_and(|replicas| replicas >= 1)
}
