//! What is asked of a destination, and what its answers tell.

use std::time::{Duration, Instant};

use postrider_core::hook::Hook;
use postrider_core::outcome::{NoAnswer, Outcome};

/// The limits that a destination has from settings or its hook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Requests at a time; at least 1.
    pub(crate) max_in_flight: usize,
    /// Requests a second, if limited.
    pub(crate) rate: Option<f64>,
}

impl Limits {
    /// What a hook says of itself, if anything.
    pub(crate) fn of_hook(hook: &Hook) -> Option<Self> {
        let max_in_flight = hook.max_in_flight.map(|max| max as usize);
        let says_something = max_in_flight.is_some() || hook.rate_per_second.is_some();
        says_something
            .then(|| Self { max_in_flight: max_in_flight.unwrap_or(usize::MAX), rate: hook.rate_per_second })
    }
}

/// What the end of a job tells of its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing: no request was made.
    None,
    /// It works, even where it refused this job.
    Works,
    /// It failed, for a reason in a few words.
    Failed(Box<str>),
    /// It failed since it has too much to do.
    Overloaded(Box<str>),
    /// It said nothing in time.
    Silence(Box<str>),
}

impl Answer {
    /// What an attempt tells.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let why = || outcome.error().into();
        match outcome {
            Outcome::Blocked { .. } => Self::None,
            Outcome::Accepted { .. } | Outcome::Gone | Outcome::Rejected { .. } => Self::Works,
            Outcome::Unavailable { status: 429 | 502 | 503 | 504, .. } => Self::Overloaded(why()),
            Outcome::NoAnswer { cause: NoAnswer::Timeout } => Self::Silence(why()),
            Outcome::Unavailable { .. } | Outcome::NoAnswer { .. } => Self::Failed(why()),
        }
    }
}

/// How a job ended, for its destination.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) answer: Answer,
    /// When it was started.
    pub(crate) started: Instant,
    /// Its size.
    pub(crate) bytes: usize,
    /// A roll of the dice in [0, 1), brought by the caller.
    pub(crate) roll: f64,
}

/// Whether one more request may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// It may.
    Granted,
    /// Its turn comes when others have ended.
    InLine,
    /// It has to wait that long.
    After(Duration),
    /// The destination is left alone.
    Tripped,
}
