//! Is this Redis fit to hold jobs? Asked once, at the start of a worker, and judged as `doctor` does.

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::{ServerFacts, is_unfit, judge_server, server_facts};
use crate::fault::StoreError;
use crate::link::Link;

/// Whether a worker may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fitness {
    /// It must not; the sentence names the setting.
    Unfit(String),
    /// It may. The sentences say at what risk.
    Fit(Vec<String>),
}

/// Asks the server about itself.
pub async fn facts(link: &mut Link) -> Result<ServerFacts, StoreError> {
    server_facts(link).await
}

/// Whether a worker may run on a server that says this about itself.
pub fn fitness(facts: &ServerFacts, allow_eviction: bool) -> Fitness {
    let findings = judge_server(facts, allow_eviction);
    if let Some(unfit) = findings.iter().find(|finding| is_unfit(finding)) {
        return Fitness::Unfit(format!("redis.url: {}", in_words(unfit)));
    }
    let risky = findings.iter().filter(|finding| finding.severity >= Severity::Warning);
    Fitness::Fit(risky.map(in_words).collect())
}

fn in_words(finding: &Finding) -> String {
    match &finding.remedy {
        Some(remedy) => format!("{}; {remedy}", finding.sentence),
        None => finding.sentence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, eviction: &str, append_only: bool, allow_eviction: bool) -> Fitness {
        let (version, eviction) = (version.to_owned(), eviction.to_owned());
        fitness(&ServerFacts { version, eviction, append_only, ..ServerFacts::default() }, allow_eviction)
    }

    #[test]
    fn old_and_evicting_servers_are_refused_by_the_name_of_the_setting() {
        assert_eq!(check("7.0.15", "noeviction", true, false), Fitness::Fit(Vec::new()));
        assert_eq!(check("8.2.3", "noeviction", true, false), Fitness::Fit(Vec::new()));
        assert!(
            matches!(check("6.2.6", "noeviction", true, false), Fitness::Unfit(text) if text.contains("7.0"))
        );
        let evicts = check("7.0.15", "allkeys-lru", true, false);
        assert!(
            matches!(evicts, Fitness::Unfit(text) if text.contains("maxmemory-policy") && text.contains("redis.allow_eviction"))
        );
    }

    #[test]
    fn what_is_a_risk_only_is_told() {
        assert!(
            matches!(check("7.0.15", "allkeys-lru", true, true), Fitness::Fit(risks) if risks.len() == 1)
        );
        assert!(
            matches!(check("7.0.15", "volatile-ttl", true, false), Fitness::Fit(risks) if risks.len() == 1)
        );
        let unkept = check("7.0.15", "noeviction", false, false);
        assert!(matches!(unkept, Fitness::Fit(risks) if risks[0].contains("set appendonly yes")));
    }
}
