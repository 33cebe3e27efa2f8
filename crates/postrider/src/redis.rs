//! The way to Redis, as the settings want it: for every command that goes there.

use std::path::Path;

use anyhow::anyhow;
use postrider_core::queue_name::QueueName;
use postrider_core::shard::{key_slot, shard_events, shard_queue};
use postrider_store::connect::tls::{IdentityPem, Tls, TlsFault};
use postrider_store::connect::{Connector, is_cluster};
use postrider_store::fault::{FaultClass, StoreError};

use crate::exit::Failure;
use crate::outgoing::{problem_with_file, read};
use crate::settings::Settings;
use crate::settings::problem::Problems;
use crate::settings::sections::{Events, Redis};

const CA_FILE: &str = "redis.ca_file";
const CERT_FILE: &str = "redis.client_cert_file";
const KEY_FILE: &str = "redis.client_key_file";

/// What makes connections to `redis.url`.
pub(crate) fn connector(redis: &Redis) -> Result<Connector, Failure> {
    let tls = if redis.wants_tls { Some(tls(redis)?) } else { None };
    Connector::with_tls(&redis.url, tls).map_err(|problem| Failure::Unfit(format!("redis.url: {problem}")))
}

/// How a command ends whose operation failed: whether Redis can't be reached, or refuses.
pub(crate) fn failure(error: &StoreError) -> Failure {
    let why = anyhow!(error.line());
    match error.class() {
        FaultClass::Reconnect | FaultClass::BackOff => Failure::RedisUnreachable(why),
        _ => Failure::Failed(why),
    }
}

/// What the files say.
fn tls(redis: &Redis) -> Result<Tls, Problems> {
    let ca_file = redis.tls.ca_file.as_deref();
    let (cert_file, key_file) = redis.tls.client.as_ref().map(|(chain, key)| (&**chain, &**key)).unzip();
    let roots = pem(CA_FILE, ca_file)?;
    let (certificate, key) = (pem(CERT_FILE, cert_file)?, pem(KEY_FILE, key_file)?);
    let identity = certificate.as_deref().zip(key.as_deref());
    let identity = identity.map(|(certificate, key)| IdentityPem { certificate, key });
    Tls::new(roots.as_deref(), identity).map_err(|fault| {
        let (name, path) = match fault {
            TlsFault::Roots => (CA_FILE, ca_file),
            TlsFault::Certificate => (CERT_FILE, cert_file),
            TlsFault::Key => (KEY_FILE, key_file),
        };
        problem_with_file(name, path.unwrap_or(Path::new("")), fault.to_string())
    })
}

/// An event becomes its jobs in one step, which a cluster carries out only within one slot.
///
/// # Errors
/// What to name instead, where a worker with these settings could not do so.
pub(crate) fn check_slots(settings: &Settings) -> Result<(), Failure> {
    let slot = |name: &QueueName| key_slot(name.as_str().as_bytes());
    match &settings.events {
        Some(Events { stream, queue }) if is_cluster(&settings.redis.url) && slot(stream) != slot(queue) => {
            Err(Failure::Unfit(format!(
                "events.stream: {stream} must share a slot of the cluster with events.queue, which is {queue}; name \
                 shards, such as queue.names = {} and events.stream = {}, or leave events.stream empty",
                shard_queue(0),
                shard_events(0)
            )))
        }
        _ => Ok(()),
    }
}

fn pem(name: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>, Problems> {
    path.map(|path| read(name, path, |pem| Ok(pem.to_vec()))).transpose()
}
