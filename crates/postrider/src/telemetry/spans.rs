//! How a span of a job looks to others: OpenTelemetry's semantic conventions for HTTP clients and messaging. Of a URL, nothing
//! but scheme, host and port.

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use postrider_core::endpoint::Endpoint;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_core::verdict::Verdict;
use postrider_worker::traces::{Span, What};

/// The span as OpenTelemetry's libraries know it.
pub(super) fn span_data(span: Span<'_>, scope: &InstrumentationScope) -> SpanData {
    let Look { name, span_kind, attributes, status, former } = look(&span);
    SpanData {
        span_context: context(span.trace_id, span.id),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: span.parent.is_some() && span.parent_is_remote,
        span_kind,
        name,
        start_time: span.started,
        end_time: span.ended,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: links(former.map(|former| context(span.trace_id, former))),
        status,
        instrumentation_scope: scope.clone(),
    }
}

/// What differs between the kinds of span.
struct Look {
    name: Cow<'static, str>,
    span_kind: SpanKind,
    attributes: Vec<KeyValue>,
    status: Status,
    former: Option<[u8; 8]>,
}

fn look(span: &Span<'_>) -> Look {
    let mut attributes = of_job(span);
    match span.what {
        What::Wait { buried } => {
            attributes.push(KeyValue::new("messaging.operation.name", "wait"));
            attributes.push(KeyValue::new("messaging.operation.type", "receive"));
            attributes.extend(buried.map(|reason| KeyValue::new("error.type", reason.as_str())));
            let status = buried.map_or(Status::Unset, |reason| Status::error(reason.as_str()));
            let name = format!("wait {}", span.queue).into();
            Look { name, span_kind: SpanKind::Consumer, attributes, status, former: None }
        }
        What::Attempt { number, former, endpoint, outcome, error, verdict } => {
            attributes.extend(of_request(endpoint, number));
            attributes.extend(of_outcome(outcome));
            attributes.push(KeyValue::new("postrider.outcome", outcome_word(verdict)));
            let status = if error.is_empty() { Status::Unset } else { Status::error(error.to_owned()) };
            Look { name: "POST".into(), span_kind: SpanKind::Client, attributes, status, former }
        }
    }
}

fn of_job(span: &Span<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.system", "redis"),
        KeyValue::new("messaging.destination.name", span.queue.to_string()),
        KeyValue::new("messaging.consumer.group.name", "postrider"),
        KeyValue::new("messaging.message.id", span.job_id.to_owned()),
    ];
    attributes.extend(span.hook_id.map(|hook| KeyValue::new("postrider.hook.id", hook.to_owned())));
    attributes
}

fn of_request(endpoint: &Endpoint, number: u32) -> Vec<KeyValue> {
    let host = endpoint.url().host_str().unwrap_or_default();
    let mut attributes = vec![
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("url.scheme", if endpoint.is_https() { "https" } else { "http" }),
        KeyValue::new("server.address", host.trim_matches(['[', ']']).to_owned()),
        KeyValue::new("server.port", i64::from(endpoint.port())),
        KeyValue::new("postrider.attempt", i64::from(number)),
    ];
    if number > 1 {
        attributes.push(KeyValue::new("http.request.resend_count", i64::from(number - 1)));
    }
    attributes
}

fn of_outcome(outcome: &Outcome) -> Vec<KeyValue> {
    let status = outcome.status();
    let code = (status > 0).then(|| KeyValue::new("http.response.status_code", i64::from(status)));
    let error: Option<Cow<'static, str>> = match outcome {
        Outcome::Accepted { .. } => None,
        Outcome::NoAnswer { cause } => Some(cause_word(*cause).into()),
        Outcome::Blocked { .. } => Some("blocked".into()),
        _ => Some(status.to_string().into()),
    };
    code.into_iter().chain(error.map(|error| KeyValue::new("error.type", error.into_owned()))).collect()
}

/// Few, and stable: what backends group by.
fn cause_word(cause: NoAnswer) -> &'static str {
    match cause {
        NoAnswer::Dns => "dns",
        NoAnswer::AddressNotAllowed | NoAnswer::Connect => "connect",
        NoAnswer::Tls => "tls",
        NoAnswer::Closed => "closed",
        NoAnswer::Malformed => "malformed",
        NoAnswer::Timeout => "timeout",
        NoAnswer::ByProxy { .. } | NoAnswer::Proxy => "proxy",
    }
}

/// As in the records of attempts.
fn outcome_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "delivered",
        Verdict::RetryAfter(_) => "retried",
        Verdict::Dead(_) => "dead",
    }
}

fn context(trace_id: [u8; 16], span_id: [u8; 8]) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id));
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default())
}

fn links(former: Option<SpanContext>) -> SpanLinks {
    let mut links = SpanLinks::default();
    links.links.extend(former.map(|former| Link::new(former, Vec::new(), 0)));
    links
}
