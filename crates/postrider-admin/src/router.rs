//! From the table of routes to a router: what every request has to pass before its handler sees it, in this order: who asks,
//! whether they may, then query and body.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use futures_util::FutureExt;
use postrider_core::summary::Summary;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::api::{self, Api};
use crate::auth::{Caller, Least, identify, origin};
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::serving::Peer;
use crate::table::{Body, Route, check_body, read_query};

/// What all paths of the API begin with.
pub(crate) const PREFIX: &str = "/api/v1";

/// Largest body in bytes: a job of 1 MiB, and room for what JSON adds to it.
pub(crate) const MAX_BODY_BYTES: usize = (1 << 20) + (64 << 10);

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a handler may take: longer than a test of a hook, or any answer of Redis.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(45);

/// The methods that routes may have.
const METHODS: [(&str, MethodFilter); 4] = [
    ("GET", MethodFilter::GET),
    ("POST", MethodFilter::POST),
    ("PATCH", MethodFilter::PATCH),
    ("DELETE", MethodFilter::DELETE),
];

/// The parts of a path, or that they aren't UTF-8.
type PathParts = Result<RawPathParams, RawPathParamsRejection>;

/// All routes of the API. Paths that aren't there are [`not_found`]'s.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(api: &Arc<Api>) -> Router<S> {
    api::routes().into_iter().fold(Router::new(), |router, route| {
        let filter = METHODS.iter().find(|(name, _)| *name == route.method.as_str());
        let (_, filter) = filter.expect("routes have methods of the list");
        let (path, route, api) = (format!("{PREFIX}{}", route.path), Arc::new(route), api.clone());
        let handler = move |peer: Option<axum::Extension<Peer>>, path: PathParts, request: Request| {
            let peer = peer.map_or(Peer::unknown(), |axum::Extension(peer)| peer);
            answer(api.clone(), route.clone(), peer, path, request)
        };
        router.route(&path, on(*filter, handler))
    })
}

/// The answer for paths below `/api`.
pub(crate) fn not_found() -> Response {
    Problem::not_found("path; /api/v1/openapi.json lists those that there are").into_response()
}

/// The answer for methods that a path doesn't have.
pub(crate) fn method_not_allowed() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the path doesn't have this method").into_response()
}

async fn answer(api: Arc<Api>, route: Arc<Route>, peer: Peer, path: PathParts, request: Request) -> Response {
    let outcome = guarded(route.id, carry_out(api, &route, peer, &path, request)).await;
    let mut response = match outcome {
        Ok(answer) => answer.into_response(),
        Err(problem) => {
            tracing::debug!(
                route = route.id,
                status = problem.status().as_u16(),
                "the API refused a request"
            );
            problem.into_response()
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Callers may ask for it again.
static PANIC_LINES: Summary = Summary::new();

/// What a handler comes to. One that panics or takes too long is a fault of ours, and harms no other request.
pub(crate) async fn guarded<T, E: From<Problem>>(
    route: &'static str,
    handler: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match AssertUnwindSafe(timeout(HANDLER_TIMEOUT, handler)).catch_unwind().await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it took too long").into()),
        Err(_) => {
            PANIC_LINES.tell(Instant::now(), |more| {
                tracing::error!(route, more, "a handler of the API panicked");
            });
            Err(Problem::internal().into())
        }
    }
}

async fn carry_out(
    api: Arc<Api>,
    route: &Route,
    peer: Peer,
    path: &PathParts,
    request: Request,
) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    let caller = match route.least {
        Least::Anyone => Caller::Reader,
        _ => identify(&api, peer.ip(), &head.method, &head.headers)?,
    };
    if !route.least.admits(&caller) {
        return Err(Problem::forbidden(format!(
            "the token's role isn't enough; needed: {}",
            route.least.role()
        )));
    }
    origin::check_site(&head.method, &head.headers)?;
    let query = read_query(route.query, pairs_of(&head.uri)?)?;
    let raw = read_body(route, &head.headers, body).await?;
    let body = parse_body(route, &raw)?;
    let path = path.as_ref().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the path isn't UTF-8"))?;
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (route.run)(Call { api, caller, headers: head.headers, path, query, body, raw }).await
}

/// The pairs of a query, decoded.
fn pairs_of(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = pairs.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the query can't be read"))?;
    Ok(pairs.0)
}

async fn read_body(route: &Route, headers: &HeaderMap, body: HttpBody) -> Result<Bytes, Problem> {
    let read = read_json(headers, body).await?;
    if matches!(route.body, Body::None) && !read.is_empty() && &*read != b"{}" {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "this route takes no body"));
    }
    Ok(read)
}

/// A body of JSON, or none.
pub(crate) async fn read_json(headers: &HeaderMap, body: HttpBody) -> Result<Bytes, Problem> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|given| is_json(given.as_bytes()));
    let read = match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(read) => read,
        Err(_) => return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to come")),
    };
    let too_large = format!("the body is larger than {MAX_BODY_BYTES} bytes, or broke off");
    let read = read.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, too_large))?;
    if !read.is_empty() && !is_json {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body must be application/json"));
    }
    Ok(read)
}

fn parse_body(route: &Route, raw: &[u8]) -> Result<Map<String, Value>, Problem> {
    let Body::Fields(fields) = route.body else { return Ok(Map::new()) };
    let body = object_of(raw)?;
    check_body(fields, &body)?;
    Ok(body)
}

/// The object that a body is; an empty one where there is none.
pub(crate) fn object_of(raw: &[u8]) -> Result<Map<String, Value>, Problem> {
    if raw.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(raw).map_err(|error| {
        let place =
            format!("the body isn't one JSON object: line {}, column {}", error.line(), error.column());
        Problem::new(StatusCode::BAD_REQUEST, place)
    })
}

/// `application/json`, with or without parameters.
pub(crate) fn is_json(given: &[u8]) -> bool {
    let essence = given.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
}
