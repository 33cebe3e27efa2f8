//! `postrider worker`: wires the engine, the admin port and the signals together.

use std::sync::Arc;

use anyhow::Context;
use postrider_admin::{AdminPort, AdminState, RunningAdmin};
use postrider_core::delivery::Defaults;
use postrider_sender::{Sender, SenderConfig};
use postrider_store::connect::Connector;
use postrider_worker::config::WorkerConfig;
use postrider_worker::dispatcher::Bounds;
use postrider_worker::health::Health;
use postrider_worker::run::{self, StartError, Stop};

use crate::exit::Failure;
use crate::settings::Settings;
use crate::stop::Signals;
use crate::telemetry::Metrics;

/// Runs a worker until SIGTERM or SIGINT, then drains it; a second signal ends the grace.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let metrics = Metrics::record()?;
    let health = Arc::new(Health::default());
    let _admin = open_admin_port(settings, &metrics, &health)?;
    let sender = Sender::new(SenderConfig {
        policy: settings.addresses.clone(),
        max_idle_per_host: settings.worker.max_in_flight,
        ..SenderConfig::default()
    });
    let sender = sender.context("failed to set up the sender")?;
    let connector = Connector::new(&settings.redis.url).map_err(anyhow::Error::msg).context("redis.url")?;
    let worked = runtime(settings.worker.threads)?.block_on(async {
        let stop = listen_for_signals()?;
        Ok::<_, anyhow::Error>(run::run(engine_config(settings), connector, sender, health, stop).await)
    });
    worked?.map_err(failure)
}

fn failure(error: StartError) -> Failure {
    match error {
        StartError::Unfit(sentence) => Failure::Unfit(sentence),
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

fn open_admin_port(
    settings: &Settings,
    metrics: &Metrics,
    health: &Arc<Health>,
) -> anyhow::Result<Option<RunningAdmin>> {
    let Some(listen) = settings.http.listen else { return Ok(None) };
    let port =
        AdminPort::bind(listen).with_context(|| format!("http.listen: failed to listen on {listen}"))?;
    let (metrics, ready, alive) = (metrics.handle(), health.clone(), health.clone());
    let state = AdminState {
        metrics: Arc::new(move || metrics.render()),
        readiness: Arc::new(move || ready.readiness()),
        alive: Arc::new(move || alive.is_alive()),
    };
    let running = port.serve(state).context("failed to start the admin port")?;
    tracing::info!(address = %running.local_addr(), "admin port open");
    Ok(Some(running))
}

fn engine_config(settings: &Settings) -> WorkerConfig {
    WorkerConfig {
        queue: settings.queue.first().clone(),
        bounds: Bounds {
            slots: settings.worker.concurrency,
            max_in_flight: settings.worker.max_in_flight,
            max_bytes: settings.worker.max_bytes,
        },
        max_job_bytes: settings.queue.max_job_bytes,
        max_crashes: settings.queue.max_crashes,
        grace: settings.worker.grace,
        heartbeat: settings.worker.heartbeat,
        dead_after: settings.worker.dead_after,
        defaults: Defaults {
            profile: settings.delivery.profile,
            timeout: settings.delivery.timeout,
            max_attempts: settings.retry.max_attempts,
            profiles: settings.delivery.profiles.clone(),
        },
        retry: settings.retry.clone(),
        max_attempt_records: settings.keep.attempts_max_entries,
        allow_eviction: settings.redis.allow_eviction,
    }
}
