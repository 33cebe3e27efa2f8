//! What is to become of a leased job, in the form that the settle script takes.

use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::time::{Timestamp, whole_millis_up};
use postrider_core::verdict::DeadReason;
use redis::Cmd;

/// The move of one job out of its lease. Consumed by settling: a job is settled once.
#[derive(Debug)]
pub struct Settlement {
    /// The stream entry that is leased.
    pub entry: EntryId,
    /// The job's id.
    pub job_id: Box<str>,
    /// The hook that the job is for, for whoever is told of its end; not needed for a job that is done.
    pub hook: Option<HookName>,
    /// Where it goes.
    pub destination: Destination,
    /// The attempt that led to it, for the attempt log; none where no request was made.
    pub attempt: Option<AttemptRecord>,
    /// Size of the job: what a move copies inside Redis.
    pub bytes: usize,
}

/// Where a job goes.
#[derive(Debug)]
pub enum Destination {
    /// Delivered: nowhere.
    Done,
    /// Dropped because its hook is inactive: nowhere.
    Discarded,
    /// Waits for its next attempt, this long from now on Redis' clock.
    Retry {
        /// The wait.
        wait: Duration,
        /// State to remember; `due` is set by the script.
        state: JobState,
        /// Status and attempts made, should it turn out to be a duplicate.
        made: Made,
    },
    /// Waits without having been tried.
    Deferred {
        /// Until when.
        until: Until,
        /// State to remember; `due` is set by the script.
        state: JobState,
    },
    /// Waits until its hook is active again, or until it expires.
    Held {
        /// The hook: user id and hook id.
        hook: HookName,
        /// When the job expires, where it does.
        expires_at: Option<Timestamp>,
        /// The job's age: when its event happened. The oldest goes first.
        age: Timestamp,
        /// State to remember.
        state: JobState,
    },
    /// Buried.
    Dead {
        /// Why.
        reason: DeadReason,
        /// Last status and attempts made.
        made: Made,
        /// A sentence.
        error: String,
    },
    /// Back to the stream's end, for another worker.
    GivenBack {
        /// State to remember, as it was.
        state: JobState,
    },
}

/// A registered hook as held jobs are listed by it: `<user id>/<hook id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HookName(Box<str>);

impl HookName {
    /// The name of a hook.
    pub fn new(user_id: &str, hook_id: &str) -> Self {
        Self(format!("{user_id}/{hook_id}").into())
    }

    /// Reads a name from Redis.
    pub fn parse(name: &str) -> Option<Self> {
        name.contains('/').then(|| Self(name.into()))
    }

    /// User id and hook id. Hook ids have no slash, user ids may.
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or((&self.0, ""))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A moment to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So long from now, on Redis' clock.
    After(Duration),
    /// This moment.
    At(Timestamp),
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    /// Status of the last answer, 0 where none came or none was asked for.
    pub status: u16,
    /// Attempts made.
    pub attempts: u32,
}

/// One entry of the attempt log.
#[derive(Debug)]
pub struct AttemptRecord {
    /// The event's id.
    pub event_id: Box<str>,
    /// The hook's id, or empty.
    pub hook_id: Box<str>,
    /// Its owner, or empty.
    pub user_id: Box<str>,
    /// The URL's origin.
    pub destination: Box<str>,
    /// Number of the attempt: 1, 2, …
    pub attempt: u32,
    /// Status of the answer, 0 where none came.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// What went wrong, empty for a success.
    pub error: String,
    /// First bytes of a failed answer, without the job's secrets.
    pub response: Vec<u8>,
}

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// As asked.
    Applied,
    /// Buried as `duplicate`, since another job of its id is waiting already.
    Duplicate,
    /// Not applied: the job has passed to another worker.
    Refused,
    /// The entry is gone: settled before, or deleted by hand.
    Gone,
    /// Its new home could not be written; it is leased as before.
    Failed(String),
}

impl Settlement {
    /// Bytes that settling it copies inside Redis; nothing for a job that ends.
    pub fn copied_bytes(&self) -> usize {
        match self.destination {
            Destination::Done | Destination::Discarded => 0,
            _ => self.bytes,
        }
    }

    /// Appends what is special to this kind of move to a call of the settle script.
    pub(crate) fn append_to(&self, call: &mut Cmd) {
        match &self.destination {
            Destination::Done | Destination::Discarded => {}
            Destination::Retry { wait, state, made } => {
                append_wait(call, Until::After(*wait), state, *made);
            }
            Destination::Deferred { until, state } => {
                let made = Made { status: 0, attempts: state.attempts };
                append_wait(call, *until, state, made);
            }
            Destination::Held { hook, expires_at, age, state } => {
                let made = Made { status: 0, attempts: state.attempts };
                append_wait(call, Until::At(expires_at.unwrap_or(Timestamp::MAX)), state, made);
                call.arg(hook.as_str()).arg(age.as_millis());
            }
            Destination::Dead { reason, made, error } => {
                call.arg(reason.as_str()).arg(made.status).arg(error).arg(made.attempts);
            }
            Destination::GivenBack { state } => {
                call.arg(state.to_string());
            }
        }
    }

    /// The letter by which the script knows the move; delivered jobs come first, and without theirs.
    pub(crate) fn kind(&self) -> &'static str {
        match self.destination {
            Destination::Done => "D",
            Destination::Discarded => "X",
            Destination::Retry { .. } => "R",
            Destination::Deferred { .. } => "W",
            Destination::Held { .. } => "H",
            Destination::Dead { .. } => "K",
            Destination::GivenBack { .. } => "G",
        }
    }
}

fn append_wait(call: &mut Cmd, until: Until, state: &JobState, made: Made) {
    match until {
        Until::After(wait) => call.arg("after").arg(whole_millis_up(wait).min(Timestamp::MAX.as_millis())),
        Until::At(moment) => call.arg("at").arg(moment.as_millis()),
    };
    // The script appends the moment that it has worked out.
    let state = JobState { due: None, ..*state };
    call.arg(state.to_string()).arg(made.status).arg(made.attempts);
}
