//! The life of a worker: check Redis, beat, read; and on the way out drain, settle, sign off.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use postrider_core::summary::{self, Summary};
use postrider_sender::Sender;
use postrider_store::connect::Connector;
use postrider_store::link::{Link, SharedLink};
use postrider_store::queue::Queue;
use postrider_store::reader::{Reader, Waker};
use postrider_store::start_check::{self, Fitness};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::WorkerConfig;
use crate::engine::Engine;
use crate::event::Metrics;
use crate::health::{Health, Part};
use crate::heart::{Heart, HeartParts};
use crate::hook_cache::HookCache;
use crate::intake::Intake;
use crate::maintain::{age, destinations, held, lost_workers, promote, sample, sweep};
use crate::outbox::Outbox;
use crate::owners::{self, Owners};
use crate::pace::Backoff;
use crate::proxy_trouble::ProxyTrouble;
use crate::pulse::Pulse;
use crate::settle;
use crate::slots::Slots;

/// How long the last results may take to reach Redis. After it, their jobs are taken over by another worker.
const LAST_SETTLE: Duration = Duration::from_secs(5);

/// Why a worker ends without having been told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// This Redis must not hold jobs; the sentence names the setting.
    #[error("{0}")]
    Unfit(String),
    /// The thread for heartbeats could not be made.
    #[error("failed to start the heartbeat thread")]
    Heart(#[from] std::io::Error),
    /// A part of the engine panicked. Its jobs are given back; a supervisor starts it again.
    #[error("a part of the worker panicked (see the log)")]
    Broken,
}

/// How a worker is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Drain: read nothing more, finish what is under way.
    pub drain: CancellationToken,
    /// Don't wait for what is under way any longer.
    pub abandon: CancellationToken,
}

/// What the engine of one queue is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its settings.
    pub config: WorkerConfig,
    /// The way to Redis.
    pub connector: Connector,
    /// What sends.
    pub sender: Sender,
    /// What the probes ask.
    pub health: Arc<Health>,
    /// The slots that it shares.
    pub share: Share,
}

/// The slots of a worker, and which of its queues wants some.
#[derive(Clone, Debug)]
pub struct Share {
    /// The slots.
    pub slots: Arc<Slots>,
    /// The queue's place among those that share them.
    pub place: u16,
}

/// Runs a worker until it is told to stop, then drains it. Waits for a Redis that can't be reached.
pub async fn run(setup: Setup, stop: Stop) -> Result<(), RunError> {
    let (config, health) = (&setup.config, &setup.health);
    let connector = setup.connector.for_key(config.queue.as_str());
    let mut link = Link::new(connector.clone());
    let checked = stop.drain.run_until_cancelled(check_redis(config, &mut link, health)).await;
    let Some(checked) = checked else { return Ok(()) };
    checked?;
    let consumer = consumer_name();
    let queue = Queue::new(config.queue.clone(), &consumer, config.max_attempt_records);
    let about = about(config, &consumer);
    let parts = HeartParts::new(config, queue.clone(), connector.clone(), health.clone(), about);
    let (heart, pulse) = Heart::start(parts)?;
    tracing::info!(worker = consumer, queue = %config.queue, redis = connector.address(), "worker started");
    let engine = Arc::new(build(setup, queue, &connector, pulse, &stop));
    if let Err(error) = destinations::heed_pauses(&engine, &mut link).await {
        engine.failed_beside_the_jobs(&error);
    }
    let crew = Crew::start(&engine, &connector);
    let broken = crew.broken.clone();
    tokio::select! {
        () = stop.drain.cancelled() => {}
        () = broken.cancelled() => {}
    }
    drain(engine, crew, heart, link).await;
    if broken.is_cancelled() { Err(RunError::Broken) } else { Ok(()) }
}

/// Waits for Redis and asks whether it is fit.
async fn check_redis(config: &WorkerConfig, link: &mut Link, health: &Health) -> Result<(), RunError> {
    let (mut backoff, lines) = (Backoff::default(), Summary::default());
    let facts = loop {
        match start_check::facts(link).await {
            Ok(facts) => break facts,
            Err(error) => {
                health.failed(Part::Heart, error.line());
                lines.tell(Instant::now(), |more| {
                    tracing::warn!(cause = error.line(), more, "waiting for Redis");
                });
                backoff.pause().await;
            }
        }
    };
    health.works(Part::Heart);
    match start_check::fitness(&facts, config.allow_eviction) {
        Fitness::Unfit(sentence) => Err(RunError::Unfit(sentence)),
        Fitness::Fit(risks) => {
            risks.iter().for_each(|risk| tracing::warn!("{risk}"));
            Ok(())
        }
    }
}

fn build(
    setup: Setup,
    queue: Queue,
    connector: &Connector,
    pulse: watch::Receiver<Pulse>,
    stop: &Stop,
) -> Engine {
    let Setup { config, sender, health, share, .. } = setup;
    Engine {
        metrics: Metrics::new(&queue),
        hooks: HookCache::new(SharedLink::new(connector.clone())),
        config,
        queue,
        sender,
        proxy_trouble: ProxyTrouble::default(),
        health,
        pulse,
        slots: share.slots,
        place: share.place,
        outbox: Outbox::default(),
        owners: Owners::default(),
        stop_reading: stop.drain.child_token(),
        abandon: stop.abandon.child_token(),
        finish: CancellationToken::new(),
        attempts: TaskTracker::new(),
        endpoints: Mutex::default(),
        line_opens: Notify::new(),
        due: promote::DueTime::default(),
        lost_workers: Mutex::default(),
        recalled: Mutex::default(),
    }
}

/// The tasks of a worker beside its attempts. Each has its own connection, so that none waits behind another's reply.
struct Crew {
    intake: JoinHandle<()>,
    others: TaskTracker,
    waker: Waker,
    /// Says that one of them has ended before its time.
    broken: CancellationToken,
}

impl Crew {
    fn start(engine: &Arc<Engine>, connector: &Connector) -> Self {
        let link = || Link::new(connector.clone());
        let reader = Reader::new(connector.clone());
        let waker = reader.waker();
        let (others, broken) = (TaskTracker::new(), CancellationToken::new());
        let watch = Watch { health: engine.health.clone(), broken: broken.clone() };
        others.spawn(watch.over("settle", settle::run(engine.clone(), link())));
        others.spawn(watch.over("promote", promote::run(engine.clone(), link())));
        others.spawn(watch.over("held", held::run(engine.clone(), link())));
        others.spawn(watch.over("lost workers", lost_workers::run(engine.clone(), link(), waker.clone())));
        others.spawn(watch.over("owners", owners::run(engine.clone(), link())));
        others.spawn(watch.over("sample", sample::run(engine.clone(), link())));
        others.spawn(watch.over("age", age::run(engine.clone(), link())));
        others.spawn(watch.over("sweep", sweep::run(engine.clone())));
        others.spawn(watch.over("destinations", destinations::run(engine.clone(), link())));
        others.close();
        let intake = Intake::new(engine.clone(), reader, link()).run();
        let intake = tokio::spawn(watch.over("intake", intake));
        Self { intake, others, waker, broken }
    }
}

/// Watches over the crew: a task that panics leaves a worker that only seems to work.
struct Watch {
    health: Arc<Health>,
    broken: CancellationToken,
}

impl Watch {
    fn over<F: Future<Output = ()> + Send>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = ()> + Send + use<F> {
        let (health, broken) = (self.health.clone(), self.broken.clone());
        async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a part of the worker panicked: it drains and ends");
                health.break_down(name);
                broken.cancel();
            }
        }
    }
}

/// Stops in two steps: nothing new is read and what hasn't started goes back at once; then what is under way may finish
/// until the grace is over, and what is cut off goes back too.
async fn drain(engine: Arc<Engine>, crew: Crew, heart: Heart, mut link: Link) {
    let grace_ends = tokio::time::Instant::now() + engine.config.grace;
    let in_flight = engine.dispatcher().in_flight(engine.place);
    tracing::info!(queue = %engine.queue.name(), in_flight, grace = ?engine.config.grace, "draining");
    engine.health.set_phase(Some("draining"));
    engine.stop_reading.cancel();
    engine.give_back_unstarted();
    let sent_away = engine.dispatcher().take_sent_away(engine.place);
    engine.recalled().extend(sent_away.iter().cloned());
    engine.due.at_once();
    let abandon = engine.abandon.clone();
    let patience = tokio::spawn(async move {
        tokio::time::sleep_until(grace_ends).await;
        abandon.cancel();
    });
    tokio::select! {
        () = end_of_intake(crew.intake, &crew.waker, &mut link) => {}
        // What a read that hangs may still bring is pending for this worker, and taken over when it is gone.
        () = engine.abandon.cancelled() => {}
    }
    engine.give_back_unstarted();
    engine.attempts.close();
    engine.attempts.wait().await;
    patience.abort();
    if tokio::time::timeout(LAST_SETTLE, all_settled(&engine)).await.is_err() {
        let left = engine.dispatcher().unsettled(engine.place);
        tracing::warn!(left, "results could not be written in time: their jobs will be sent again");
    }
    // Once more: some may have been on their way out when they were called.
    engine.recalled().extend(sent_away);
    if let Err(error) = engine.recall(&mut link).await {
        tracing::warn!(
            cause = error.line(),
            "jobs that wait for a limit of this worker come back by themselves"
        );
    }
    engine.finish.cancel();
    let _ = tokio::time::timeout(LAST_SETTLE, crew.others.wait()).await;
    heart.stop().await;
    // Whatever is still to be summed up is due now.
    engine.metrics.lines.sum_up(Instant::now() + summary::PAUSE);
    match engine.queue.sign_off(&mut link).await {
        Ok(clean) => tracing::info!(queue = %engine.queue.name(), clean, "worker stopped"),
        Err(error) => tracing::warn!(cause = error.line(), "worker stopped without signing off"),
    }
}

async fn end_of_intake(mut intake: JoinHandle<()>, waker: &Waker, link: &mut Link) {
    tokio::select! {
        _ = &mut intake => return,
        () = waker.wake(link) => {}
    }
    let _ = intake.await;
}

async fn all_settled(engine: &Engine) {
    while engine.dispatcher().unsettled(engine.place) > 0 {
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
