//! `postrider worker`: wires the engine, the admin port and the signals together.

use std::sync::Arc;

use anyhow::Context;
use postrider_admin::{AdminPort, AdminState, ApiConfig, RunningAdmin};
use postrider_core::delivery::Defaults;
use postrider_core::queue_name::QueueName;
use postrider_sender::Sender;
use postrider_store::connect::Connector;
use postrider_worker::config::{Trade, WorkerConfig};
use postrider_worker::dispatcher::{Bounds, Order};
use postrider_worker::health::Health;
use postrider_worker::run::{self, RunError, Setup, Share, Stop};
use postrider_worker::slots::Slots;
use postrider_worker::traces::Traces;

use tokio::task::JoinSet;

use crate::cmd::{doctor, token};
use crate::exit::Failure;
use crate::files;
use crate::misskey;
use crate::outgoing;
use crate::redis;
use crate::settings::Settings;
use crate::settings::sections::{Events, QueueShare};
use crate::stop::Signals;
use crate::telemetry::Metrics;
use crate::telemetry::traces::TraceSink;

/// Runs a worker until SIGTERM or SIGINT, then drains it; a second signal ends the grace.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    redis::check_slots(settings)?;
    let connector = redis::connector(&settings.redis)?;
    let metrics = Metrics::record()?;
    let traces = trace_sink(settings)?;
    let engines = engines(settings, open_files(settings), traces.as_ref());
    let api = api(settings, connector.clone())?;
    let _admin = open_admin_port(settings, &metrics, &engines, api)?;
    // Not the limit of one destination: many hooks may share a host, and its connections.
    let sender = outgoing::sender(settings, settings.worker.concurrency)?;
    if let Some(proxy) = &settings.proxy {
        tracing::info!(%proxy, "all requests go through a proxy");
    }
    let worked = runtime(settings.worker.threads)?.block_on(async {
        let stop = listen_for_signals()?;
        Ok::<_, anyhow::Error>(run_all(engines, &connector, &sender, &stop).await)
    });
    traces.iter().for_each(|sink| sink.finish());
    worked?.map_err(failure)
}

/// Delivers as a worker of these settings does, without admin port, traces and events, until it is told to stop.
pub(super) async fn deliver(settings: &Settings, sender: &Sender, stop: &Stop) -> Result<(), Failure> {
    redis::check_slots(settings)?;
    let connector = redis::connector(&settings.redis)?;
    let worked = run_all(engines(settings, open_files(settings), None), &connector, sender, stop).await;
    worked.map_err(failure)
}

/// Where spans go, if anywhere.
fn trace_sink(settings: &Settings) -> Result<Option<Arc<TraceSink>>, Failure> {
    let traces = &settings.traces;
    let Some(endpoint) = &traces.endpoint else { return Ok(None) };
    let trust = outgoing::with_files(&settings.tls)?;
    Ok(Some(TraceSink::start(endpoint, traces.headers.clone(), trust)?))
}

/// How many files this process may have open, raised as far as is allowed: requests that wait for slow receivers need sockets.
fn open_files(settings: &Settings) -> Option<u64> {
    let limit = files::raise_limit();
    if !files::are_enough(settings.worker.concurrency, limit) {
        let concurrency = settings.worker.concurrency;
        tracing::warn!(
            limit,
            concurrency,
            "worker.concurrency is more than the sockets that are allowed (ulimit -n)"
        );
    }
    limit
}

/// One engine of this process, and what the probes ask it.
struct Engine {
    config: WorkerConfig,
    health: Arc<Health>,
    share: Share,
}

/// One engine for each queue, all on the same slots; and one for events where they are fanned out here.
fn engines(settings: &Settings, open_files: Option<u64>, traces: Option<&Arc<TraceSink>>) -> Vec<Engine> {
    let shares = &settings.queue.shares;
    let max_patient = files::max_patient(settings.worker.concurrency, open_files);
    let traces = traces.map(|sink| Traces { sink: sink.clone(), share: settings.traces.share });
    let config = |share: &QueueShare| WorkerConfig {
        traces: traces.clone(),
        ..engine_config(settings, share.name.clone(), max_patient)
    };
    let weights: Vec<u32> = shares.iter().map(|share| share.weight).collect();
    let slots = Arc::new(Slots::new(config(&shares[0]).bounds, settings.queue.order, &weights));
    let share = |place: u16| Share { slots: slots.clone(), place };
    let deliver = shares.iter().zip(0..).map(|(queue, place)| (config(queue), share(place)));
    let fan_out = settings.events.as_ref().map(|events| {
        let config = fan_out_config(config(&shares[0]), events);
        let slots = Arc::new(Slots::new(config.bounds, Order::Weighted, &[1]));
        (config, Share { slots, place: 0 })
    });
    let engine = |(config, share): (WorkerConfig, Share)| Engine {
        health: Arc::new(Health::new(config.heartbeat)),
        config,
        share,
    };
    deliver.chain(fan_out).map(engine).collect()
}

fn fan_out_config(deliver: WorkerConfig, events: &Events) -> WorkerConfig {
    WorkerConfig {
        queue: events.stream.clone(),
        trade: Trade::FanOut { deliveries: events.queue.clone() },
        // Events have no destination of their own that could be slow.
        bounds: Bounds { max_patient: 0, max_in_flight: deliver.bounds.slots, rate: None, ..deliver.bounds },
        ..deliver
    }
}

/// Runs them side by side. If one ends by itself, the others are told to stop.
async fn run_all(
    engines: Vec<Engine>,
    connector: &Connector,
    sender: &Sender,
    stop: &Stop,
) -> Result<(), RunError> {
    let mut running = JoinSet::new();
    for Engine { config, health, share } in engines {
        let (connector, sender) = (connector.clone(), sender.clone());
        running.spawn(run::run(Setup { config, connector, sender, health, share }, stop.clone()));
    }
    let mut first_error = Ok(());
    while let Some(ended) = running.join_next().await {
        // A panic of an engine is one of this process: nothing is left to go on with.
        let ended = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        if ended.is_err() && first_error.is_ok() {
            stop.drain.cancel();
            first_error = ended;
        }
    }
    first_error
}

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Unfit(sentence) => Failure::Unfit(sentence),
        other => anyhow::Error::from(other).into(),
    }
}

fn runtime(threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        // One thread costs less per delivery than several: they would hand tasks to each other.
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.worker_threads(threads).enable_all().build().context("failed to start the runtime")
}

fn listen_for_signals() -> anyhow::Result<Stop> {
    let told = Stop::default();
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    let tell = told.clone();
    tokio::spawn(async move {
        signals.next().await;
        tell.drain.cancel();
        signals.next().await;
        tracing::warn!("second signal: requests under way are cut off, their jobs given back");
        tell.abandon.cancel();
    });
    Ok(told)
}

/// What the API works with. It has a sender of its own, that keeps no connection: tests of hooks are rare.
fn api(settings: &Settings, connector: Connector) -> Result<ApiConfig, Failure> {
    Ok(ApiConfig {
        connector,
        queues: settings.queue.shares.iter().map(|share| share.name.clone()).collect(),
        events: settings.events.as_ref().map(|events| events.stream.clone()),
        addresses: settings.addresses.clone(),
        defaults: defaults(settings),
        sender: outgoing::sender(settings, 0)?,
        max_hooks_per_user: settings.keep.max_hooks_per_user,
        max_job_bytes: settings.queue.max_job_bytes,
        dead_after: settings.worker.dead_after,
        patient: doctor::patient(settings),
        tokens: token::accepted(&settings.http)?,
        misskey: misskey::accepted(&settings.misskey)?,
    })
}

fn open_admin_port(
    settings: &Settings,
    metrics: &Metrics,
    engines: &[Engine],
    api: ApiConfig,
) -> anyhow::Result<Option<RunningAdmin>> {
    let Some(listen) = settings.http.listen else { return Ok(None) };
    let port =
        AdminPort::bind(listen).with_context(|| format!("http.listen: failed to listen on {listen}"))?;
    let metrics = metrics.handle();
    let asked: Arc<[Arc<Health>]> = engines.iter().map(|engine| engine.health.clone()).collect();
    let alive = asked.clone();
    let state = AdminState {
        metrics: Arc::new(move || metrics.render()),
        readiness: Arc::new(move || asked.iter().try_for_each(|health| health.readiness())),
        alive: Arc::new(move || alive.iter().all(|health| health.is_alive())),
    };
    let running = port.serve(state, Some(api)).context("failed to start the admin port")?;
    tracing::info!(address = %running.local_addr(), "admin port open");
    Ok(Some(running))
}

fn engine_config(settings: &Settings, queue: QueueName, max_patient: usize) -> WorkerConfig {
    WorkerConfig {
        queue,
        trade: Trade::Deliver,
        bounds: Bounds {
            slots: settings.worker.concurrency,
            max_patient,
            max_in_flight: settings.worker.max_in_flight,
            rate: settings.worker.rate,
            max_bytes: settings.worker.max_bytes,
        },
        max_job_bytes: settings.queue.max_job_bytes,
        max_crashes: settings.queue.max_crashes,
        grace: settings.worker.grace,
        heartbeat: settings.worker.heartbeat,
        dead_after: settings.worker.dead_after,
        defaults: defaults(settings),
        retry: settings.retry.clone(),
        when_inactive: settings.keep.when_inactive,
        disable_after: settings.keep.disable_after,
        max_notices: settings.keep.notices_max_entries,
        max_attempt_records: settings.keep.attempts_max_entries,
        max_attempt_age: settings.keep.attempts_max_age,
        max_dead_age: settings.keep.dead_max_age,
        allow_eviction: settings.redis.allow_eviction,
        traces: None,
    }
}

fn defaults(settings: &Settings) -> Defaults {
    Defaults {
        profile: settings.delivery.profile,
        timeout: settings.delivery.timeout,
        max_attempts: settings.retry.max_attempts,
        profiles: settings.delivery.profiles.clone(),
    }
}
