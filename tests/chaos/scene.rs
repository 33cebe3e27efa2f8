//! Everything that a phase needs: Redis, workers, the receiver, and a proxy on each way between them.

pub(crate) mod clocks;
pub(crate) mod crew;
pub(crate) mod servers;

use std::net::SocketAddr;
use std::sync::Arc;

use postrider_tests::fault_proxy::FaultProxy;
use tokio::sync::Mutex;

use self::clocks::Clocks;
use self::crew::Crew;
use self::servers::Servers;
use crate::fault::Topology;
use crate::history::Rules;
use crate::job::{Class, Hook, MAX_HOOKS, OWNERS, class_of_registered, hooks_of};
use crate::ledger::Ledger;
use crate::receiver::Receiver;

/// Workers that run side by side.
pub(crate) const WORKERS: usize = 3;

/// Ways to the receiver: what befalls one leaves the jobs of the others alone.
pub(crate) const WAYS: usize = 3;

/// What the workers are told, beside their names: little room, so that limits are met, and short waits, so that much is
/// retried. Attempts enough that no outage of a campaign uses them up.
const SETTINGS: [(&str, &str); 10] = [
    ("POSTRIDER_WORKER_CONCURRENCY", "32"),
    ("POSTRIDER_WORKER_GRACE", "10s"),
    ("POSTRIDER_DESTINATION_MAX_IN_FLIGHT", "8"),
    ("POSTRIDER_DELIVERY_PROFILE", "cloudevents"),
    ("POSTRIDER_DELIVERY_TIMEOUT", "2s"),
    ("POSTRIDER_RETRY_BASE", "100ms"),
    ("POSTRIDER_RETRY_CAP", "2s"),
    ("POSTRIDER_RETRY_MAX_ATTEMPTS", "50"),
    ("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "2000000"),
    ("POSTRIDER_LOG_LEVEL", "info"),
];

/// The same, as the checker needs it.
pub(crate) const RULES: Rules =
    Rules { retry_base_ms: 100, retry_cap_ms: 2000, timeout_ms: 2000, max_in_flight: 8, ways: WAYS };

/// A running scene; its processes end with it.
#[derive(Debug)]
pub(crate) struct Scene {
    // Workers end before Redis does.
    pub(crate) crew: Mutex<Crew>,
    /// From each worker to Redis; none where sentinels tell the way.
    pub(crate) links: Vec<FaultProxy>,
    /// From the workers to the receiver.
    pub(crate) ways: Vec<FaultProxy>,
    pub(crate) servers: Servers,
    pub(crate) clocks: Option<Clocks>,
    pub(crate) ledger: Arc<Ledger>,
    _receiver: Receiver,
}

impl Scene {
    /// Returns when every worker is ready.
    pub(crate) async fn start(topology: Topology) -> anyhow::Result<Self> {
        let ledger = Arc::new(Ledger::new(RULES));
        let clocks = Clocks::build()?;
        let servers = Servers::start(topology, clocks.as_ref()).await;
        let receiver = Receiver::start(Arc::clone(&ledger)).await?;
        let (mut links, mut ways) = (Vec::new(), Vec::new());
        if let Some(port) = servers.single_port() {
            for _ in 0..WORKERS {
                links.push(FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], port))).await);
            }
        }
        for _ in 0..WAYS {
            ways.push(FaultProxy::start(receiver.address()).await);
        }
        let urls = (0..WORKERS).map(|slot| match links.get(slot) {
            Some(link) => format!("redis://{}", link.address()),
            None => servers.worker_url().to_owned(),
        });
        let clock = clocks.as_ref().map(Clocks::of_first_worker);
        let crew = Crew::new(urls.collect(), SETTINGS.to_vec(), clock, Arc::clone(&ledger));
        let scene =
            Self { crew: Mutex::new(crew), links, ways, servers, clocks, ledger, _receiver: receiver };
        scene.register_hooks().await?;
        scene.crew.lock().await.start_all().await;
        Ok(scene)
    }

    /// Where a hook's jobs of this class are sent.
    pub(crate) fn url(&self, hook: Hook, class: Class) -> String {
        format!("http://{}/{}", self.ways[hook.way(WAYS)].address(), class.name())
    }

    async fn register_hooks(&self) -> anyhow::Result<()> {
        let mut connection = self.servers.primary().await?;
        for owner in 0..OWNERS {
            for nth in 0..hooks_of(owner).min(MAX_HOOKS) {
                let url = self.url(Hook::registered(owner, nth), class_of_registered(nth));
                let record = format!(
                    r#"{{"id":"h{nth}","userId":"owner{owner}","name":"n","on":["note"],"url":"{url}","secret":"","active":true}}"#
                );
                let key = format!("postrider:hooks:{{owner{owner}}}");
                let mut command = redis::cmd("HSET");
                command.arg(key).arg(format!("h{nth}")).arg(record);
                let () = command.query_async(&mut connection).await?;
            }
        }
        Ok(())
    }
}
