//! Hooks in the shape of Misskey's own API, for clients that are written against it: `POST /api/i/webhooks/…`. A caller is
//! one user, and reaches that user's hooks only; what is done with them is done as for the API's other routes.
//!
//! - here: the routes, and what a request has to pass. [`endpoints`]: what each does; [`shape`]: a hook as Misskey shows it.
//! - [`caller`]: which user asks, by [`tokens`] or by [`proxies`]; [`quota`]: how often.
//! - [`params`]: what is given; [`error`]: what is answered where it isn't done.

mod caller;
mod endpoints;
mod error;
mod params;
mod proxies;
mod quota;
mod shape;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use self::caller::Asker;
use self::endpoints::{Endpoint, Task};
use self::error::ApiError;
use self::quota::Quota;
use crate::api::Api;
use crate::auth::origin;
use crate::router::{guarded, object_of, read_json};
use crate::serving::Peer;

pub use self::proxies::{TrustedProxies, UserHeader};
pub use self::tokens::{MAX_USER_TOKENS, MIN_USER_TOKEN_CHARS, UserTokens};

/// What the paths begin with.
const PREFIX: &str = "/api/i/webhooks";

/// Who may ask as which user.
#[derive(Clone, Debug)]
pub struct MisskeyConfig {
    /// Tokens, each with its user; may be none.
    pub tokens: UserTokens,
    /// The proxies that say themselves who asks, if any.
    pub proxies: Option<TrustedProxies>,
}

/// What all requests share.
struct Misskey {
    api: Arc<Api>,
    config: MisskeyConfig,
    tests: Quota,
}

/// The routes; none where nobody may ask.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    let Some(config) = api.config.misskey.clone() else { return Router::new() };
    let misskey = Arc::new(Misskey { api, config, tests: Quota::default() });
    Endpoint::ALL.into_iter().fold(Router::new(), |router, endpoint| {
        let misskey = misskey.clone();
        let handler = move |peer: Option<axum::Extension<Peer>>, request: Request| {
            let peer = peer.map_or(Peer::unknown(), |axum::Extension(peer)| peer);
            answer(misskey.clone(), endpoint, peer, request)
        };
        router.route(&format!("{PREFIX}/{}", endpoint.name()), post(handler))
    })
}

async fn answer(misskey: Arc<Misskey>, endpoint: Endpoint, peer: Peer, request: Request) -> Response {
    let outcome = guarded(endpoint.name(), carry_out(&misskey, endpoint, peer, request)).await;
    let mut response = match outcome {
        Ok(Some(body)) => {
            ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.to_string()).into_response()
        }
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let (route, code) = (endpoint.name(), error.code());
            tracing::debug!(route, code, "a route of Misskey's API refused a request");
            error.into_response()
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body comes before the question who asks, since the token is in it.
async fn carry_out(
    misskey: &Misskey,
    endpoint: Endpoint,
    peer: Peer,
    request: Request,
) -> Result<Option<Value>, ApiError> {
    let (head, body) = request.into_parts();
    origin::check_site(&head.method, &head.headers)?;
    let given = object_of(&read_json(&head.headers, body).await?)?;
    let asker = Asker { peer: peer.ip(), headers: &head.headers, token: given.get("i") };
    let user = misskey.config.user_of(&asker, &misskey.api.failures)?;
    endpoint.carry_out(Task { misskey, user: &user, given: &given, endpoint }).await
}
