//! Who asks, and what they may do. Keeps no token, only digests of them.
//!
//! - [`tokens`]: the tokens of the settings, and tokens of owners that are signed with them; [`failures`]: failed logins.
//! - [`origin`]: what a browser or a stranger's name for this machine may not do.

pub(crate) mod failures;
pub(crate) mod origin;
pub(crate) mod tokens;

use std::net::IpAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::console::secret_of;
use crate::problem::Problem;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// May do everything.
    Admin,
    /// May see everything but secrets.
    Reader,
    /// May do what owners do with their own hooks, and see nothing of others'.
    Owner(String),
}

/// The least that a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Least {
    /// Nothing: the answer is no secret.
    Anyone,
    /// To be the owner whom the path or query names, or a reader.
    OwnerOrReader,
    /// To be the owner whom the path or query names, or an admin.
    OwnerOrAdmin,
    /// To see what isn't secret.
    Reader,
    /// To change what isn't one's own.
    Admin,
}

impl Least {
    /// Whether the caller may ask at all; whose hooks an owner asks for is looked at by [`Caller::check_user`].
    pub(crate) fn admits(self, caller: &Caller) -> bool {
        match self {
            Self::Anyone => true,
            Self::OwnerOrReader => true,
            Self::OwnerOrAdmin => !matches!(caller, Caller::Reader),
            Self::Reader => !matches!(caller, Caller::Owner(_)),
            Self::Admin => matches!(caller, Caller::Admin),
        }
    }

    /// Its word in the document.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Anyone => "none",
            Self::OwnerOrReader => "owner, read or admin",
            Self::OwnerOrAdmin => "owner or admin",
            Self::Reader => "read or admin",
            Self::Admin => "admin",
        }
    }
}

impl Caller {
    /// An owner asks for nobody else's; that others exist isn't told.
    pub(crate) fn check_user(&self, user_id: &str, what: &str) -> Result<(), Problem> {
        match self {
            Self::Owner(own) if own != user_id => Err(Problem::not_found(what)),
            _ => Ok(()),
        }
    }

    /// The owner to whom everything is confined, if the caller is one.
    pub(crate) fn confined_to(&self) -> Option<&str> {
        match self {
            Self::Owner(own) => Some(own),
            _ => None,
        }
    }
}

/// Finds out who asks: by a token, or by a session of the console. Without any token in the settings only this machine may.
pub(crate) fn identify(
    api: &Api,
    peer: IpAddr,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    if api.config.tokens.is_empty() {
        return origin::check_loopback(peer, headers).map(|()| Caller::Admin);
    }
    if let Some(given) = headers.get(AUTHORIZATION) {
        return admit(api, peer, bearer(given.as_bytes()).unwrap_or_default());
    }
    let caller = secret_of(headers).and_then(|secret| api.sessions.caller_of(secret));
    let caller = caller.ok_or_else(Problem::unauthorized)?;
    origin::check_session(method, headers)?;
    Ok(caller)
}

/// Whose token this is. An address that has failed too often is told to wait.
pub(crate) fn admit(api: &Api, peer: IpAddr, token: &[u8]) -> Result<Caller, Problem> {
    let (now, digest) = (Instant::now(), Sha256::digest(token).into());
    if let Some(wait) = api.failures.wait_of(peer, now).filter(|_| !api.failures.knows(peer, digest)) {
        return Err(Problem::too_many(wait));
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match api.config.tokens.caller_of(token, seconds) {
        Some(caller) => {
            api.failures.remember(peer, digest);
            Ok(caller)
        }
        None => Err(api.failures.note(peer, now).map_or_else(Problem::unauthorized, Problem::too_many)),
    }
}

/// The token behind `Bearer `.
pub(crate) fn bearer(given: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = given.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
