//! Is this Redis fit to hold jobs? Asked once, at the start of a worker.

use redis::Value;

use crate::entry::bytes;
use crate::fault::StoreError;
use crate::link::Link;

/// The oldest Redis that has what the scripts need.
const OLDEST_MAJOR: u32 = 7;

/// What INFO tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// `redis_version`; Valkey gives the version of Redis that it is compatible with.
    pub version: String,
    /// `maxmemory_policy`.
    pub eviction: String,
    /// Whether it keeps an append-only file.
    pub append_only: bool,
}

/// Something that an operator must mend, or know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The worker must not run on it.
    Unfit(String),
    /// It may, but jobs are at risk.
    Risky(String),
}

/// Asks the server about itself.
pub async fn facts(link: &mut Link) -> Result<ServerFacts, StoreError> {
    let reply = link.send(&redis::cmd("INFO"), || "ask Redis about itself (INFO)".to_owned()).await?;
    let text = match reply {
        Value::VerbatimString { text, .. } => text,
        other => String::from_utf8_lossy(&bytes(other).unwrap_or_default()).into_owned(),
    };
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    Ok(ServerFacts {
        version: value("redis_version"),
        eviction: value("maxmemory_policy"),
        append_only: value("aof_enabled") == "1",
    })
}

/// What is wrong with a server that says this about itself.
pub fn findings(facts: &ServerFacts, allow_eviction: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let major = facts.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST_MAJOR) {
        findings.push(Finding::Unfit(format!(
            "redis.url: this is Redis {}; Postrider needs Redis 7.0 or newer, or Valkey",
            facts.version
        )));
    }
    if !facts.eviction.is_empty() && facts.eviction != "noeviction" && !allow_eviction {
        findings.push(Finding::Unfit(format!(
            "redis.url: this Redis evicts keys when memory is short (maxmemory-policy {}), and jobs with them; \
             set maxmemory-policy noeviction, or redis.allow_eviction = true to take the loss",
            facts.eviction
        )));
    }
    if !facts.append_only {
        findings.push(Finding::Risky(
            "this Redis keeps no append-only file: jobs are lost when it restarts; set appendonly yes"
                .to_owned(),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, eviction: &str, append_only: bool, allow_eviction: bool) -> Vec<Finding> {
        let facts = ServerFacts { version: version.to_owned(), eviction: eviction.to_owned(), append_only };
        findings(&facts, allow_eviction)
    }

    #[test]
    fn old_and_evicting_servers_are_refused_by_the_name_of_the_setting() {
        assert!(check("7.0.15", "noeviction", true, false).is_empty());
        assert!(check("8.2.3", "noeviction", true, false).is_empty());
        assert!(
            matches!(&check("6.2.6", "noeviction", true, false)[..], [Finding::Unfit(text)] if text.contains("7.0"))
        );
        let evicts = check("7.0.15", "allkeys-lru", true, false);
        assert!(matches!(&evicts[..], [Finding::Unfit(text)] if text.contains("maxmemory-policy")));
        assert!(check("7.0.15", "allkeys-lru", true, true).is_empty());
        assert!(matches!(&check("7.0.15", "noeviction", false, false)[..], [Finding::Risky(_)]));
    }
}
