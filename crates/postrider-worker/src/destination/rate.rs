//! How often requests to a destination may start (`destination.rate`, a hook's `ratePerSecond`).

use std::time::{Duration, Instant};

/// Share of a second's requests that may start at once after a rest: enough for timers to be coarse, too little for a burst.
const BURST_SECONDS: f64 = 0.1;

/// Spaces starts evenly (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    /// When the requests that were started so far are paid off.
    paid: Option<Instant>,
}

impl Rate {
    /// How long the next start must wait.
    pub(crate) fn wait(&self, per_second: f64, now: Instant) -> Duration {
        let tolerance = interval(per_second).mul_f64((per_second * BURST_SECONDS).max(1.0) - 1.0);
        let Some(paid) = self.paid else { return Duration::ZERO };
        paid.saturating_duration_since(now).saturating_sub(tolerance)
    }

    /// Notes a start.
    pub(crate) fn start(&mut self, per_second: f64, now: Instant) {
        self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + interval(per_second));
    }

    /// Whether nothing of the past is left in it.
    pub(crate) fn is_rested(&self, now: Instant) -> bool {
        self.paid.is_none_or(|paid| paid <= now)
    }
}

/// Time between two starts.
pub(crate) fn interval(per_second: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(MAX_INTERVAL).min(MAX_INTERVAL)
}

/// Rates are checked where they are set; a day keeps arithmetic with moments in bounds whatever comes.
const MAX_INTERVAL: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_has_more_starts_than_the_rate_and_its_burst(
            per_second in 0.5_f64..500.0, pauses in proptest::collection::vec(0_u64..50, 1..400),
        ) {
            let (mut rate, mut now, mut starts) = (Rate::default(), Instant::now(), Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                if rate.wait(per_second, now).is_zero() {
                    rate.start(per_second, now);
                    starts.push(now);
                }
            }
            let most = (per_second * (1.0 + BURST_SECONDS)).floor() + 2.0;
            for (nth, start) in starts.iter().enumerate() {
                let in_second = starts[nth..].iter().take_while(|other| **other - *start < Duration::from_secs(1));
                prop_assert!(in_second.count() as f64 <= most);
            }
        }
    }

    #[test]
    fn a_low_rate_has_no_burst() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.wait(2.0, now), Duration::ZERO);
        rate.start(2.0, now);
        assert_eq!(rate.wait(2.0, now), Duration::from_millis(500));
        assert!(!rate.is_rested(now) && rate.is_rested(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_high_rate_is_kept_over_time() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let mut started = 0;
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            while rate.wait(5_000.0, now).is_zero() {
                rate.start(5_000.0, now);
                started += 1;
            }
        }
        assert!((50_000 - 10..=50_000 + 510).contains(&started), "{started}");
    }
}
