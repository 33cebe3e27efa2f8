//! THE decision: from what happened to what we do.

use std::fmt;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::retry::{RetryPolicy, Roll};

/// What becomes of a job after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Delivered; the job ends.
    Done,
    /// Sent again after this wait, counted from the settle on Redis' own clock.
    RetryAfter(Duration),
    /// Buried.
    Dead(DeadReason),
}

/// Why a job ended in the dead letters: the closed list of contract section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadReason {
    /// The entry breaks the contract.
    Invalid,
    /// `expiresAt` passed, or would before the next attempt.
    Expired,
    /// The URL may not be connected to.
    Blocked,
    /// 410.
    Gone,
    /// Another 4xx.
    Rejected,
    /// `maxAttempts` used up.
    Exhausted,
    /// The hook isn't registered and the job has no `to`.
    UnknownHook,
    /// Another job of the same id is waiting already.
    Duplicate,
    /// It was lost with its worker too often, or made it panic.
    Poison,
}

impl DeadReason {
    /// All reasons, for metrics that start at zero.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::Expired,
        Self::Blocked,
        Self::Gone,
        Self::Rejected,
        Self::Exhausted,
        Self::UnknownHook,
        Self::Duplicate,
        Self::Poison,
    ];

    /// The word of the contract, as in `_reason` and the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::UnknownHook => "unknown_hook",
            Self::Duplicate => "duplicate",
            Self::Poison => "poison",
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the decision needs to know of the job.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Time until `expiresAt`, where the job has one.
    pub time_left: Option<Duration>,
}

impl RetryPolicy {
    /// Decides what becomes of a job whose attempt number `attempt` (1, 2, …) came to `outcome`.
    pub fn decide(&self, attempt: u32, outcome: &Outcome, limits: Limits, roll: Roll) -> Verdict {
        let retry_after = match outcome {
            Outcome::Accepted { .. } => return Verdict::Done,
            Outcome::Gone => return Verdict::Dead(DeadReason::Gone),
            Outcome::Rejected { .. } => return Verdict::Dead(DeadReason::Rejected),
            Outcome::Blocked { .. } => return Verdict::Dead(DeadReason::Blocked),
            Outcome::Unavailable { retry_after, .. } => *retry_after,
            Outcome::NoAnswer { .. } => None,
        };
        if attempt >= limits.max_attempts {
            return Verdict::Dead(DeadReason::Exhausted);
        }
        let asked = retry_after.unwrap_or_default().min(self.max_retry_after);
        let wait = self.delay(attempt, roll).max(asked);
        match limits.time_left {
            Some(left) if wait > left => Verdict::Dead(DeadReason::Expired),
            _ => Verdict::RetryAfter(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::NoAnswer;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unavailable(retry_after: Option<u64>) -> Outcome {
        Outcome::Unavailable { status: 503, retry_after: retry_after.map(secs) }
    }

    #[track_caller]
    fn check(attempt: u32, outcome: &Outcome, time_left: Option<u64>, expected: Verdict) {
        let limits = Limits { max_attempts: 3, time_left: time_left.map(secs) };
        assert_eq!(RetryPolicy::default().decide(attempt, outcome, limits, Roll::new(0.0)), expected);
    }

    #[test]
    fn final_answers_end_the_job_at_once() {
        check(1, &Outcome::Accepted { status: 204 }, None, Verdict::Done);
        check(1, &Outcome::Gone, None, Verdict::Dead(DeadReason::Gone));
        check(1, &Outcome::Rejected { status: 404 }, None, Verdict::Dead(DeadReason::Rejected));
        check(1, &Outcome::Blocked { reason: "port" }, None, Verdict::Dead(DeadReason::Blocked));
    }

    #[test]
    fn silence_and_unavailability_are_retried_until_the_attempts_are_used_up() {
        let silence = Outcome::NoAnswer { cause: NoAnswer::Timeout };
        check(1, &silence, None, Verdict::RetryAfter(secs(60)));
        check(2, &unavailable(None), None, Verdict::RetryAfter(secs(180)));
        check(3, &unavailable(None), None, Verdict::Dead(DeadReason::Exhausted));
        check(4, &silence, None, Verdict::Dead(DeadReason::Exhausted));
    }

    #[test]
    fn retry_after_makes_the_wait_longer_never_shorter_up_to_its_limit() {
        check(1, &unavailable(Some(90)), None, Verdict::RetryAfter(secs(90)));
        check(1, &unavailable(Some(5)), None, Verdict::RetryAfter(secs(60)));
        check(1, &unavailable(Some(u64::MAX)), None, Verdict::RetryAfter(secs(3600)));
    }

    #[test]
    fn a_retry_that_would_be_due_after_its_expiry_is_dead_now() {
        check(1, &unavailable(None), Some(60), Verdict::RetryAfter(secs(60)));
        check(1, &unavailable(None), Some(59), Verdict::Dead(DeadReason::Expired));
        check(3, &unavailable(None), Some(0), Verdict::Dead(DeadReason::Exhausted));
        check(1, &Outcome::Accepted { status: 200 }, Some(0), Verdict::Done);
    }
}
