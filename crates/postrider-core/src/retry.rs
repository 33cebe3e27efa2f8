//! How long to wait before the next attempt.

use std::time::Duration;

/// A roll of the dice in `[0, 1)`, brought by the caller so that the decision stays a function.
#[derive(Clone, Copy, Debug)]
pub struct Roll(f64);

impl Roll {
    /// Clamps into `[0, 1)`; what is not a number counts as 0.
    pub fn new(value: f64) -> Self {
        Self(if value.is_finite() { value.clamp(0.0, 0.999_999_999) } else { 0.0 })
    }
}

/// When failed jobs are sent again (settings `retry.*`).
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included, for jobs and hooks that set none: 1 to 100.
    pub max_attempts: u32,
    /// The formula's unit: the wait after the first failed attempt.
    pub base: Duration,
    /// The longest wait that the formula gives, before jitter.
    pub cap: Duration,
    /// Share of the wait that is added at random, 0 to 1. Jitter only lengthens: a retry is never early.
    pub jitter: f64,
    /// Replaces the formula where it isn't empty; the last entry repeats.
    pub schedule: Vec<Duration>,
    /// The longest wait that a receiver's `Retry-After` can ask for.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// Misskey's formula with more patience: 12 attempts, about 32 hours.
    fn default() -> Self {
        Self {
            max_attempts: 12,
            base: Duration::from_secs(60),
            cap: Duration::from_secs(8 * 3600),
            jitter: 0.2,
            schedule: Vec::new(),
            max_retry_after: Duration::from_secs(3600),
        }
    }
}

impl RetryPolicy {
    /// The wait after failed attempt `attempt` (1, 2, …): min((2^n − 1) × base, cap) or the schedule's entry, plus jitter.
    pub fn delay(&self, attempt: u32, roll: Roll) -> Duration {
        let wait = self.planned(attempt);
        // In floating point the product could fall below the wait itself; the sum can't.
        wait.saturating_add(
            Duration::try_from_secs_f64(wait.as_secs_f64() * self.jitter * roll.0).unwrap_or_default(),
        )
    }

    fn planned(&self, attempt: u32) -> Duration {
        let nth = attempt.max(1);
        if let Some(last) = self.schedule.last() {
            return *self.schedule.get(nth as usize - 1).unwrap_or(last);
        }
        let factor = 2_u32.checked_pow(nth).map_or(u32::MAX, |power| power - 1);
        self.base.checked_mul(factor).map_or(self.cap, |wait| wait.min(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_default_schedule_is_misskeys_formula() {
        let policy = RetryPolicy::default();
        let waits: Vec<u64> = (1..=12).map(|n| policy.delay(n, Roll::new(0.0)).as_secs() / 60).collect();
        assert_eq!(waits, [1, 3, 7, 15, 31, 63, 127, 255, 480, 480, 480, 480]);
    }

    #[test]
    fn a_schedule_replaces_the_formula_and_its_last_entry_repeats() {
        let policy =
            RetryPolicy { schedule: vec![secs(5), secs(300)], jitter: 0.0, ..RetryPolicy::default() };
        let waits: Vec<u64> = (1..=4).map(|n| policy.delay(n, Roll::new(0.9)).as_secs()).collect();
        assert_eq!(waits, [5, 300, 300, 300]);
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_the_plan_and_the_plan_with_full_jitter(
            attempt in 0_u32..300, roll in 0.0_f64..1.0, base in 0_u64..100_000_000, cap in 0_u64..100_000_000,
        ) {
            let policy = RetryPolicy {
                base: Duration::from_millis(base),
                cap: Duration::from_millis(cap),
                ..RetryPolicy::default()
            };
            let plan = policy.delay(attempt, Roll::new(0.0));
            let wait = policy.delay(attempt, Roll::new(roll));
            prop_assert!(plan <= policy.cap);
            prop_assert!(plan <= wait && wait <= plan.mul_f64(1.2) + Duration::from_nanos(1));
        }
    }
}
