//! A collector: takes OTLP over HTTP, and reads it with OpenTelemetry's own messages.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use postrider_tests::receiver::Receiver;
use postrider_tests::receiver::request::Request;
use postrider_tests::wait::{PATIENCE, until};
use prost::Message;

/// Where OTLP over HTTP takes traces.
pub(super) const PATH: &str = "/v1/traces";

/// A collector of the test's own.
pub(super) struct Collector(pub(super) Receiver);

/// A span with its attributes by name, numbers as text.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) span: Span,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        Self(Receiver::start().await)
    }

    /// What `traces.endpoint` is to be.
    pub(super) fn url(&self) -> String {
        self.0.url("")
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.0.requests_to(PATH)
    }

    /// All spans so far, as they came.
    pub(super) fn spans(&self) -> Vec<Told> {
        let messages = self.requests().into_iter().map(|request| message(&request));
        let resources = messages.flat_map(|message| message.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).map(Told::new).collect()
    }

    /// Attributes of whoever sent.
    pub(super) fn resource(&self) -> BTreeMap<String, String> {
        let first = message(&self.requests()[0]).resource_spans.remove(0);
        by_name(&first.resource.unwrap_or_default().attributes)
    }

    /// All spans, once there are at least `count`.
    pub(super) async fn wait_for(&self, count: usize) -> Vec<Told> {
        until(&format!("{count} spans"), PATIENCE, || async {
            let spans = self.spans();
            if spans.len() >= count { Ok(spans) } else { Err(format!("{spans:?}")) }
        })
        .await
    }
}

impl Told {
    fn new(span: Span) -> Self {
        let attributes = by_name(&span.attributes);
        Self { span, attributes }
    }

    /// An attribute; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(super) fn is_attempt(&self) -> bool {
        self.span.name == "POST"
    }

    /// The trace in lower-case hex digits.
    pub(super) fn trace(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub(super) fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    pub(super) fn parent(&self) -> String {
        hex(&self.span.parent_span_id)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn message(request: &Request) -> ExportTraceServiceRequest {
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    ExportTraceServiceRequest::decode(&*request.body).expect("what is sent is OTLP")
}

fn by_name(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |pair: &KeyValue| (pair.key.clone(), text(pair.value.clone().and_then(|value| value.value)));
    attributes.iter().map(pair).collect()
}
