//! The API under `/api/v1`: what it works with, and the table of its routes. Each module beside holds the routes of one thing.

mod attempts;
mod bulk;
mod dead;
mod destinations;
mod doctor;
mod document;
pub(crate) mod hooks;
mod jobs;
mod life;
mod matching;
mod notices;
mod owners;
mod queues;
mod retries;
mod series;
mod workers;

use std::fmt;
use std::time::Duration;

use postrider_core::address::AddressPolicy;
use postrider_core::delivery::Defaults;
use postrider_core::queue_name::QueueName;
use postrider_sender::Sender;
use postrider_store::connect::Connector;
use postrider_store::doctor::Patient;
use postrider_store::link::{Link, SharedLink};

use self::bulk::carrying::Carried;
pub(crate) use self::bulk::carrying::look_out;
use crate::auth::failures::Failures;
use crate::auth::tokens::Tokens;
use crate::console::sessions::Sessions;
use crate::misskey::MisskeyConfig;
use crate::table::Route;

/// What the API works with, as the worker's settings say.
#[derive(Clone)]
pub struct ApiConfig {
    /// The way to Redis.
    pub connector: Connector,
    /// The queues that are shown and may be changed.
    pub queues: Vec<QueueName>,
    /// The stream of events, if there is one.
    pub events: Option<QueueName>,
    /// Where requests may go.
    pub addresses: AddressPolicy,
    /// What holds where hook and job say nothing.
    pub defaults: Defaults,
    /// Sends samples.
    pub sender: Sender,
    /// `hooks.max_per_user`.
    pub max_hooks_per_user: usize,
    /// `queue.max_job_bytes`.
    pub max_job_bytes: usize,
    /// `worker.dead_after`.
    pub dead_after: Duration,
    /// What `doctor` examines.
    pub patient: Patient,
    /// Who may ask; none: only this machine.
    pub tokens: Tokens,
    /// Who may ask in the shape of Misskey's own API, if anyone.
    pub misskey: Option<MisskeyConfig>,
}

impl fmt::Debug for ApiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiConfig").field("queues", &self.queues).finish_non_exhaustive()
    }
}

/// What all requests share.
pub(crate) struct Api {
    pub(crate) config: ApiConfig,
    pub(crate) failures: Failures,
    pub(crate) carried: Carried,
    pub(crate) sessions: Sessions,
    registry: SharedLink,
    queues: Vec<(QueueName, SharedLink)>,
}

impl Api {
    pub(crate) fn new(config: ApiConfig) -> Self {
        let all = config.queues.iter().chain(&config.events);
        let link = |queue: &QueueName| SharedLink::new(config.connector.for_key(queue.as_str()));
        let queues = all.map(|queue| (queue.clone(), link(queue))).collect();
        let registry = SharedLink::new(config.connector.clone());
        Self {
            failures: Failures::default(),
            carried: Carried::default(),
            sessions: Sessions::default(),
            registry,
            queues,
            config,
        }
    }

    /// A way to the registry and whatever isn't a queue's.
    pub(crate) async fn link(&self) -> Link {
        self.registry.link().await
    }

    pub(crate) async fn link_to(&self, queue: &QueueName) -> Link {
        match self.queues.iter().find(|(name, _)| name == queue) {
            Some((_, shared)) => shared.link().await,
            None => self.registry.link().await,
        }
    }

    /// The queue of this name, if it is one of those that are served here.
    pub(crate) fn queue(&self, name: &str) -> Option<&QueueName> {
        self.queues.iter().map(|(queue, _)| queue).find(|queue| queue.as_str() == name)
    }

    /// All of them, that of events last.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &QueueName> {
        self.queues.iter().map(|(queue, _)| queue)
    }
}

/// All routes, in the order of the document.
pub(crate) fn routes() -> Vec<Route> {
    let groups = [
        document::routes(),
        hooks::routes(),
        owners::routes(),
        queues::routes(),
        series::routes(),
        jobs::routes(),
        life::routes(),
        retries::routes(),
        dead::routes(),
        attempts::routes(),
        bulk::routes(),
        destinations::routes(),
        workers::routes(),
        notices::routes(),
        doctor::routes(),
    ];
    groups.into_iter().flatten().collect()
}

/// The shapes of all answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    let groups = [
        hooks::schemas(),
        owners::schemas(),
        queues::schemas(),
        series::schemas(),
        jobs::schemas(),
        life::schemas(),
        retries::schemas(),
        dead::schemas(),
        attempts::schemas(),
        bulk::schemas(),
        destinations::schemas(),
        workers::schemas(),
        notices::schemas(),
        doctor::schemas(),
    ];
    groups.into_iter().flatten().collect()
}
