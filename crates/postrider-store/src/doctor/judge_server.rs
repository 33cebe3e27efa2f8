//! What a server's own words mean for jobs: pure, and the same at a worker's start as in `doctor`.

use super::finding::{Code, Finding, Severity, counted};
use super::server::{Replica, ServerFacts};

/// The oldest Redis that has what the scripts need.
const OLDEST_MAJOR: u32 = 7;

/// Shares of memory at which an operator should know, and should act.
const MEMORY_NOTE_PERCENT: u64 = 70;
const MEMORY_WARNING_PERCENT: u64 = 85;

/// A clock that is further off makes times in logs and dead letters misleading.
const MAX_CLOCK_OFF_MILLIS: u64 = 1000;

/// A replica that has not been heard for longer is behind by what was written since.
const MAX_REPLICA_LAG_SECONDS: u64 = 2;

/// A replica that lacks more would lose that much at a failover.
const MAX_REPLICA_BEHIND_BYTES: u64 = 1 << 20;

/// Connections that one worker may need for a queue and for events.
const CONNECTIONS_OF_A_WORKER: u64 = 22;

/// Everything that the server's own words say about it.
pub fn judge_server(facts: &ServerFacts, allow_eviction: bool) -> Vec<Finding> {
    let mut findings = vec![version(facts), eviction(facts, allow_eviction)];
    findings.extend(persistence(facts));
    findings.extend(writes(facts));
    findings.extend(memory(facts));
    findings.extend(replication(facts));
    findings.extend(clock(facts));
    findings.extend(connections(facts));
    findings
}

/// Whether a worker must not run on it.
pub fn is_unfit(finding: &Finding) -> bool {
    finding.severity == Severity::Error && matches!(finding.code, Code::Version | Code::Eviction)
}

fn version(facts: &ServerFacts) -> Finding {
    let version = &facts.version;
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major < OLDEST_MAJOR => Finding::error(
            Code::Version,
            format!("this is Redis {version}; Postrider needs Redis 7.0 or newer, or Valkey"),
        )
        .remedy("upgrade Redis"),
        Some(_) => Finding::ok(Code::Version, format!("Redis {version}")),
        None => Finding::note(Code::Version, "this Redis doesn't tell its version"),
    }
}

fn eviction(facts: &ServerFacts, allow_eviction: bool) -> Finding {
    let policy = &facts.eviction;
    let finding = |make: fn(Code, String) -> Finding, text: String| make(Code::Eviction, text);
    match policy.as_str() {
        "noeviction" => finding(Finding::ok, "no key is thrown away when memory is short".to_owned()),
        "" => finding(Finding::note, "this Redis doesn't tell its maxmemory-policy".to_owned()),
        // Postrider gives a time to live only to what may be lost: its counters.
        volatile if volatile.starts_with("volatile-") => finding(
            Finding::warning,
            format!(
                "when memory is short this Redis throws keys away that have a time to live (maxmemory-policy {volatile}): \
                 of Postrider's, only its counters"
            ),
        )
        .remedy("set maxmemory-policy noeviction"),
        _ if allow_eviction => finding(
            Finding::warning,
            format!("this Redis throws jobs away when memory is short (maxmemory-policy {policy}), as redis.allow_eviction accepts"),
        )
        .remedy("set maxmemory-policy noeviction, and take redis.allow_eviction back"),
        _ => finding(
            Finding::error,
            format!("this Redis evicts keys when memory is short (maxmemory-policy {policy}), and jobs with them"),
        )
        .remedy("set maxmemory-policy noeviction, or redis.allow_eviction = true to take the loss"),
    }
}

fn persistence(facts: &ServerFacts) -> Option<Finding> {
    if facts.version.is_empty() {
        return None;
    }
    if !facts.append_only {
        let keeps = match facts.snapshots.as_deref() {
            Some("") => "nothing on disk: all jobs are lost",
            Some(_) => "only snapshots: jobs since the last one are lost",
            None => "no append-only file: jobs are lost",
        };
        let text = format!("this Redis keeps {keeps} when it restarts");
        return Some(Finding::warning(Code::Persistence, text).remedy("set appendonly yes"));
    }
    Some(match facts.append_fsync.as_deref() {
        Some("always") => Finding::ok(Code::Persistence, "each write is on disk before it is answered (appendfsync always)"),
        Some("no") => Finding::warning(
            Code::Persistence,
            "writes reach the disk when the operating system likes (appendfsync no): about half a minute of them can be lost with the machine",
        )
        .remedy("set appendfsync everysec, or always"),
        Some(how) => Finding::ok(
            Code::Persistence,
            format!("writes are on disk within a second (appendfsync {how}): that second can be lost with the machine"),
        ),
        None => Finding::ok(Code::Persistence, "there is an append-only file"),
    })
}

fn writes(facts: &ServerFacts) -> Vec<Finding> {
    let failing = |what: &str| {
        Finding::error(
            Code::Writes,
            format!("the last {what} failed: Redis may refuse writes, and what it accepts may not be kept"),
        )
        .remedy("look at the log of Redis and at the free space of its disk")
    };
    let mut findings = Vec::new();
    if facts.append_only && facts.append_fails {
        findings.push(failing("write to the append-only file"));
    }
    if facts.append_only && facts.rewrite_fails {
        findings.push(failing("rewrite of the append-only file"));
    }
    if facts.snapshot_fails {
        findings.push(failing("snapshot"));
    }
    findings
}

fn memory(facts: &ServerFacts) -> Option<Finding> {
    let (used, most) = (facts.used_memory, facts.max_memory);
    if facts.version.is_empty() {
        return None;
    }
    if most == 0 {
        let text = format!(
            "{} of memory are used; there is no limit (maxmemory 0), so the machine's own is one",
            in_bytes(used)
        );
        return Some(Finding::note(Code::Memory, text).remedy("set maxmemory below what the machine can spare: producers are refused then, and no process is killed"));
    }
    let percent = used.saturating_mul(100) / most;
    let text = format!("{percent} % of maxmemory are used ({} of {})", in_bytes(used), in_bytes(most));
    let act = "send faster, drop dead letters, or raise maxmemory: at 100 % producers are refused, while workers go on";
    Some(match percent {
        MEMORY_WARNING_PERCENT.. => Finding::warning(Code::Memory, text).remedy(act),
        MEMORY_NOTE_PERCENT.. => Finding::note(Code::Memory, text).remedy(act),
        _ => Finding::ok(Code::Memory, text),
    })
}

fn replication(facts: &ServerFacts) -> Vec<Finding> {
    if facts.is_replica {
        return vec![of_replica(facts)];
    }
    let mut findings: Vec<Finding> =
        facts.replicas.iter().filter_map(|one| behind(one, facts.offset)).collect();
    let healthy = facts.replicas.len() - findings.len();
    let wanted = facts.min_replicas.unwrap_or(0);
    if wanted > 0 && (healthy as u64) < wanted {
        let text = format!(
            "writes need {wanted} good replicas (min-replicas-to-write) and {healthy} are there: they are or soon will be refused (NOREPLICAS)"
        );
        findings.push(
            Finding::error(Code::Replication, text)
                .remedy("bring the replicas back, or lower min-replicas-to-write"),
        );
    }
    if healthy > 0 {
        let text = format!(
            "{} up to date; what was accepted in the last moments can be lost at a failover",
            counted(healthy as u64, "replica is", "replicas are")
        );
        let text =
            if wanted == 0 { text } else { format!("{text}; min-replicas-to-write {wanted} bounds it") };
        findings.push(Finding::ok(Code::Replication, text));
    } else if facts.replicas.is_empty() && !facts.version.is_empty() {
        findings.push(Finding::note(
            Code::Replication,
            "there is no replica: while this server is down, nothing is accepted or sent",
        ));
    }
    findings
}

fn of_replica(facts: &ServerFacts) -> Finding {
    let link = if facts.hears_primary { "hears" } else { "has lost" };
    let text = format!(
        "this server is a replica, which refuses writes, and {link} its primary: workers can't serve jobs here"
    );
    Finding::error(Code::Replication, text)
        .remedy("let redis.url lead to the primary; with Sentinel, redis+sentinel://… does by itself")
}

fn behind(replica: &Replica, offset: u64) -> Option<Finding> {
    let lacks = offset.saturating_sub(replica.offset);
    let why = if !replica.is_online {
        "is not in step yet".to_owned()
    } else if replica.lag > MAX_REPLICA_LAG_SECONDS {
        format!("has been silent for {} s", replica.lag)
    } else if lacks > MAX_REPLICA_BEHIND_BYTES {
        format!("is {} behind", in_bytes(lacks))
    } else {
        return None;
    };
    let text = format!("replica {} {why}: a failover to it loses what it lacks", replica.address);
    Some(
        Finding::warning(Code::Replication, text)
            .remedy("look at that server, and at the network between the two"),
    )
}

fn clock(facts: &ServerFacts) -> Option<Finding> {
    let off = facts.clock_ahead?;
    let seconds = |millis: u64| format!("{}.{} s", millis / 1000, millis % 1000 / 100);
    if off.unsigned_abs() <= MAX_CLOCK_OFF_MILLIS {
        return Some(Finding::ok(Code::Clock, "its clock and this machine's agree within a second"));
    }
    let side = if off > 0 { "ahead of" } else { "behind" };
    let text = format!(
        "its clock is {} {side} this machine's: retries keep to the clock of Redis, notBefore and expiresAt of producers may not",
        seconds(off.unsigned_abs())
    );
    Some(Finding::warning(Code::Clock, text).remedy("let both machines keep time by NTP"))
}

fn connections(facts: &ServerFacts) -> Option<Finding> {
    let left = facts.max_clients.checked_sub(facts.clients)?;
    if facts.max_clients == 0 {
        return None;
    }
    let text = format!("{} of {} connections are in use", facts.clients, facts.max_clients);
    Some(if left < CONNECTIONS_OF_A_WORKER {
        let text = format!("{text}: not enough are left for one more worker");
        Finding::warning(Code::Connections, text).remedy("raise maxclients; a worker needs up to 22")
    } else {
        Finding::ok(Code::Connections, text)
    })
}

fn in_bytes(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} KiB", bytes >> 10),
        10_000_000..=9_999_999_999 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests;
