//! The life of a worker: check Redis, beat, read; and on the way out drain, settle, sign off.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_sender::Sender;
use postrider_store::connect::Connector;
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use postrider_store::reader::{Reader, Waker};
use postrider_store::start_check::{self, Finding};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::WorkerConfig;
use crate::dispatcher::Dispatcher;
use crate::engine::Engine;
use crate::event::{Metrics, Summary};
use crate::health::{Health, Part};
use crate::heart::{Heart, HeartParts};
use crate::hook_cache::HookCache;
use crate::intake::Intake;
use crate::maintain::{lost_workers, promote, sample};
use crate::outbox::Outbox;
use crate::pace::Backoff;
use crate::pulse::Pulse;
use crate::settle;

/// How long the last results may take to reach Redis. After it, their jobs are taken over by another worker.
const LAST_SETTLE: Duration = Duration::from_secs(5);

/// Why a worker doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This Redis must not hold jobs; the sentence names the setting.
    #[error("{0}")]
    Unfit(String),
    /// The thread for heartbeats could not be made.
    #[error("failed to start the heartbeat thread")]
    Heart(#[from] std::io::Error),
}

/// How a worker is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Drain: read nothing more, finish what is under way.
    pub drain: CancellationToken,
    /// Don't wait for what is under way any longer.
    pub abandon: CancellationToken,
}

/// Runs a worker until it is told to stop, then drains it. Waits for a Redis that can't be reached.
pub async fn run(
    config: WorkerConfig,
    connector: Connector,
    sender: Sender,
    health: Arc<Health>,
    stop: Stop,
) -> Result<(), StartError> {
    let mut link = Link::new(connector.clone());
    let checked = stop.drain.run_until_cancelled(check_redis(&config, &mut link, &health)).await;
    let Some(checked) = checked else { return Ok(()) };
    checked?;
    let consumer = consumer_name();
    let queue = Queue::new(config.queue.clone(), &consumer, config.max_attempt_records);
    let about = about(&config, &consumer);
    let parts = HeartParts::new(&config, queue.clone(), connector.clone(), health.clone(), about);
    let (heart, pulse) = Heart::start(parts)?;
    tracing::info!(worker = consumer, queue = %config.queue, redis = connector.address(), "worker started");
    let engine = Arc::new(build(config, queue, sender, &connector, health, pulse, &stop));
    let crew = Crew::start(&engine, &connector);
    stop.drain.cancelled().await;
    drain(engine, crew, heart, link).await;
    Ok(())
}

/// Waits for Redis and asks whether it is fit.
async fn check_redis(config: &WorkerConfig, link: &mut Link, health: &Health) -> Result<(), StartError> {
    let (mut backoff, lines) = (Backoff::default(), Summary::default());
    let facts = loop {
        match start_check::facts(link).await {
            Ok(facts) => break facts,
            Err(error) => {
                health.failed(Part::Heart, error.line());
                lines.tell(|more| tracing::warn!(cause = error.line(), more, "waiting for Redis"));
                backoff.pause().await;
            }
        }
    };
    health.works(Part::Heart);
    for finding in start_check::findings(&facts, config.allow_eviction) {
        match finding {
            Finding::Unfit(sentence) => return Err(StartError::Unfit(sentence)),
            Finding::Risky(sentence) => tracing::warn!("{sentence}"),
        }
    }
    health.set_phase(None);
    Ok(())
}

fn build(
    config: WorkerConfig,
    queue: Queue,
    sender: Sender,
    connector: &Connector,
    health: Arc<Health>,
    pulse: watch::Receiver<Pulse>,
    stop: &Stop,
) -> Engine {
    Engine {
        dispatcher: Mutex::new(Dispatcher::new(config.bounds)),
        metrics: Metrics::new(&queue),
        hooks: HookCache::new(Link::new(connector.clone())),
        config,
        queue,
        sender,
        health,
        pulse,
        outbox: Outbox::default(),
        stop_reading: stop.drain.child_token(),
        abandon: stop.abandon.child_token(),
        finish: CancellationToken::new(),
        attempts: TaskTracker::new(),
        endpoints: Mutex::default(),
        slot_freed: Notify::new(),
        due: promote::DueTime::default(),
        lost_workers: Mutex::default(),
        failure_lines: Summary::default(),
    }
}

/// The tasks of a worker beside its attempts. Each has its own connection, so that none waits behind another's reply.
struct Crew {
    intake: JoinHandle<()>,
    others: TaskTracker,
    waker: Waker,
}

impl Crew {
    fn start(engine: &Arc<Engine>, connector: &Connector) -> Self {
        let link = || Link::new(connector.clone());
        let reader = Reader::new(connector.clone());
        let waker = reader.waker();
        let others = TaskTracker::new();
        others.spawn(settle::run(engine.clone(), link()));
        others.spawn(promote::run(engine.clone(), link()));
        others.spawn(lost_workers::run(engine.clone(), link(), waker.clone()));
        others.spawn(sample::run(engine.clone(), link()));
        others.spawn(sample::sweep(engine.clone()));
        others.close();
        let intake = tokio::spawn(Intake::new(engine.clone(), reader, link()).run());
        Self { intake, others, waker }
    }
}

/// Stops in two steps: nothing new is read and what hasn't started goes back at once; then what is under way may finish
/// until the grace is over, and what is cut off goes back too.
async fn drain(engine: Arc<Engine>, crew: Crew, heart: Heart, mut link: Link) {
    let in_flight = engine.dispatcher().in_flight();
    tracing::info!(in_flight, grace = ?engine.config.grace, "draining");
    engine.health.set_phase(Some("draining"));
    engine.give_back_unstarted();
    crew.waker.wake(&mut link).await;
    let _ = crew.intake.await;
    engine.give_back_unstarted();
    engine.attempts.close();
    tokio::select! {
        () = engine.attempts.wait() => {}
        () = tokio::time::sleep(engine.config.grace) => engine.abandon.cancel(),
        () = engine.abandon.cancelled() => {}
    }
    engine.attempts.wait().await;
    if tokio::time::timeout(LAST_SETTLE, all_settled(&engine)).await.is_err() {
        let left = engine.dispatcher().unsettled();
        tracing::warn!(left, "results could not be written in time: their jobs will be sent again");
    }
    engine.finish.cancel();
    crew.others.wait().await;
    heart.stop().await;
    match engine.queue.sign_off(&mut link).await {
        Ok(clean) => tracing::info!(clean, "worker stopped"),
        Err(error) => tracing::warn!(cause = error.line(), "worker stopped without signing off"),
    }
}

async fn all_settled(engine: &Engine) {
    while engine.dispatcher().unsettled() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A new name at each start: an old one would bring its predecessor's leases along.
fn consumer_name() -> String {
    let host = host_name();
    format!("{host}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain: String =
        name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(40).collect();
    if plain.is_empty() { "worker".to_owned() } else { plain }
}

/// What the worker says about itself, as JSON; all values are plain.
fn about(config: &WorkerConfig, consumer: &str) -> String {
    let started =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    format!(
        r#"{{"name":"{consumer}","pid":{},"version":"{}","startedAt":{started},"concurrency":{}}}"#,
        std::process::id(),
        env!("CARGO_PKG_VERSION"),
        config.bounds.slots,
    )
}
