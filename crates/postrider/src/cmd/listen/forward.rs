//! Passing a request on to the developer's program, and its answer back.

use std::time::Duration;

use anyhow::Context;
use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_core::headers::is_of_the_connection;
use postrider_core::outcome::Outcome;
use postrider_sender::{Request, Sender, SenderConfig};
use postrider_sink::{Answer, Received};

use crate::exit::Failure;

/// A worker never waits longer.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// What the worker is answered where the target doesn't answer: it tries again.
const BAD_GATEWAY: u16 = 502;

/// Where requests are passed on to.
#[derive(Clone)]
pub(super) struct Target {
    endpoint: Endpoint,
    sender: Sender,
}

/// What the target made of a request.
#[derive(Clone, Debug)]
pub(super) struct Forwarded {
    pub(super) answer: Answer,
    pub(super) elapsed: Duration,
    /// Why there is no answer of the target.
    pub(super) fault: Option<String>,
}

impl Target {
    /// Whatever the developer names is allowed.
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let endpoint = Endpoint::parse(url.as_bytes()).map_err(|rule| {
            Failure::Unfit(format!("--forward {rule}; expected such as http://localhost:3000/webhooks"))
        })?;
        let everywhere = ["0.0.0.0/0", "::/0"].map(|net| Rule::parse(net).expect("a literal network"));
        let named = Rule::parse(endpoint.url().host_str().unwrap_or_default()).ok();
        let policy = AddressPolicy {
            allow: everywhere.into_iter().chain(named).collect(),
            ..AddressPolicy::default()
        };
        let sender = Sender::new(SenderConfig { policy, ..SenderConfig::default() });
        Ok(Self { endpoint, sender: sender.context("failed to set up the sender")? })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &str {
        self.endpoint.origin()
    }

    /// Passes a request on.
    pub(super) async fn forward(&self, received: &Received) -> Forwarded {
        let request = match self.request(received) {
            Ok(request) => request,
            Err(fault) => return Forwarded::without_answer(fault, Duration::ZERO),
        };
        let attempt = self.sender.attempt(request).await;
        match attempt.outcome {
            Outcome::NoAnswer { .. } | Outcome::Blocked { .. } => {
                let detail = attempt.detail.map_or_else(String::new, |detail| format!(" ({detail})"));
                Forwarded::without_answer(attempt.error + &detail, attempt.elapsed)
            }
            Outcome::Unavailable { status, retry_after } => {
                Forwarded::answered(status, retry_after, attempt.elapsed)
            }
            other => Forwarded::answered(other.status(), None, attempt.elapsed),
        }
    }

    fn request(&self, received: &Received) -> Result<Request, String> {
        if received.method != "POST" {
            return Err(format!("it is a {}, and only POSTs are forwarded", received.method));
        }
        let mut headers = http::HeaderMap::new();
        for (name, value) in received.headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
            let (name, value) = (name.parse::<http::HeaderName>(), value.parse::<http::HeaderValue>());
            let (Ok(name), Ok(value)) = (name, value) else { continue };
            headers.append(name, value);
        }
        let endpoint = self.endpoint_for(&received.path)?;
        Ok(Request { endpoint, headers, body: received.body.clone(), timeout: MAX_WAIT })
    }

    /// The target as it was typed; where it has no path, with the request's.
    fn endpoint_for(&self, path: &str) -> Result<Endpoint, String> {
        if self.endpoint.url().path() != "/" || self.endpoint.url().query().is_some() || path == "/" {
            return Ok(self.endpoint.clone());
        }
        let url = format!("{}{path}", self.origin());
        Endpoint::parse(url.as_bytes()).map_err(|rule| format!("its path can't be passed on: the URL {rule}"))
    }
}

impl Forwarded {
    /// Where there is no target.
    pub(super) fn nowhere() -> Self {
        Self::answered(200, None, Duration::ZERO)
    }

    /// Where whoever asked didn't wait for the target.
    pub(super) fn given_up(elapsed: Duration) -> Self {
        Self::without_answer("the worker gave up waiting".into(), elapsed)
    }

    fn answered(status: u16, retry_after: Option<Duration>, elapsed: Duration) -> Self {
        // An answer that announces another is none.
        if status < 200 {
            return Self::without_answer(format!("it answered {status} only"), elapsed);
        }
        Self { answer: Answer { status, retry_after }, elapsed, fault: None }
    }

    fn without_answer(fault: String, elapsed: Duration) -> Self {
        Self { answer: Answer { status: BAD_GATEWAY, retry_after: None }, elapsed, fault: Some(fault) }
    }
}
