//! Logs, metrics and traces of this process: where they go and how they look. What is told, and of what, is each
//! crate's own.

mod collector;
mod spans;
pub(crate) mod traces;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::settings::sections::{Log, LogFormat};
use crate::terminal::Paint;

/// Upper bounds of the buckets of an attempt's duration, in seconds: up to the longest `delivery.timeout`.
const ATTEMPT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Upper bounds of the buckets of the time from due to sent, in seconds: finest where an idle worker lies, up
/// to a day of backlog.
const LAG_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3600.0,
    86_400.0,
];

/// How often samples are folded into their buckets where nobody asks for the metrics: until then they take
/// memory.
const UPKEEP_PAUSE: Duration = Duration::from_secs(5);

/// Sends this process' log lines to stderr; JSON lines, or text with colours where a terminal shows them.
pub(crate) fn start_logging(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives(&log.level)).context("failed to read log.level")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(Paint::of(&std::io::stderr()) == Paint::Coloured).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|error| anyhow!(error)).context("failed to start logging")
}

/// The HTTP/2 library warns of single frames, as many as a hostile receiver cares to send.
const QUIET: &str = "h2=error";

/// The filter of a level. Levels below `warn` are of this program's own crates: what libraries say there
/// drowns it. What an operator says of a crate wins, since it comes later.
fn directives(level: &str) -> String {
    match level {
        "off" | "error" => level.to_owned(),
        "info" | "debug" | "trace" => format!("{QUIET},warn,postrider={level}"),
        other => format!("{QUIET},{other}"),
    }
}

/// The metrics of this process, kept small until this is dropped.
#[allow(dead_code, reason = "the worker command records them")]
#[derive(Debug)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    stop: Option<mpsc::Sender<()>>,
    upkeep: Option<JoinHandle<()>>,
}

#[allow(dead_code, reason = "the worker command records them")]
impl Metrics {
    /// From now on, what the crates count is kept. Fails where another recorder is in place.
    pub(crate) fn record() -> anyhow::Result<Self> {
        let handle = builder()?.install_recorder().context("failed to install the recorder of metrics")?;
        Self::keep_small(handle)
    }

    /// What they are now, for Prometheus.
    pub(crate) fn handle(&self) -> PrometheusHandle {
        self.handle.clone()
    }

    fn keep_small(handle: PrometheusHandle) -> anyhow::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let kept = handle.clone();
        let tend = move || {
            while stopped.recv_timeout(UPKEEP_PAUSE) == Err(RecvTimeoutError::Timeout) {
                kept.run_upkeep();
            }
        };
        let upkeep =
            thread::Builder::new().name("metrics".into()).spawn(tend).context("failed to start a thread")?;
        Ok(Self { handle, stop: Some(stop), upkeep: Some(upkeep) })
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(upkeep) = self.upkeep.take() {
            // It holds no state of ours: however it ended, there is nothing to mend.
            let _ = upkeep.join();
        }
    }
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let bucketed =
        [("postrider_attempt_seconds", ATTEMPT_BUCKETS), ("postrider_delivery_lag_seconds", LAG_BUCKETS)];
    bucketed.into_iter().try_fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)
            .context("buckets are never empty")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_below_warn_is_of_our_own_crates_only() {
        assert_eq!(directives("debug"), "h2=error,warn,postrider=debug");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("info,hyper=debug"), "h2=error,info,hyper=debug");
    }

    #[test]
    fn a_receiver_cannot_fill_the_log_through_the_http2_library_unless_the_operator_asks_for_it() {
        let warns = |level: &str| {
            let filter = EnvFilter::try_new(directives(level)).unwrap();
            let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::sink).finish();
            tracing::subscriber::with_default(
                lines,
                || tracing::enabled!(target: "h2::proto", tracing::Level::WARN),
            )
        };
        assert!(["info", "warn", "debug", "warn,postrider=trace"].iter().all(|level| !warns(level)));
        assert!(["h2=debug", "info,h2=warn"].iter().all(|level| warns(level)));
    }

    #[test]
    fn durations_are_histograms_with_our_buckets() {
        let recorder = builder().unwrap().build_recorder();
        let metrics = Metrics::keep_small(recorder.handle()).unwrap();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("postrider_attempt_seconds", "queue" => "q").record(0.02);
            metrics::histogram!("postrider_delivery_lag_seconds", "queue" => "q").record(0.0001);
        });
        let text = metrics.handle().render();
        assert!(text.contains(r#"postrider_attempt_seconds_bucket{queue="q",le="0.01"} 0"#), "{text}");
        assert!(text.contains(r#"postrider_attempt_seconds_bucket{queue="q",le="0.025"} 1"#), "{text}");
        assert!(text.contains(r#"postrider_delivery_lag_seconds_bucket{queue="q",le="0.0005"} 1"#), "{text}");
    }
}
