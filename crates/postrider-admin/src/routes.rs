//! Which path answers what: probes and metrics in plain text, the API beside them. Decides nothing about the engine: it asks
//! the [`AdminState`].

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::api::Api;
use crate::console;
use crate::misskey;
use crate::router as api_router;

/// The text exposition format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// The longest cause in an answer of `/readyz`, in characters: one line that a probe's log shows whole.
const MAX_CAUSE_CHARS: usize = 300;

/// What every answer bears: whoever shows one in a browser shows no more than its text.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What the port asks. The functions run on the port's own thread and must return at once.
#[derive(Clone)]
pub struct AdminState {
    /// All metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether the worker reads its queues; the error is the cause, in words that anyone may read.
    pub readiness: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Whether the engine's loop still turns.
    pub alive: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminState")
    }
}

pub(crate) fn router(state: AdminState, api: Option<Arc<Api>>) -> Router {
    let probes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    let all = match api {
        Some(api) => probes
            .merge(console::router(api.clone()))
            .merge(api_router::router(&api))
            .merge(misskey::router(api)),
        None => probes,
    };
    all.method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(map_response(with_security_headers))
        .with_state(state)
}

async fn with_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn healthz(State(state): State<AdminState>) -> (StatusCode, &'static str) {
    match (state.alive)() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the engine's loop has stopped\n"),
    }
}

async fn readyz(State(state): State<AdminState>) -> (StatusCode, String) {
    match (state.readiness)() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(cause) => (StatusCode::SERVICE_UNAVAILABLE, one_line(&cause)),
    }
}

async fn metrics(State(state): State<AdminState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], (state.metrics)())
}

async fn method_not_allowed(uri: Uri) -> Response {
    match is_of_api(&uri) {
        true => api_router::method_not_allowed(),
        false => (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n").into_response(),
    }
}

async fn not_found(uri: Uri) -> Response {
    match is_of_api(&uri) {
        true => api_router::not_found(),
        false => {
            (StatusCode::NOT_FOUND, "not found; there are /healthz, /readyz and /metrics\n").into_response()
        }
    }
}

fn is_of_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}

/// The cause as one line without control characters, at most [`MAX_CAUSE_CHARS`] of it.
fn one_line(cause: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = cause.chars().map(plain).take(MAX_CAUSE_CHARS).collect();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_one_bounded_line() {
        assert_eq!(one_line("no\r\nRedis\u{1b}[31m"), "no  Redis [31m\n");
        assert_eq!(one_line(&"ä".repeat(1000)).chars().count(), MAX_CAUSE_CHARS + 1);
    }
}
