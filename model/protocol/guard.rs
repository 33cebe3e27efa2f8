//! The guards of the protocol: what it does beyond moving jobs. Each can be removed, to see that the model notices.

/// One guard. Its comment says what is done without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// `settle.lua` leaves the old home in one call and writes the new one in a second.
    NewHomeFirst,
    /// `promote.lua` takes the job out of the waiting in one call and adds it to the stream in a second.
    PromotionIsOneStep,
    /// `promote.lua` adds the job to the stream and lets it wait on.
    PromotionEndsTheWait,
    /// `settle.lua` schedules for whoever asks.
    RetryIsTheOwners,
    /// `settle.lua` buries for whoever asks.
    BurialIsTheOwners,
    /// `settle.lua` gives back for whoever asks.
    GiveBackIsTheOwners,
    /// `settle.lua` refuses the success of a worker that has lost the job.
    SuccessIsAnyones,
    /// `settle.lua` lets a job wait on whose success comes late.
    SuccessEndsTheWait,
    /// `settle.lua` ends the wait of whatever waits under the id of a job that succeeded.
    SuccessKnowsItsEntry,
    /// `settle.lua` writes a waiting job over another of the same id.
    OneWaitsPerId,
    /// `settle.lua` schedules a job whose entry is gone.
    SettlingTwiceIsOnce,
    /// `take_over.lua` doesn't ask whether the lost worker has beaten since.
    TakeOverComparesBeats,
    /// A worker is dead as soon as it isn't heard of.
    DeathTakesSilence,
    /// A worker that couldn't beat itself judges the other by its own clock all the same.
    OutageKillsNobody,
    /// Only consumers that have a heartbeat are ever dead.
    WithoutABeatIsDeadToo,
    /// `take_over.lua` removes the consumer after one batch.
    RemovalNeedsEmptyHands,
    /// `sign_off.lua` removes the consumer whatever it has.
    SignOffNeedsEmptyHands,
    /// A worker whose beats aren't accepted starts requests.
    FenceStopsStarts,
    /// A worker whose beats aren't accepted, or haven't begun, leases entries.
    FenceStopsLeases,
    /// What was leased before a gap in the beats is started after it.
    GapEndsLeases,
    /// Who was found dead before a gap in the own beats is dead after it.
    GapEndsVerdicts,
    /// A job of a lost worker is started without counting the loss.
    LossIsCounted,
    /// `count_crash.lua` adds one, instead of writing the number it is given.
    LossIsCountedOnce,
    /// `count_crash.lua` counts for whoever asks; what it claims is the caller's.
    LossIsCountedByTheOwner,
    /// The first loss makes a job poison.
    PoisonTakesSeveral,
    /// `ensure_group.lua` makes the group at the stream's end.
    GroupBeginsAtZero,
    /// Nobody looks for leases whose reply was lost.
    LostRepliesAreFound,
    /// What comes out of Redis is admitted even where this process has it.
    HeldIsNotAdmittedAgain,
}

/// The rules in force: all guards, or all but one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    removed: Option<Guard>,
}

impl Rules {
    /// All guards but this.
    pub(crate) fn without(guard: Guard) -> Self {
        Self { removed: Some(guard) }
    }

    /// Whether the guard is in force.
    pub(crate) fn keep(self, guard: Guard) -> bool {
        self.removed != Some(guard)
    }
}
