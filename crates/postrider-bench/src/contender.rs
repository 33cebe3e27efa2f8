//! Who is measured.

use serde::Serialize;

/// A sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contender {
    /// The raw reqwest loop: no queue, the least that the requests themselves cost.
    Floor,
    /// Postrider's worker as it comes.
    Postrider,
    /// The worker with `attempts.max_entries = 0`.
    PostriderWithoutRecords,
    /// BullMQ and node-fetch as Misskey configures them, without its limit of 64 a second.
    BullMqAsMisskey,
    /// BullMQ and node's own HTTP client with a keep-alive agent.
    BullMqWithAgent,
    /// omniqueue and reqwest.
    Omniqueue,
    /// apalis-redis and reqwest.
    Apalis,
}

/// The other queues, as far as they could be built.
pub(crate) const RIVALS: [Contender; 4] =
    [Contender::BullMqAsMisskey, Contender::BullMqWithAgent, Contender::Omniqueue, Contender::Apalis];

impl Contender {
    /// As tables and plots call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "raw reqwest loop (the floor)",
            Self::Postrider => "postrider",
            Self::PostriderWithoutRecords => "postrider without attempt records",
            Self::BullMqAsMisskey => "BullMQ as Misskey runs it",
            Self::BullMqWithAgent => "BullMQ with node's http agent",
            Self::Omniqueue => "omniqueue + reqwest",
            Self::Apalis => "apalis-redis + reqwest",
        }
    }

    /// What makes it different from a worker as it comes.
    pub(crate) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::PostriderWithoutRecords => &[("POSTRIDER_ATTEMPTS_MAX_ENTRIES", "0")],
            _ => &[],
        }
    }

    /// What the peers' programs call it.
    pub(crate) fn kind(self) -> Option<&'static str> {
        match self {
            Self::BullMqAsMisskey => Some("fetch"),
            Self::BullMqWithAgent => Some("agent"),
            Self::Omniqueue => Some("omniqueue"),
            Self::Apalis => Some("apalis"),
            Self::Floor | Self::Postrider | Self::PostriderWithoutRecords => None,
        }
    }

    /// Most jobs that may be due at once: apalis-redis 1.0 moves all that are due in one call of a script, which Lua's stack bounds at
    /// about 8,000; with more, its worker ends at its start.
    pub(crate) fn most_jobs(self) -> u64 {
        if self == Self::Apalis { 7_000 } else { u64::MAX }
    }

    /// Whether node runs it.
    pub(crate) fn is_node(self) -> bool {
        matches!(self, Self::BullMqAsMisskey | Self::BullMqWithAgent)
    }

    /// Commands whose replies add up to the jobs of a peer that are ready or in flight; its worker is named `worker`.
    pub(crate) fn unfinished(self, worker: &str) -> Vec<(&'static str, String)> {
        let bullmq = |list| ("LLEN", format!("localhost:queue:userWebhookDeliver:userWebhookDeliver:{list}"));
        match self {
            Self::BullMqAsMisskey | Self::BullMqWithAgent => vec![bullmq("wait"), bullmq("active")],
            Self::Omniqueue => vec![("XLEN", "peer".into())],
            Self::Apalis => {
                vec![("LLEN", "peer:active".into()), ("SCARD", format!("peer:inflight:{worker}"))]
            }
            Self::Floor | Self::Postrider | Self::PostriderWithoutRecords => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rivals_are_run_by_the_peers_programs() {
        assert!(RIVALS.iter().all(|rival| rival.kind().is_some() && !rival.unfinished("w").is_empty()));
        assert!(Contender::Postrider.kind().is_none() && Contender::Floor.kind().is_none());
    }
}
