//! How large a world is looked at: which jobs, which faults, how many.

use crate::guard::{Guard, Rules};

/// Workers in each scenario.
pub(crate) const WORKERS: usize = 2;

/// Most jobs of a scenario.
pub(crate) const MAX_JOBS: usize = 3;

/// A kind of fault. Its number is its bit in [`Faults`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A worker is killed.
    Crash = 1,
    /// A worker is stopped, and goes on later or never.
    Pause = 2,
    /// A worker can't reach Redis for a while.
    CutOff = 4,
    /// A call is carried out and its reply lost.
    LostReply = 8,
    /// A worker is told to stop, and may have to cut requests off.
    Drain = 16,
    /// The consumer group is gone.
    GroupLost = 32,
    /// Redis fails over to a replica that lacks the last writes.
    Failover = 64,
}

/// A set of kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Faults(u8);

impl Faults {
    /// All kinds.
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// These kinds.
    pub(crate) fn of(kinds: &[Fault]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | *kind as u8))
    }

    /// Whether this kind is among them.
    pub(crate) fn include(self, kind: Fault) -> bool {
        self.0 & kind as u8 != 0
    }
}

/// The bounds of one world.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The id of each job: two may have the same.
    pub(crate) ids: &'static [u8],
    /// `delivery.max_attempts`.
    pub(crate) max_attempts: u8,
    /// `queue.max_crashes`.
    pub(crate) max_crashes: u8,
    /// The kinds of faults that may happen.
    pub(crate) kinds: Faults,
    /// How many faults may happen, of whatever kinds.
    pub(crate) faults: u8,
    /// Most writes that a failover loses.
    pub(crate) max_lag: u8,
    /// The rules of the protocol.
    pub(crate) rules: Rules,
}

impl Scenario {
    /// Jobs of these ids, and so many faults of all kinds.
    pub(crate) fn of(ids: &'static [u8], faults: u8) -> Self {
        Self {
            ids,
            max_attempts: 2,
            max_crashes: 2,
            kinds: Faults::ALL,
            faults,
            max_lag: 2,
            rules: Rules::default(),
        }
    }

    /// Only faults of these kinds.
    pub(crate) fn with(self, kinds: &[Fault]) -> Self {
        Self { kinds: Faults::of(kinds), ..self }
    }

    /// The protocol without this guard.
    pub(crate) fn without(self, guard: Guard) -> Self {
        Self { rules: Rules::without(guard), ..self }
    }

    /// Whether two jobs have the same id.
    pub(crate) fn has_twins(&self) -> bool {
        self.ids.iter().enumerate().any(|(index, id)| self.ids[..index].contains(id))
    }
}
