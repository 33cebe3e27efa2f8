//! Spans on their way to the collector: how many may wait, what is counted of those that don't arrive, and how long a stop
//! waits for the last ones. Batches and OTLP are OpenTelemetry's libraries' own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use metrics::{Counter, counter, describe_counter};
use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor,
};
use postrider_core::endpoint::Endpoint;
use postrider_core::summary::{self, Summary};
use postrider_sender::SenderConfig;
use postrider_worker::traces::{Span, SpanSink};

use super::collector::{self, CollectorClient, LastFault};
use super::spans::span_data;
use crate::settings::traces::HeaderList;

/// Most spans that wait to be sent: about 8 MB of memory, and what two seconds at 1,000 deliveries a second make.
const MAX_WAITING: usize = 4096;

/// Most spans in one request, OpenTelemetry's own default: a few hundred KiB.
const MAX_BATCH: usize = 512;

/// How long a span waits for others, at most.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// How long a stop waits for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Takes the spans of all engines, and sends them from a thread of its own.
#[derive(Debug)]
pub(crate) struct TraceSink {
    batches: BatchSpanProcessor,
    scope: InstrumentationScope,
    tally: Arc<Tally>,
    collector: Box<str>,
}

impl TraceSink {
    /// Starts the thread. The collector is asked only when there are spans.
    pub(crate) fn start(
        endpoint: &Endpoint,
        headers: HeaderList,
        trust: SenderConfig,
    ) -> anyhow::Result<Arc<Self>> {
        let fault = LastFault::default();
        let client = CollectorClient::new(endpoint.clone(), trust, fault.clone())?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .with_headers(headers.into())
            .with_timeout(collector::TIMEOUT)
            .build()
            .context("failed to set up the exporter of traces")?;
        let tally = Arc::new(Tally::new());
        let collector: Box<str> = endpoint.origin().into();
        let exporter = Counted { exporter, tally: tally.clone(), fault, collector: collector.clone() };
        let batches = BatchConfigBuilder::default()
            // The tally refuses before the queue is full: it counts what is being sent too.
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(MAX_DELAY)
            .build();
        let mut batches = BatchSpanProcessor::new(exporter, batches);
        batches.set_resource(&resource());
        let scope =
            InstrumentationScope::builder("postrider").with_version(env!("CARGO_PKG_VERSION")).build();
        tracing::info!(collector = &*collector, "traces are told");
        Ok(Arc::new(Self { batches, scope, tally, collector }))
    }

    /// Sends what still waits, if the collector takes it in time.
    pub(crate) fn finish(&self) {
        if self.batches.shutdown_with_timeout(LAST_SPANS).is_err() {
            let (collector, left) = (&*self.collector, self.tally.waiting.load(Ordering::Relaxed));
            tracing::warn!(collector, left, "the last spans could not be sent in time");
        }
        // Whatever is still to be summed up is due now.
        sum_up_failures(Instant::now() + summary::PAUSE);
    }
}

impl SpanSink for TraceSink {
    fn take(&self, span: Span<'_>) {
        if self.tally.takes_one() {
            self.batches.on_end(span_data(span, &self.scope));
        }
    }
}

/// Who sends: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and what is known anyway.
fn resource() -> Resource {
    const SERVICE: Key = Key::from_static_str("service.name");
    let own = || [KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    let given = Resource::builder().with_attributes(own()).build();
    let is_named = given.get(&SERVICE).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if is_named {
        return given;
    }
    Resource::builder().with_attributes(own()).with_service_name("postrider").build()
}

/// How many spans wait, and what became of the others.
#[derive(Debug)]
struct Tally {
    waiting: AtomicUsize,
    sent: CounterOf,
    dropped: CounterOf,
}

/// A counter says nothing of itself.
struct CounterOf(Counter);

impl std::fmt::Debug for CounterOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counter")
    }
}

impl Tally {
    fn new() -> Self {
        describe_counter!("postrider_trace_spans_sent_total", "Spans that the collector took");
        describe_counter!(
            "postrider_trace_spans_dropped_total",
            "Spans that the collector didn't take in time"
        );
        Self {
            waiting: AtomicUsize::new(0),
            sent: CounterOf(counter!("postrider_trace_spans_sent_total")),
            dropped: CounterOf(counter!("postrider_trace_spans_dropped_total")),
        }
    }

    /// Whether there is room for one more, which is then counted.
    fn takes_one(&self) -> bool {
        let has_room = self.waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING;
        if !has_room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.0.increment(1);
        }
        has_room
    }

    fn sent(&self, spans: usize, arrived: bool) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let counter = if arrived { &self.sent } else { &self.dropped };
        counter.0.increment(spans as u64);
    }
}

/// An exporter that says what became of its spans.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    tally: Arc<Tally>,
    fault: LastFault,
    collector: Box<str>,
}

/// One line at the first failure, then one a minute.
static FAILURES: Summary = Summary::new();

/// What is left to be said of failures when they end.
fn sum_up_failures(now: Instant) {
    FAILURES.sum_up(now, |more| tracing::warn!(more, "spans could not be sent: they are dropped"));
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        sum_up_failures(Instant::now());
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.tally.sent(spans, result.is_ok());
        if result.is_err() {
            let cause = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let collector = &*self.collector;
            FAILURES.tell(Instant::now(), |more| {
                tracing::warn!(collector, cause, spans, more, "spans could not be sent: they are dropped");
            });
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_spans_wait_than_there_is_room_for_and_each_that_leaves_makes_some() {
        let tally = Tally::new();
        assert_eq!((0..MAX_WAITING + 10).filter(|_| tally.takes_one()).count(), MAX_WAITING);
        tally.sent(MAX_BATCH, false);
        assert_eq!((0..MAX_WAITING).filter(|_| tally.takes_one()).count(), MAX_BATCH);
    }

    #[test]
    fn whoever_names_the_service_otherwise_is_heeded_and_else_it_is_postrider() {
        let name = resource().get(&Key::from_static_str("service.name")).map(|name| name.to_string());
        let given = std::env::var("OTEL_SERVICE_NAME").ok();
        assert_eq!(name, given.or(Some("postrider".into())));
    }
}
