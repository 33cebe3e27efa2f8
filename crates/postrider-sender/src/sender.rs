//! One attempt: the guard, one deadline over everything, and the one resend that a stale connection calls for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use hyper::body::Incoming;
use postrider_core::address::AddressPolicy;
use postrider_core::outcome::{NoAnswer, Outcome, parse_retry_after};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use crate::classify::{cause, may_resend};
use crate::client::{Client, client};
use crate::connector::Connector;
use crate::request::Request;
use crate::resolver::{Lookup, Resolver, system_lookup};
use crate::stream::Usage;
use crate::{response, tls};

/// What a [`Sender`] needs to know.
pub struct SenderConfig {
    /// Where requests may go.
    pub policy: AddressPolicy,
    /// Most idle connections that are kept to one host; as many as requests at a time.
    pub max_idle_per_host: usize,
    /// Certificates that are trusted beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How names are resolved.
    pub lookup: Lookup,
}

impl Default for SenderConfig {
    /// The contract's policy, the system's resolver, and connections for `worker.concurrency` requests.
    fn default() -> Self {
        Self {
            policy: AddressPolicy::default(),
            max_idle_per_host: 256,
            extra_roots: Vec::new(),
            lookup: system_lookup(),
        }
    }
}

/// Why a sender can't be made.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A certificate of [`SenderConfig::extra_roots`] can't be used, or TLS can't be set up at all.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

/// What became of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What the receiver did.
    pub outcome: Outcome,
    /// Until the head of the answer was complete, or the attempt given up.
    pub elapsed: Duration,
    /// First bytes of a failed answer's body, at most 1 KiB.
    pub response: Option<Bytes>,
    /// What went wrong, in words, without address, path or secret; empty for a success.
    pub error: String,
}

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    policy: Arc<AddressPolicy>,
    pooled: Client,
    /// Opens a connection for each request.
    fresh: Client,
}

impl Sender {
    /// Sets up TLS and the connection pool.
    ///
    /// # Errors
    /// When an extra root certificate can't be used.
    pub fn new(config: SenderConfig) -> Result<Self, SenderError> {
        let policy = Arc::new(config.policy);
        let tls = tls::client_config(&config.extra_roots).map_err(SenderError::Tls)?;
        let connector = Connector::new(Resolver::new(Arc::clone(&policy), config.lookup), tls);
        let pooled = client(connector.clone(), config.max_idle_per_host);
        Ok(Self { policy, pooled, fresh: client(connector, 0) })
    }

    /// Makes one attempt. Whatever the receiver does is an outcome; nothing it does is waited for beyond the timeout.
    pub async fn attempt(&self, request: Request) -> Attempt {
        let attempt = self.attempt_unless(request, std::future::pending()).await;
        attempt.expect("nothing cuts it off")
    }

    /// The same, unless `cut_off` comes before the head of an answer is complete: then `None`. A head decides, whatever
    /// comes after it.
    pub async fn attempt_unless(
        &self,
        request: Request,
        cut_off: impl Future<Output = ()>,
    ) -> Option<Attempt> {
        let started = Instant::now();
        if let Err(reason) = self.policy.check_endpoint(&request.endpoint) {
            return Some(Attempt::without_answer(Outcome::Blocked { reason }, started));
        }
        let deadline = started + request.timeout;
        let answer = tokio::select! {
            biased;
            answer = timeout_at(deadline, self.exchange(&request)) => answer,
            () = cut_off => return None,
        };
        Some(match answer.unwrap_or(Err(NoAnswer::Timeout)) {
            Ok(response) => Attempt::of_answer(response, started, deadline).await,
            Err(cause) => Attempt::without_answer(Outcome::NoAnswer { cause }, started),
        })
    }

    async fn exchange(&self, request: &Request) -> Result<Response<Incoming>, NoAnswer> {
        let first = self.pooled.request(request.to_message()).await;
        let answer = match first {
            Err(error) if may_resend(&error) => self.fresh.request(request.to_message()).await,
            decided => decided,
        };
        answer.map_err(|error| cause(&error))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Attempt {
    async fn of_answer(response: Response<Incoming>, started: Instant, deadline: Instant) -> Self {
        let elapsed = started.elapsed();
        if let Some(usage) = response.extensions().get::<Usage>() {
            usage.note_answer();
        }
        let status = response.status();
        if status.is_success() {
            response::drain(response, deadline).await;
            let outcome = Outcome::of_answer(status.as_u16(), None);
            return Self { outcome, elapsed, response: None, error: String::new() };
        }
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after =
            retry_after.and_then(|value| parse_retry_after(value.as_bytes(), SystemTime::now()));
        let outcome = Outcome::of_answer(status.as_u16(), retry_after);
        let first_bytes = response::first_bytes(response, deadline).await;
        Self { error: outcome.error(), outcome, elapsed, response: Some(first_bytes) }
    }

    fn without_answer(outcome: Outcome, started: Instant) -> Self {
        Self { error: outcome.error(), outcome, elapsed: started.elapsed(), response: None }
    }
}
