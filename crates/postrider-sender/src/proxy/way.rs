//! Whose fault it is that an attempt's time is up: the proxy's, as long as the connection to the proxy isn't there; the
//! receiver's from then on, for a proxy waits for it with its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::{Instant, timeout_at};

use super::fault::{ProxyFault, ProxyFaultKind};
use crate::classify::Fault;
use crate::given::Given;

tokio::task_local! {
    /// Of the attempt that the task makes: the connector is told nothing but a URL, and runs within the attempt.
    static WAY: Arc<Way>;
}

/// How far one attempt is on its way to the proxy.
#[derive(Default)]
pub(crate) struct Way {
    dialling: AtomicBool,
}

impl Way {
    /// Runs an attempt until its deadline; `given` watches over its messages.
    pub(crate) async fn run<T>(
        self: Arc<Self>,
        deadline: Instant,
        given: &Given,
        exchange: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let ended = WAY.scope(self.clone(), timeout_at(deadline, exchange)).await;
        ended.unwrap_or_else(|_| Err(self.fault_at_deadline(given)))
    }

    /// An older connection may have become free while a new one was being made in vain.
    fn fault_at_deadline(&self, given: &Given) -> Fault {
        if self.dialling.load(Ordering::Acquire) && !given.is_there() {
            Fault::Proxy(ProxyFault::new(ProxyFaultKind::Connect, "no connection within the time limit"))
        } else {
            Fault::timeout()
        }
    }
}

/// A connection to the proxy that is being made; ends when it is there.
pub(crate) struct Dialling(Option<Arc<Way>>);

impl Dialling {
    /// Begins, on behalf of the attempt that this task makes, if it makes one.
    pub(crate) fn begin() -> Self {
        let way = WAY.try_with(Arc::clone).ok();
        if let Some(way) = &way {
            way.dialling.store(true, Ordering::Release);
        }
        Self(way)
    }

    /// It is there.
    pub(crate) fn end(self) {
        if let Some(way) = self.0 {
            way.dialling.store(false, Ordering::Release);
        }
    }
}
