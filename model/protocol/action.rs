//! The steps of the world.

use crate::redis::{Consumer, EntryId};

/// Whether the reply of a call arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Heard,
    Lost,
}

/// What a worker asks of Redis. A `usize` names a job by its place among those that the worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    EnsureGroup,
    Beat,
    Read(EntryId),
    Recover(EntryId),
    TakeOver(Consumer),
    CountLoss(usize),
    Settle(usize),
    Promote(u8),
    FinishPromotion,
    SignOff,
}

/// What a receiver says. No answer is a refusal, whether or not the receiver has got the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepts,
    Refuses,
}

/// One step of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Produce(u8),
    Call(usize, Call, Reply),
    FindDead(usize, Consumer),
    Start(usize, usize),
    Answer(usize, usize, Answer),
    GiveBack(usize, usize),
    TimePasses(usize),
    Restart(usize),
    Resume(usize),
    Reconnect(usize),
    /// The reply to a read in which a worker waited when it was paused or cut off.
    AnswerWaitingRead(usize, EntryId),
    CutRequestOff(usize, usize),
    Crash(usize),
    Pause(usize),
    CutOff(usize),
    Drain(usize),
    LoseGroup,
    StopReplication,
    FailOver,
}

impl Action {
    /// Whether it uses up one of the scenario's faults.
    pub(crate) fn is_fault(self) -> bool {
        match self {
            Self::Call(_, _, reply) => reply == Reply::Lost,
            Self::Crash(_) | Self::Pause(_) | Self::CutOff(_) | Self::Drain(_) => true,
            Self::LoseGroup | Self::StopReplication => true,
            _ => false,
        }
    }
}
