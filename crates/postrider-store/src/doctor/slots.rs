//! A cluster: whether all slots are served, and whether keys that are used together lie together.

use std::collections::HashMap;

use postrider_core::queue_name::QueueName;
use postrider_core::shard::key_slot;

use super::Patient;
use super::asking::Asking;
use super::finding::{Code, Finding};
use super::server::{ServerFacts, text};
use crate::fault::StoreError;

/// Slots of every cluster.
const SLOTS: u64 = 16_384;

/// What a node says of its cluster.
#[derive(Clone, Copy, Debug, Default)]
struct ClusterFacts {
    is_well: bool,
    served: u64,
    failing: u64,
    nodes: u64,
}

pub(super) async fn examine(
    asking: &mut Asking<'_>,
    server: &ServerFacts,
    patient: &Patient,
) -> Result<Vec<Finding>, StoreError> {
    if !server.is_cluster {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    if !asking.link().is_of_cluster() {
        let text = "this is a node of a cluster, and redis.url names one server: keys of other nodes are out of reach";
        findings.push(
            Finding::warning(Code::Cluster, text).remedy("write redis.url as redis+cluster://host:port,…"),
        );
    }
    findings.extend(worst(asking).await?);
    findings.extend(patient.events.as_ref().and_then(|(stream, queue)| apart(stream, queue)));
    Ok(findings)
}

/// The worst that any of the primaries says of their cluster: what one knows, the others may learn late or never.
async fn worst(asking: &mut Asking<'_>) -> Result<Option<Finding>, StoreError> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("INFO");
    let mut findings = Vec::new();
    for holder in asking.holders().await? {
        let reply =
            asking.ask_at(&holder, &command, "ask for the state of the cluster (CLUSTER INFO)").await?;
        findings.extend(reply.map(|reply| judge(ClusterFacts::parse(&text(reply)))));
    }
    Ok(findings.into_iter().max_by_key(|finding| finding.severity))
}

impl ClusterFacts {
    fn parse(info: &str) -> Self {
        let lines: HashMap<&str, &str> =
            info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let number = |key: &str| lines.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        Self {
            is_well: lines.get("cluster_state") == Some(&"ok"),
            served: number("cluster_slots_assigned"),
            failing: number("cluster_slots_fail"),
            nodes: number("cluster_known_nodes"),
        }
    }
}

fn judge(facts: ClusterFacts) -> Finding {
    let remedy = "look at redis-cli --cluster check, and bring the missing nodes back";
    if facts.served < SLOTS {
        let text = format!("{} of {SLOTS} slots of the cluster are nobody's", SLOTS - facts.served);
        return Finding::error(Code::Cluster, text).remedy(remedy);
    }
    if !facts.is_well || facts.failing > 0 {
        let text = format!("the cluster is not well: the nodes of {} slots fail", facts.failing);
        return Finding::error(Code::Cluster, text).remedy(remedy);
    }
    Finding::ok(Code::Cluster, format!("all slots are served by a cluster of {} nodes", facts.nodes))
}

/// A queue and its own satellites share a slot by their names; events and the queue of their jobs may not.
fn apart(events: &QueueName, queue: &QueueName) -> Option<Finding> {
    let slot = |name: &QueueName| key_slot(name.satellite("").as_bytes());
    if slot(events) == slot(queue) {
        return None;
    }
    let text = format!(
        "events of {events} can't become jobs of {queue}: the two lie in different slots of the cluster"
    );
    Some(
        Finding::error(Code::Cluster, text)
            .remedy("give both one tag, as postrider:{0}:events and postrider:{0}:deliveries"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn a_cluster_is_well_when_all_its_slots_are_served() {
        let info = |state: &str, served: u64, failing: u64| {
            format!(
                "cluster_state:{state}\r\ncluster_slots_assigned:{served}\r\ncluster_slots_fail:{failing}\r\ncluster_known_nodes:6\r\n"
            )
        };
        let severity = |text: String| judge(ClusterFacts::parse(&text)).severity;
        assert_eq!(severity(info("ok", 16384, 0)), Severity::Ok);
        assert_eq!(severity(info("fail", 16383, 0)), Severity::Error);
        assert_eq!(severity(info("ok", 16384, 100)), Severity::Error);
        assert_eq!(severity(String::new()), Severity::Error);
    }

    #[test]
    fn events_must_lie_beside_their_jobs() {
        let name = |name: &str| QueueName::parse(name).unwrap();
        assert!(apart(&name("postrider:{0}:events"), &name("postrider:{0}:deliveries")).is_none());
        assert!(apart(&name("postrider:events"), &name("postrider:deliveries")).is_some());
    }
}
