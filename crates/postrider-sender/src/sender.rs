//! One attempt: the guard, one deadline over everything, and the one resend that a stale connection calls for.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use http_body_util::Full;
use hyper::body::Incoming;
use postrider_core::address::AddressPolicy;
use postrider_core::endpoint::Endpoint;
use postrider_core::outcome::{NoAnswer, Outcome, parse_retry_after};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, sleep, timeout_at};

use crate::classify::{Fault, fault, may_resend};
use crate::client::{Client, client};
use crate::connector::Connector;
use crate::given::Given;
use crate::loan::Loan;
use crate::proxy::Proxy;
use crate::proxy::fault::ProxyFault;
use crate::proxy::gate::{Gate, Passes};
use crate::proxy::way::Way;
use crate::request::Request;
use crate::resolver::{Lookup, Resolver, system_lookup};
use crate::tls::ClientIdentity;
use crate::usage::Usage;
use crate::{response, tls};

/// How long an attempt without an answer waits for the HTTP client to let go of its request, which takes a turn of its tasks
/// unless the receiver has brought it to a halt.
const LET_GO: Duration = Duration::from_millis(100);

/// What a [`Sender`] needs to know.
pub struct SenderConfig {
    /// Where requests may go.
    pub policy: AddressPolicy,
    /// Most idle connections that are kept to one host; as many as requests at a time.
    pub max_idle_per_host: usize,
    /// Certificates that are trusted beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What receivers are shown that ask for a client's certificate.
    pub identity: Option<ClientIdentity>,
    /// The proxy that all requests go through; those of the environment are never used.
    pub proxy: Option<Proxy>,
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
            identity: None,
            proxy: None,
            lookup: system_lookup(),
        }
    }
}

/// Why a sender can't be made.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A certificate of [`SenderConfig::extra_roots`] or the identity can't be used, or TLS can't be set up at all.
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
    /// First bytes of a failed answer's body, at most 1.5 KiB.
    pub response: Option<Bytes>,
    /// What went wrong, in words, without address, path or secret; empty for a success.
    pub error: String,
    /// What the system or a library said, where no answer came: for the operator's log alone, since it may tell of the
    /// operator's network. At most 200 characters, likewise without address, path or secret.
    pub detail: Option<Box<str>>,
}

/// Why there is no attempt, and nothing to charge to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmade {
    /// It was cut off before the head of an answer was complete.
    CutOff,
    /// The proxy doesn't work.
    Proxy(ProxyFault),
}

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    policy: Arc<AddressPolicy>,
    pooled: Client,
    /// Opens a connection for each request.
    fresh: Client,
    /// Signs of life of the proxy, where there is one.
    proxy: Option<Passes>,
    /// Where all requests go, whatever they name.
    diversion: Option<Endpoint>,
}

impl Sender {
    /// Sets up TLS and the connection pool.
    ///
    /// # Errors
    /// When an extra root certificate or the identity can't be used.
    pub fn new(config: SenderConfig) -> Result<Self, SenderError> {
        let behind_proxy = config.proxy.is_some();
        let policy = Arc::new(AddressPolicy { behind_proxy, ..config.policy });
        let tls = tls::client_config(&config.extra_roots, config.identity).map_err(SenderError::Tls)?;
        let gate = config.proxy.map(|proxy| Gate::new(proxy, tls.clone()));
        let proxy = gate.as_ref().map(Gate::passes);
        let connector = Connector::new(Resolver::new(Arc::clone(&policy), config.lookup), tls, gate);
        let pooled = client(connector.clone(), config.max_idle_per_host);
        Ok(Self { policy, pooled, fresh: client(connector, 0), proxy, diversion: None })
    }

    /// A sender whose requests all go to scheme, host and port of `there`, whatever they name; path and query stay. For
    /// trying things out: what the guard refuses elsewhere, it refuses there.
    pub fn diverted_to(mut self, there: Endpoint) -> Self {
        self.diversion = Some(there);
        self
    }

    /// How often the proxy has answered a CONNECT, with yes or no. Grows as long as it works.
    pub fn proxy_answers(&self) -> u64 {
        self.proxy.as_ref().map_or(0, Passes::count)
    }

    /// Makes one attempt. Whatever the receiver does is an outcome; nothing it does is waited for beyond the timeout. For
    /// those who can't put an attempt off: a proxy that doesn't work is told like a receiver that doesn't answer.
    pub async fn attempt(&self, request: Request) -> Attempt {
        let started = Instant::now();
        match self.attempt_unless(request, std::future::pending()).await {
            Ok(attempt) => attempt,
            Err(Unmade::Proxy(fault)) => {
                let attempt = Attempt::without_answer(Outcome::NoAnswer { cause: NoAnswer::Proxy }, started);
                Attempt { error: fault.to_string(), detail: Some(fault.detail().into()), ..attempt }
            }
            Err(Unmade::CutOff) => unreachable!("nothing cuts it off"),
        }
    }

    /// The same, unless `cut_off` comes before the head of an answer is complete, or the proxy doesn't work. A head decides,
    /// whatever comes after it.
    ///
    /// # Errors
    /// Why no attempt was made.
    pub async fn attempt_unless(
        &self,
        mut request: Request,
        cut_off: impl Future<Output = ()>,
    ) -> Result<Attempt, Unmade> {
        let started = Instant::now();
        if let Some(there) = &self.diversion {
            request.endpoint = there.with_path_of(&request.endpoint);
        }
        if let Err(reason) = self.policy.check_endpoint(&request.endpoint) {
            return Ok(Attempt::without_answer(Outcome::Blocked { reason }, started));
        }
        let deadline = started + request.timeout;
        let ((request, loan), given) = (request.lend(), Given::default());
        let mut cut_off = pin!(cut_off);
        let answer = tokio::select! {
            biased;
            answer = self.answer(&request, &given, deadline) => answer,
            () = &mut cut_off => return Err(Unmade::CutOff),
        };
        drop(request);
        match answer {
            Ok(response) => {
                let usage = response.extensions().get::<Usage>().cloned();
                let attempt = Attempt::of_answer(response, started, deadline).await;
                until_taken(loan, usage, timeout_at(deadline, cut_off)).await;
                Ok(attempt)
            }
            Err(Fault::Receiver { cause, detail }) => {
                let attempt = Attempt::without_answer(Outcome::NoAnswer { cause }, started);
                until_taken(loan, given.usage(), sleep(LET_GO)).await;
                Ok(Attempt { detail, ..attempt })
            }
            Err(Fault::Proxy(fault)) => Err(Unmade::Proxy(fault)),
        }
    }

    async fn answer(
        &self,
        request: &Request,
        given: &Given,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Fault> {
        if self.proxy.is_some() {
            return Box::pin(self.answer_through_proxy(request, given, deadline)).await;
        }
        let answer = timeout_at(deadline, self.exchange(|| given.watch_https(request.to_message()))).await;
        answer.unwrap_or(Err(Fault::timeout()))
    }

    async fn answer_through_proxy(
        &self,
        request: &Request,
        given: &Given,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Fault> {
        let exchange = self.exchange(|| given.watch(request.to_message()));
        Arc::new(Way::default()).run(deadline, given, exchange).await
    }

    async fn exchange(
        &self,
        message: impl Fn() -> http::Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Fault> {
        let first = self.pooled.request(message()).await;
        let answer = match first {
            Err(error) if may_resend(&error) => self.fresh.request(message()).await,
            decided => decided,
        };
        answer.map_err(|error| fault(&error))
    }
}

/// Most requests were taken whole before they are answered. The rest of one that wasn't may still be taken in its time; after
/// that the connection is given up, since the client would keep both for as long as the receiver likes.
async fn until_taken<T>(loan: Option<Loan>, usage: Option<Usage>, time_is_over: impl Future<Output = T>) {
    let Some(loan) = loan else { return };
    tokio::select! {
        biased;
        () = loan.returned() => {}
        _ = time_is_over => usage.iter().for_each(Usage::leave),
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
            return Self { outcome, elapsed, response: None, error: String::new(), detail: None };
        }
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after =
            retry_after.and_then(|value| parse_retry_after(value.as_bytes(), SystemTime::now()));
        let outcome = Outcome::of_answer(status.as_u16(), retry_after);
        let first_bytes = response::first_bytes(response, deadline).await;
        Self { error: outcome.error(), outcome, elapsed, response: Some(first_bytes), detail: None }
    }

    fn without_answer(outcome: Outcome, started: Instant) -> Self {
        Self { error: outcome.error(), outcome, elapsed: started.elapsed(), response: None, detail: None }
    }
}
