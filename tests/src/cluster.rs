//! A Redis Cluster on loopback: three primaries, a replica for each. Owns the processes.

use std::ops::RangeInclusive;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, Value};

use crate::ports::free_port;
use crate::redis_server::{RedisOptions, RedisServer};
use crate::wait::{PATIENCE, until};

/// Silence after which a node counts as failed. Short, so that a test of a failover takes seconds.
const NODE_TIMEOUT_MS: u32 = 1000;

/// The slots of the three primaries: so that the shards 0, 1 and 2 each have a node of their own.
const RANGES: [RangeInclusive<u16>; 3] = [0..=5700, 5701..=10_922, 10_923..=16_383];

/// Keys that one MIGRATE takes along.
const KEYS_A_TIME: usize = 100;

/// The nodes; the first three were the primaries at the start, and each is followed by its replica three places on.
#[derive(Debug)]
pub struct Cluster {
    /// All nodes.
    pub nodes: Vec<RedisServer>,
    bus_ports: Vec<u16>,
}

impl Cluster {
    /// Six nodes; returns when all slots are served and each primary has its replica.
    pub async fn start() -> Self {
        let mut cluster = Self { nodes: Vec::new(), bus_ports: Vec::new() };
        for _ in 0..2 * RANGES.len() {
            let bus_port = free_port();
            cluster.nodes.push(RedisServer::start_with(options(bus_port)).await);
            cluster.bus_ports.push(bus_port);
        }
        cluster.share_slots().await;
        cluster.meet().await;
        cluster.replicate().await;
        cluster
    }

    /// The URL for a worker; names two nodes, which tell of the others.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", self.nodes[0].port(), self.nodes[4].port())
    }

    /// A connection to a node.
    pub async fn connection(&self, node: usize) -> MultiplexedConnection {
        self.nodes[node].connection().await
    }

    /// Which node serves the slot, as the others see it; none that is `former`.
    pub async fn owner(&self, slot: u16, former: Option<usize>) -> usize {
        until(&format!("slot {slot} is served"), PATIENCE, || async {
            for (number, node) in self.nodes.iter().enumerate().filter(|(number, _)| Some(*number) != former)
            {
                if serves(node, slot).await.unwrap_or(false) {
                    return Ok(number);
                }
            }
            Err("by nobody")
        })
        .await
    }

    /// Moves a slot with its keys to another primary while it is in use, as `redis-cli --cluster reshard` does.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to).await;
        self.end_move(slot, from, to).await;
    }

    /// The first half: all keys of the slot are on the new node, but it isn't that node's yet.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target) = (id(&self.nodes[from]).await, id(&self.nodes[to]).await);
        self.tell(to, &["CLUSTER", "SETSLOT", &slot.to_string(), "IMPORTING", &source]).await;
        self.tell(from, &["CLUSTER", "SETSLOT", &slot.to_string(), "MIGRATING", &target]).await;
        while self.migrate_some(slot, from, to).await {}
    }

    /// The second half, which takes along what has come meanwhile.
    pub async fn end_move(&self, slot: u16, from: usize, to: usize) {
        while self.migrate_some(slot, from, to).await {}
        let target = id(&self.nodes[to]).await;
        for node in [to, from, 0, 1, 2] {
            self.tell(node, &["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &target]).await;
        }
    }

    async fn migrate_some(&self, slot: u16, from: usize, to: usize) -> bool {
        let mut connection = self.connection(from).await;
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("GETKEYSINSLOT").arg(slot).arg(KEYS_A_TIME);
        let keys: Vec<Vec<u8>> = ask.query_async(&mut connection).await.expect("the node tells its keys");
        if keys.is_empty() {
            return false;
        }
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.nodes[to].port()).arg("").arg(0).arg(5000).arg("KEYS").arg(keys);
        let () = migrate.query_async(&mut connection).await.expect("the keys move");
        true
    }

    async fn share_slots(&self) {
        for (number, range) in RANGES.iter().enumerate() {
            let (first, last) = (range.start().to_string(), range.end().to_string());
            self.tell(number, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
        }
        for number in 0..self.nodes.len() {
            self.tell(number, &["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await;
        }
    }

    async fn meet(&self) {
        for (node, bus_port) in self.nodes.iter().zip(&self.bus_ports).skip(1) {
            let meet = ["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), &bus_port.to_string()];
            self.tell(0, &meet).await;
        }
        for node in &self.nodes {
            self.info_says(node, &["cluster_known_nodes:6", "cluster_state:ok"]).await;
        }
    }

    async fn replicate(&self) {
        for number in 0..RANGES.len() {
            let primary = id(&self.nodes[number]).await;
            self.tell(number + RANGES.len(), &["CLUSTER", "REPLICATE", &primary]).await;
        }
        for number in 0..RANGES.len() {
            until("the replica is in step", PATIENCE, || async {
                let mut connection = self.connection(number).await;
                let info: RedisResult<String> =
                    redis::cmd("INFO").arg("replication").query_async(&mut connection).await;
                let info = info.unwrap_or_default();
                if info.contains("state=online") { Ok(()) } else { Err(info) }
            })
            .await;
        }
    }

    async fn info_says(&self, node: &RedisServer, facts: &[&str]) {
        until(&format!("a node says {facts:?}"), PATIENCE, || async {
            let mut connection = node.connection().await;
            let info: String = redis::cmd("CLUSTER")
                .arg("INFO")
                .query_async(&mut connection)
                .await
                .map_err(|error| error.to_string())?;
            if facts.iter().all(|fact| info.contains(fact)) { Ok(()) } else { Err(info) }
        })
        .await;
    }

    /// Sends a node one command.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn tell(&self, node: usize, words: &[&str]) -> Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let answer = command.query_async(&mut self.connection(node).await).await;
        answer.unwrap_or_else(|error: redis::RedisError| panic!("node {node}, {words:?}: {error}"))
    }
}

fn options(bus_port: u16) -> RedisOptions {
    let (bus_port, timeout) = (bus_port.to_string(), NODE_TIMEOUT_MS.to_string());
    let words = [
        ["--cluster-enabled", "yes"],
        ["--cluster-port", &bus_port],
        ["--cluster-node-timeout", &timeout],
        ["--cluster-replica-validity-factor", "0"],
        ["--repl-diskless-sync-delay", "0"],
    ];
    let extra = words.concat().into_iter().map(str::to_owned).collect();
    RedisOptions { extra, ..RedisOptions::default() }
}

async fn id(node: &RedisServer) -> String {
    let mut connection = node.connection().await;
    redis::cmd("CLUSTER").arg("MYID").query_async(&mut connection).await.expect("a node has an id")
}

/// Whether a node says of itself that it serves the slot, and that the cluster is whole.
async fn serves(node: &RedisServer, slot: u16) -> RedisResult<bool> {
    let mut connection = node.try_connection().await?;
    let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
    let own: String = redis::cmd("CLUSTER").arg("MYID").query_async(&mut connection).await?;
    let ranges: Vec<Value> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    let is_own = |range: Value| {
        let Ok((first, last, (_, _, id))) = <(u16, u16, (String, u16, String))>::from_redis_value(cut(range))
        else {
            return false;
        };
        (first..=last).contains(&slot) && id == own
    };
    Ok(info.contains("cluster_state:ok") && ranges.into_iter().any(is_own))
}

/// A range without its replicas, and its node without what newer servers add.
fn cut(range: Value) -> Value {
    let Value::Array(mut parts) = range else { return range };
    parts.truncate(3);
    if let Some(Value::Array(node)) = parts.get_mut(2) {
        node.truncate(3);
    }
    Value::Array(parts)
}
