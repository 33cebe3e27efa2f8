//! The kinds of harm, and what each may cost. Pure.

use crate::clock::SECOND;

/// Where Redis stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server whose file is written for each command.
    Always,
    /// One server whose file is written each second.
    EverySecond,
    /// A primary and a replica, watched over by three sentinels.
    Sentinel,
}

impl Topology {
    /// As reports name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "one Redis, appendfsync always",
            Self::EverySecond => "one Redis, appendfsync everysec",
            Self::Sentinel => "primary, replica, three sentinels",
        }
    }

    fn is_single(self) -> bool {
        self != Self::Sentinel
    }
}

/// Faults of one lane never overlap: they would undo each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    Workers,
    Redis,
    /// Between workers and Redis.
    Links,
    /// Between workers and receivers, and the receivers themselves.
    Ways,
}

macro_rules! kinds {
    ($($kind:ident = $name:literal in $lane:ident;)*) => {
        /// A kind of harm.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Kind { $($kind),* }

        impl Kind {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            /// As reports and `--faults` name it.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// What it may not overlap with.
            pub(crate) fn lane(self) -> Lane {
                match self { $(Self::$kind => Lane::$lane),* }
            }
        }
    };
}

kinds! {
    WorkerKill = "worker-kill" in Workers;
    AllWorkersKill = "all-workers-kill" in Workers;
    WorkerStop = "worker-stop" in Workers;
    WorkerTerm = "worker-term" in Workers;
    WorkerClock = "worker-clock" in Workers;
    RedisKill = "redis-kill" in Redis;
    RedisShutdown = "redis-shutdown" in Redis;
    RedisStop = "redis-stop" in Redis;
    RedisClock = "redis-clock" in Redis;
    ScriptFlush = "script-flush" in Redis;
    GroupDestroy = "group-destroy" in Redis;
    ConsumerDelete = "consumer-delete" in Redis;
    Demote = "demote" in Redis;
    OutOfMemory = "out-of-memory" in Redis;
    DiskFull = "disk-full" in Redis;
    ClientKill = "client-kill" in Redis;
    BusyScript = "busy-script" in Redis;
    QueuePause = "queue-pause" in Redis;
    Failover = "failover" in Redis;
    PrimaryKill = "primary-kill" in Redis;
    PrimaryStop = "primary-stop" in Redis;
    LinkCut = "link-cut" in Links;
    LinkCutReply = "link-cut-reply" in Links;
    LinkBlackhole = "link-blackhole" in Links;
    WorkerCutOff = "worker-cut-off" in Links;
    LinkDelay = "link-delay" in Links;
    WayCut = "way-cut" in Ways;
    WayCutAnswer = "way-cut-answer" in Ways;
    WayBlackhole = "way-blackhole" in Ways;
    WayDelay = "way-delay" in Ways;
    WayRefuse = "way-refuse" in Ways;
    Flood = "flood" in Ways;
}

impl Kind {
    /// By its name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// How often it comes up beside the others: more often where a promise says how soon the workers go on.
    pub(crate) fn weight(self) -> usize {
        match self {
            Self::WorkerKill | Self::RedisKill | Self::Failover | Self::PrimaryKill => 3,
            _ => 1,
        }
    }

    /// Whether it can be done there.
    pub(crate) fn fits(self, topology: Topology) -> bool {
        match self {
            Self::Failover | Self::PrimaryKill | Self::PrimaryStop => !topology.is_single(),
            Self::RedisKill | Self::RedisShutdown | Self::RedisStop | Self::Demote | Self::RedisClock => {
                topology.is_single()
            }
            // With `always`, Redis ends itself.
            Self::DiskFull => topology == Topology::EverySecond,
            // Sentinels tell the servers' own addresses, which no proxy stands at.
            kind => kind.lane() != Lane::Links || topology.is_single(),
        }
    }

    /// Whether a job that it touches may be sent twice. The others must cost nothing but time.
    pub(crate) fn may_repeat(self) -> bool {
        match self {
            // The worker dies or counts as dead, and with it the note of what it had sent.
            Self::WorkerKill | Self::AllWorkersKill | Self::WorkerStop | Self::WorkerCutOff => true,
            // What is pending is read from the start again.
            Self::GroupDestroy => true,
            // What the replica didn't have yet is undone.
            Self::Failover | Self::PrimaryKill | Self::PrimaryStop => true,
            // An answer is lost on its way.
            Self::WayCut | Self::WayCutAnswer | Self::WayBlackhole | Self::WayDelay | Self::WayRefuse => true,
            _ => false,
        }
    }

    /// Whether results can't be written meanwhile.
    pub(crate) fn stops_settling(self) -> bool {
        match self {
            Self::ScriptFlush | Self::GroupDestroy | Self::ConsumerDelete | Self::QueuePause => false,
            kind => matches!(kind.lane(), Lane::Redis | Lane::Links),
        }
    }

    /// How soon jobs must be sent again, measured from [`Self::recovers_from`].
    pub(crate) fn max_recovery(self) -> Option<u64> {
        match self {
            Self::WorkerKill | Self::AllWorkersKill => Some(7 * SECOND),
            Self::WorkerStop | Self::WorkerTerm | Self::WorkerClock | Self::QueuePause | Self::Flood => None,
            kind => match kind.lane() {
                Lane::Redis => Some(2 * SECOND),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_name(kind.name()), Some(*kind));
        }
    }

    #[test]
    fn every_topology_has_at_least_twelve_kinds() {
        for topology in [Topology::Always, Topology::EverySecond, Topology::Sentinel] {
            let count = Kind::ALL.iter().filter(|kind| kind.fits(topology)).count();
            assert!(count >= 12, "{topology:?}: {count}");
        }
    }
}
