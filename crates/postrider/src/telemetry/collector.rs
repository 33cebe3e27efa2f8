//! The way to the collector: OTLP's requests go through the sender, which is told that its operator chose this address.
//! Nothing of the environment's proxies, no redirects, and one deadline, as for receivers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_sender::{Sender, SenderConfig};
use tokio::runtime::Runtime;

/// Longest that the collector may take for one request.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// Spans are sent one batch after another.
const MAX_IDLE: usize = 1;

/// What one request to the collector came to, the last time that it failed.
pub(super) type LastFault = Arc<Mutex<String>>;

/// Posts to one collector, each request from its beginning to its end on the thread that asks.
pub(super) struct CollectorClient {
    endpoint: Endpoint,
    sender: Sender,
    runtime: Runtime,
    fault: LastFault,
}

impl CollectorClient {
    /// `trust` says which certificates are trusted, as for receivers.
    pub(super) fn new(endpoint: Endpoint, trust: SenderConfig, fault: LastFault) -> anyhow::Result<Self> {
        let config = SenderConfig {
            policy: only_chosen_by_the_operator(&endpoint)?,
            max_idle_per_host: MAX_IDLE,
            proxy: None,
            identity: None,
            ..trust
        };
        let sender = Sender::new(config).context("failed to set up the sender of traces")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("failed to start the runtime of traces")?;
        Ok(Self { endpoint, sender, runtime, fault })
    }

    fn failed(&self, fault: String) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// Collectors are where the guard of receivers lets nobody go: beside the worker, or in the cluster's own network.
fn only_chosen_by_the_operator(endpoint: &Endpoint) -> anyhow::Result<AddressPolicy> {
    let host = endpoint.url().host_str().context("a URL of http has a host")?;
    let own = format!("{host}:{}", endpoint.port());
    let rules = [own.as_str(), "0.0.0.0/0", "::/0"].map(Rule::parse);
    let allow =
        rules.into_iter().collect::<Result<_, _>>().map_err(|error| anyhow!("traces.endpoint: {error}"))?;
    Ok(AddressPolicy { allow, ..AddressPolicy::default() })
}

#[async_trait::async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = postrider_sender::Request {
            endpoint: self.endpoint.clone(),
            headers: head.headers,
            body,
            timeout: TIMEOUT,
        };
        // Called on the thread of the batches, which has no runtime of its own.
        let attempt = self.runtime.block_on(self.sender.attempt(request));
        let status = attempt.outcome.status();
        if !(200..300).contains(&status) {
            self.failed(if status == 0 {
                attempt.error.clone()
            } else {
                format!("the collector answered {status}")
            });
        }
        match status {
            0 => Err(attempt.error.into()),
            _ => Ok(Response::builder().status(status).body(Bytes::new())?),
        }
    }
}

impl fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorClient").field("collector", &self.endpoint.origin()).finish_non_exhaustive()
    }
}
