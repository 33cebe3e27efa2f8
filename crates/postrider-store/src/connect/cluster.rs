//! Which node of a cluster serves which slot: asked of any node, shared by all connections, and corrected by the answers of
//! nodes that don't serve a slot any more.

mod slots;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::RedisError;

use self::slots::{SlotMap, read_slots};
use super::place::Host;
use super::{Dialler, refused};
use crate::fault::describe;

/// How long a node may take to tell who serves what.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// Nodes are asked again at most this often, however many connections fail at once.
const MIN_ASK_PAUSE: Duration = Duration::from_millis(250);

/// What is known of a cluster.
pub(crate) struct Cluster {
    seeds: Vec<Arc<Host>>,
    known: Mutex<Known>,
    /// Held by who asks: the others wait for what it learns.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    map: SlotMap,
    /// Something has failed since the map was read.
    is_doubtful: bool,
    asked: Option<Instant>,
    /// Which node is asked first; another each time, since one that is cut off tells old tales.
    turn: usize,
}

impl Cluster {
    pub(super) fn new(seeds: &[Host]) -> Self {
        let seeds = seeds.iter().cloned().map(Arc::new).collect();
        Self { seeds, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Who serves the slot; without one, any node.
    pub(super) async fn owner(
        &self,
        slot: Option<u16>,
        dialler: Dialler<'_>,
    ) -> Result<Arc<Host>, RedisError> {
        if !self.is_worth_asking(slot) {
            return self.known_owner(slot);
        }
        let _turn = self.asking.lock().await;
        if self.is_worth_asking(slot) {
            self.ask(dialler).await?;
        }
        self.known_owner(slot)
    }

    /// Who serves the slot, as far as is known.
    pub(super) fn known(&self, slot: Option<u16>) -> Option<Arc<Host>> {
        self.lock().map.owner(slot).cloned()
    }

    /// All that serve slots.
    pub(super) async fn primaries(&self, dialler: Dialler<'_>) -> Result<Vec<Arc<Host>>, RedisError> {
        let _turn = self.asking.lock().await;
        self.ask(dialler).await?;
        Ok(self.lock().map.nodes().to_vec())
    }

    /// A node has said who serves the slot now.
    pub(super) fn moved(&self, slot: u16, host: Host) {
        let mut known = self.lock();
        known.map.set(slot, Arc::new(host));
        // Where one slot has moved, others may have.
        known.is_doubtful = true;
    }

    /// Something has failed that may mean that another node serves a slot now.
    pub(super) fn doubt(&self) {
        self.lock().is_doubtful = true;
    }

    fn is_worth_asking(&self, slot: Option<u16>) -> bool {
        let known = self.lock();
        let is_lacking = known.is_doubtful || known.map.owner(slot).is_none();
        is_lacking && known.asked.is_none_or(|asked| asked.elapsed() >= MIN_ASK_PAUSE)
    }

    fn known_owner(&self, slot: Option<u16>) -> Result<Arc<Host>, RedisError> {
        self.lock().map.owner(slot).cloned().ok_or_else(|| {
            refused(
                "CLUSTERDOWN",
                slot.map_or_else(String::new, |slot| format!("no node serves slot {slot}")),
            )
        })
    }

    /// Asks the nodes in turn, until one answers.
    async fn ask(&self, dialler: Dialler<'_>) -> Result<(), RedisError> {
        let mut failures = Vec::new();
        for host in self.candidates() {
            match tokio::time::timeout(ASK_TIMEOUT, ask_one(&host, dialler)).await {
                Ok(Ok(map)) => {
                    let mut known = self.lock();
                    (known.map, known.is_doubtful) = (map, false);
                    return Ok(());
                }
                Ok(Err(error)) => failures.push(format!("{host}: {}", describe(&error))),
                Err(_) => failures.push(format!("{host}: no answer within 1 s")),
            }
        }
        let text = format!("no node tells of the cluster: {}", failures.join("; "));
        Err(io::Error::new(io::ErrorKind::NotConnected, text).into())
    }

    fn candidates(&self) -> Vec<Arc<Host>> {
        let mut known = self.lock();
        known.asked = Some(Instant::now());
        let mut all = known.map.nodes().to_vec();
        all.extend(self.seeds.iter().filter(|seed| !known.map.nodes().contains(seed)).cloned());
        let first = known.turn % all.len().max(1);
        known.turn = known.turn.wrapping_add(1);
        all.rotate_left(first);
        all
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_one(host: &Host, dialler: Dialler<'_>) -> Result<SlotMap, RedisError> {
    let mut connection = dialler.log_in(host).await?;
    let reply = connection.ask(redis::cmd("CLUSTER").arg("SLOTS")).await?;
    Ok(read_slots(reply, host))
}
