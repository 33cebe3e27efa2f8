//! How many requests a destination gets at a time: as many as it has lately shown that it can take.

use std::time::Instant;

/// What is left of the limit when the destination shows that it has too much.
const CUT: f64 = 0.5;

/// Grows with each good answer, shrinks when the destination is overloaded: by half, at most once for all requests
/// that were under way together (additive increase, multiplicative decrease, as TCP does it).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    limit: f64,
    /// Up to here it grows by one with each good answer, beyond it more carefully.
    threshold: f64,
    last_cut: Option<Instant>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { limit: f64::INFINITY, threshold: f64::INFINITY, last_cut: None }
    }
}

impl Limiter {
    /// Requests at a time; at least 1, at most `ceiling`.
    pub(crate) fn limit(&self, ceiling: usize) -> usize {
        // A float of that size is a whole number of requests; infinity saturates to the ceiling.
        (self.limit as usize).clamp(1, ceiling.max(1))
    }

    /// Whether it is below its ceiling.
    pub(crate) fn is_reduced(&self, ceiling: usize) -> bool {
        self.limit(ceiling) < ceiling
    }

    /// Notes a good answer.
    pub(crate) fn grow(&mut self) {
        self.limit += if self.limit < self.threshold { 1.0 } else { 1.0 / self.limit };
    }

    /// Notes that a request that was started then found the destination overloaded: what it took so far is more than it can.
    pub(crate) fn shrink(&mut self, started: Instant, now: Instant, ceiling: usize) {
        if self.last_cut.is_none_or(|cut| started >= cut) {
            self.limit = (self.limit.min(ceiling as f64) * CUT).max(1.0);
            self.threshold = self.limit;
            self.last_cut = Some(now);
        }
    }

    /// Begins anew from one request at a time: after an outage the backlog comes back step by step.
    pub(crate) fn restart(&mut self) {
        *self = Self { limit: 1.0, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_that_fail_together_halve_the_limit_once() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let later = start + Duration::from_secs(1);
        (0..64).for_each(|_| limiter.shrink(start, later, 64));
        assert_eq!(limiter.limit(64), 32);
        limiter.shrink(later, later + Duration::from_secs(1), 64);
        assert_eq!(limiter.limit(64), 16);
    }

    #[test]
    fn an_overloaded_destination_gets_its_limit_back_slowly() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        limiter.shrink(now, now, 64);
        (0..32).for_each(|_| limiter.grow());
        assert_eq!(limiter.limit(64), 32);
        (0..32).for_each(|_| limiter.grow());
        assert_eq!(limiter.limit(64), 33);
    }

    #[test]
    fn after_an_outage_the_limit_grows_from_one() {
        let mut limiter = Limiter::default();
        limiter.restart();
        assert_eq!(limiter.limit(64), 1);
        (0..3).for_each(|_| limiter.grow());
        assert_eq!((limiter.limit(64), limiter.is_reduced(64)), (4, true));
        (0..100).for_each(|_| limiter.grow());
        assert_eq!((limiter.limit(64), limiter.is_reduced(64)), (64, false));
    }

    #[test]
    fn no_cut_leaves_less_than_one() {
        let (mut limiter, mut now) = (Limiter::default(), Instant::now());
        for _ in 0..20 {
            limiter.shrink(now, now, 64);
            now += Duration::from_secs(1);
        }
        assert_eq!(limiter.limit(64), 1);
    }
}
