//! Carrying bulk operations on, in slices on the port's own thread: those that were begun here, and those whose worker is
//! gone. The store sees to it that none is done twice, whoever else carries it on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_core::queue_name::QueueName;
use postrider_store::bulk::entrusted::forsaken;
use postrider_store::bulk::{self, State};
use postrider_store::fault::{FaultClass, StoreError};
use postrider_store::keys::QueueKeys;
use tokio::time::sleep;

use crate::api::Api;

/// Most bulk operations that this process carries on at once: each keeps Redis busy for a few milliseconds at a time.
pub(super) const MAX_AT_ONCE: usize = 4;

/// The wait between two slices, so that deliveries come between them.
const PAUSE: Duration = Duration::from_millis(2);

/// The wait after a slice that failed, and how many may fail in a row before it is left to others, or to be resumed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
const MAX_FAILURES: u32 = 30;

/// After how long without a slice whoever carried an operation on counts as gone: slices come many times a second.
const SILENCE: Duration = Duration::from_secs(10);

/// How often to look for such operations.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The bulk operations that this process carries on.
#[derive(Debug, Default)]
pub(crate) struct Carried(Mutex<HashSet<String>>);

impl Carried {
    /// Takes one on; `false` where it is, `None` where there are as many as may be.
    fn take(&self, id: &str) -> Option<bool> {
        let mut carried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if carried.contains(id) {
            return Some(false);
        }
        (carried.len() < MAX_AT_ONCE).then(|| carried.insert(id.to_owned()))
    }

    fn drop(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() >= MAX_AT_ONCE
    }
}

/// Carries an operation on from now on; `false` where there are as many as may be.
pub(super) fn carry_on(api: &Arc<Api>, queue: &QueueName, id: &str) -> bool {
    let Some(is_new) = api.carried.take(id) else { return false };
    if is_new {
        let (api, queue, id) = (api.clone(), queue.clone(), id.to_owned());
        // It ends with the thread of the port, at the latest; what is left is another worker's then.
        tokio::spawn(async move {
            carry_to_its_end(&api, &queue, &id).await;
            api.carried.drop(&id);
        });
    }
    true
}

async fn carry_to_its_end(api: &Api, queue: &QueueName, id: &str) {
    let (keys, mut failures) = (QueueKeys::new(queue), 0);
    while failures < MAX_FAILURES {
        match step(api, queue, &keys, id).await {
            Ok(State::Running) => {
                failures = 0;
                sleep(PAUSE).await;
            }
            Ok(State::Stopped | State::Finished) => return,
            Err(error) => {
                failures += 1;
                tracing::warn!(bulk = id, error = error.line(), "a slice of a bulk operation failed");
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    tracing::error!(bulk = id, "a bulk operation is left until it is resumed: Redis failed again and again");
}

/// One slice, if it is running; the state that it was in before.
async fn step(api: &Api, queue: &QueueName, keys: &QueueKeys, id: &str) -> Result<State, StoreError> {
    let mut link = api.link_to(queue).await;
    match bulk::read(&mut link, keys, id).await? {
        Some(bulk) => {
            bulk::step(&mut link, keys, &bulk).await?;
            Ok(bulk.state)
        }
        None => Ok(State::Finished),
    }
}

/// Looks for operations whose worker is gone, for as long as the port is served, and carries them on. Ends where Redis doesn't
/// let this worker look: then the API isn't in use.
pub(crate) async fn look_out(api: Arc<Api>) {
    loop {
        sleep(LOOK_EVERY).await;
        for queue in &api.config.queues {
            let found = forsaken(&mut api.link_to(queue).await, &QueueKeys::new(queue), SILENCE).await;
            match found {
                Ok(ids) => ids.iter().for_each(|id| take_over(&api, queue, id)),
                Err(error) if error.class() == FaultClass::Denied => return,
                // The engine tells of a Redis that fails.
                Err(error) => tracing::debug!(error = error.line(), "can't look for bulk operations"),
            }
        }
    }
}

fn take_over(api: &Arc<Api>, queue: &QueueName, id: &str) {
    tracing::info!(bulk = id, %queue, "carries on a bulk operation whose worker is gone");
    carry_on(api, queue, id);
}
