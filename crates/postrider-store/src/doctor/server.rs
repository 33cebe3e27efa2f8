//! What the server says about itself: INFO, the few settings that INFO leaves out, and its clock beside ours.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use redis::Value;

use super::asking::Asking;
use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::link::Link;

/// What a server says about itself. What it doesn't tell is empty, zero or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// `redis_version`; Valkey gives the version of Redis that it is compatible with.
    pub version: String,
    /// `maxmemory_policy`.
    pub eviction: String,
    /// Bytes in use.
    pub used_memory: u64,
    /// Most bytes; 0: no limit of its own.
    pub max_memory: u64,
    /// Whether it keeps an append-only file.
    pub append_only: bool,
    /// `appendfsync`.
    pub append_fsync: Option<String>,
    /// `save`: when it writes snapshots; empty: never.
    pub snapshots: Option<String>,
    /// The last write to the append-only file failed.
    pub append_fails: bool,
    /// The last rewrite of the append-only file failed.
    pub rewrite_fails: bool,
    /// The last snapshot failed.
    pub snapshot_fails: bool,
    /// It follows another server.
    pub is_replica: bool,
    /// A replica: whether it hears its primary.
    pub hears_primary: bool,
    /// A primary: its replicas.
    pub replicas: Vec<Replica>,
    /// A primary: bytes of its stream of writes so far.
    pub offset: u64,
    /// `min-replicas-to-write`.
    pub min_replicas: Option<u64>,
    /// It is a node of a cluster.
    pub is_cluster: bool,
    /// Clients now.
    pub clients: u64,
    /// Most clients.
    pub max_clients: u64,
    /// How far its clock is ahead of this machine's, in milliseconds, surely; less than a question takes counts as nothing.
    pub clock_ahead: Option<i64>,
}

/// A replica, as its primary sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// Host and port.
    pub address: String,
    /// Whether it is up to date and stays so.
    pub is_online: bool,
    /// Bytes of the stream of writes that it has.
    pub offset: u64,
    /// Seconds since it was heard.
    pub lag: u64,
}

/// Asks the server about itself.
pub async fn server_facts(link: &mut Link) -> Result<ServerFacts, StoreError> {
    let reply = link.send(&redis::cmd("INFO"), || "ask Redis about itself (INFO)".to_owned()).await?;
    Ok(ServerFacts::parse(&text(reply)))
}

/// The same, and what INFO doesn't tell.
pub(super) async fn examine(asking: &mut Asking<'_>) -> Result<ServerFacts, StoreError> {
    let reply = asking.ask(&redis::cmd("INFO"), "ask Redis about itself (INFO)").await?;
    let mut facts = ServerFacts::parse(&reply.map(text).unwrap_or_default());
    let mut settings = redis::cmd("CONFIG");
    settings.arg("GET").arg("appendfsync").arg("save").arg("min-replicas-to-write");
    if let Some(reply) = asking.ask(&settings, "ask Redis for its settings (CONFIG GET)").await? {
        let settings = pairs_of(reply);
        facts.append_fsync = settings.get("appendfsync").cloned();
        facts.snapshots = settings.get("save").cloned();
        facts.min_replicas = settings.get("min-replicas-to-write").and_then(|count| count.parse().ok());
    }
    facts.clock_ahead = clock_ahead(asking).await?;
    Ok(facts)
}

impl ServerFacts {
    pub(super) fn parse(info: &str) -> Self {
        let lines: HashMap<&str, &str> =
            info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let word = |key: &str| lines.get(key).copied().unwrap_or_default();
        let number = |key: &str| word(key).parse::<u64>().unwrap_or(0);
        let fails = |key: &str| word(key) == "err";
        let mut replicas: Vec<(&str, Replica)> =
            lines.iter().filter_map(|(key, value)| replica(key, value)).collect();
        replicas.sort_unstable_by_key(|(key, _)| *key);
        Self {
            version: word("redis_version").to_owned(),
            eviction: word("maxmemory_policy").to_owned(),
            used_memory: number("used_memory"),
            max_memory: number("maxmemory"),
            append_only: word("aof_enabled") == "1",
            append_fails: fails("aof_last_write_status"),
            rewrite_fails: fails("aof_last_bgrewrite_status"),
            snapshot_fails: fails("rdb_last_bgsave_status"),
            is_replica: word("role") == "slave",
            hears_primary: word("master_link_status") == "up",
            replicas: replicas.into_iter().map(|(_, replica)| replica).collect(),
            offset: number("master_repl_offset"),
            is_cluster: word("cluster_enabled") == "1",
            clients: number("connected_clients"),
            max_clients: number("maxclients"),
            ..Self::default()
        }
    }
}

/// `slave0` and `ip=127.0.0.1,port=6380,state=online,offset=42,lag=0`.
fn replica<'a>(key: &'a str, value: &str) -> Option<(&'a str, Replica)> {
    key.strip_prefix("slave")?.parse::<u32>().ok()?;
    let facts: HashMap<&str, &str> = value.split(',').filter_map(|fact| fact.split_once('=')).collect();
    let fact = |name: &str| facts.get(name).copied().unwrap_or_default();
    let replica = Replica {
        address: format!("{}:{}", fact("ip"), fact("port")),
        is_online: fact("state") == "online",
        offset: fact("offset").parse().unwrap_or(0),
        lag: fact("lag").parse().unwrap_or(0),
    };
    Some((key, replica))
}

async fn clock_ahead(asking: &mut Asking<'_>) -> Result<Option<i64>, StoreError> {
    let before = wall_clock();
    let reply = asking.ask(&redis::cmd("TIME"), "ask Redis for the time").await?;
    Ok(reply.as_ref().and_then(millis_of_time).map(|theirs| ahead(theirs, before, wall_clock())))
}

/// Seconds and microseconds, as milliseconds.
pub(super) fn millis_of_time(reply: &Value) -> Option<i64> {
    let Value::Array(parts) = reply else { return None };
    Some(integer(parts.first()?)? * 1000 + integer(parts.get(1)?)? / 1000)
}

/// The answer was given at some moment between the two.
fn ahead(theirs: i64, before: i64, after: i64) -> i64 {
    if theirs < before { theirs - before } else { (theirs - after).max(0) }
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn pairs_of(reply: Value) -> HashMap<String, String> {
    let flat = match reply {
        Value::Array(flat) => flat,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
        _ => Vec::new(),
    };
    let mut flat = flat.into_iter().map(text);
    std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
}

/// The text of a reply; empty where it is none.
pub(super) fn text(reply: Value) -> String {
    match reply {
        Value::VerbatimString { text, .. } => text,
        other => String::from_utf8_lossy(&bytes(other).unwrap_or_default()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_primary_says_is_read() {
        let info = "# Server\r\nredis_version:7.0.15\r\nmaxclients:10000\r\nused_memory:100\r\nmaxmemory:200\r\n\
            maxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:err\r\nrdb_last_bgsave_status:ok\r\n\
            role:master\r\nslave1:ip=::1,port=6381,state=wait_bgsave,offset=0,lag=3\r\n\
            slave0:ip=127.0.0.1,port=6380,state=online,offset=40,lag=1\r\nmaster_repl_offset:42\r\ncluster_enabled:0\r\n";
        let facts = ServerFacts::parse(info);
        assert_eq!((facts.version.as_str(), facts.append_only, facts.append_fails), ("7.0.15", true, true));
        assert!(!facts.snapshot_fails && !facts.is_replica && !facts.is_cluster);
        assert_eq!(
            (facts.used_memory, facts.max_memory, facts.offset, facts.max_clients),
            (100, 200, 42, 10000)
        );
        let addresses: Vec<_> = facts.replicas.iter().map(|replica| replica.address.as_str()).collect();
        assert_eq!(addresses, ["127.0.0.1:6380", "::1:6381"]);
        assert_eq!(
            (facts.replicas[0].is_online, facts.replicas[0].offset, facts.replicas[0].lag),
            (true, 40, 1)
        );
    }

    #[test]
    fn a_server_that_says_nothing_is_known_for_nothing() {
        assert_eq!(ServerFacts::parse(""), ServerFacts::default());
    }

    #[test]
    fn a_clock_is_ahead_only_by_what_the_question_does_not_explain() {
        for (theirs, expected) in [(1000, 0), (1050, 0), (1100, 0), (900, -100), (1300, 200)] {
            assert_eq!(ahead(theirs, 1000, 1100), expected, "{theirs}");
        }
    }
}
