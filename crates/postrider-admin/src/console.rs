//! The web console at `/`: its files, which are part of the binary, and its sessions. It is a client of the API like any
//! other, and can do nothing that a token can't; see docs/decisions/0010-console-of-plain-modules.md.
//!
//! - [`files`]: what is served; [`cookie`]: how a browser keeps a session; [`sessions`]: which there are.

mod cookie;
mod files;
pub(crate) mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use postrider_core::queue_name::QueueName;
use serde_json::{Value, json};

use crate::api::Api;
use crate::auth::{Caller, admit, identify, origin};
use crate::call::{Answer, now};
use crate::problem::Problem;
use crate::router::{object_of, read_json};
use crate::serving::Peer;

pub(crate) use self::cookie::secret_of;

/// The paths of the console.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    Router::new()
        .route("/", get(start_page))
        .route("/console/{*file}", get(file))
        .route("/console/session", get(look).post(begin).delete(end))
        .with_state(api)
}

/// Who is at the other end; nobody on this machine where that isn't known.
type Other = Option<axum::Extension<Peer>>;

async fn start_page(state: State<Arc<Api>>, other: Other, headers: HeaderMap) -> Response {
    file(state, other, Path("index.html".to_owned()), headers).await
}

/// The files hold no secret; but without a token nobody from elsewhere is answered at all.
async fn file(
    State(api): State<Arc<Api>>,
    other: Other,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match check_place(&api, peer(other), &headers) {
        Ok(()) => files::answer(&name, &headers),
        Err(problem) => problem.into_response(),
    }
}

/// Who is here.
async fn look(State(api): State<Arc<Api>>, other: Other, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let caller = identify(&api, peer(other).ip(), &head.method, &head.headers);
    not_stored(caller.and_then(|caller| Answer::ok(shown(&api, &caller))).map(IntoResponse::into_response))
}

/// A token for a session: the browser shows the cookie to no script, and sends it nowhere else.
async fn begin(State(api): State<Arc<Api>>, other: Other, request: Request) -> Response {
    not_stored(log_in(&api, peer(other), request).await)
}

async fn log_in(api: &Api, peer: Peer, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    check_place(api, peer, &head.headers)?;
    origin::check_site(&head.method, &head.headers)?;
    let body = object_of(&read_json(&head.headers, body).await?)?;
    let token = body.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Problem::of_field("token", "must be a text"))?;
    let caller = match api.config.tokens.is_empty() {
        true => Caller::Admin,
        false => admit(api, peer.ip(), token.as_bytes())?,
    };
    let age = api.config.tokens.lifetime_of(token, now().as_millis() / 1000);
    let age = age.map_or(sessions::MAX_AGE, |left| left.min(sessions::MAX_AGE));
    let secret = api.sessions.begin(caller.clone(), age).map_err(|_| Problem::internal())?;
    let cookie = cookie::set(&head.headers, &secret, age);
    Ok(([(SET_COOKIE, cookie)], Answer::ok(shown(api, &caller))?).into_response())
}

async fn end(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    not_stored(log_out(&api, &head.method, &head.headers))
}

fn log_out(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    origin::check_site(method, headers)?;
    if let Some(secret) = secret_of(headers) {
        api.sessions.end(secret);
    }
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie::unset(headers))]).into_response())
}

/// What the pages need to know: who is here, and what there is to be looked at.
fn shown(api: &Api, caller: &Caller) -> Value {
    let (role, user) = match caller {
        Caller::Admin => ("admin", None),
        Caller::Reader => ("read", None),
        Caller::Owner(user) => ("owner", Some(user)),
    };
    json!({
        "role": role,
        "userId": user,
        "queues": api.queues().map(QueueName::as_str).collect::<Vec<_>>(),
        "events": api.config.events.as_ref().map(QueueName::as_str),
        "login": !api.config.tokens.is_empty(),
    })
}

fn check_place(api: &Api, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
    match api.config.tokens.is_empty() {
        true => origin::check_loopback(peer.ip(), headers),
        false => Ok(()),
    }
}

fn peer(other: Other) -> Peer {
    other.map_or(Peer::unknown(), |axum::Extension(peer)| peer)
}

fn not_stored(outcome: Result<Response, Problem>) -> Response {
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
