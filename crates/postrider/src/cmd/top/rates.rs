//! What came of a queue's jobs in a second, from counters that only grow until the day ends.

use std::collections::VecDeque;
use std::time::Duration;

use postrider_core::time::Timestamp;
use postrider_store::figures::{Counts, Figures};

/// Rates are those of so long: steady enough to be read, soon enough to be of use.
const SPAN: Duration = Duration::from_secs(10);

/// Counters as they were of late.
#[derive(Debug, Default)]
pub(super) struct Rates {
    seen: VecDeque<(Timestamp, Counts)>,
}

/// Jobs a second, by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PerSecond([f64; Counts::OUTCOMES.len()]);

impl PerSecond {
    /// Each outcome with its rate.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        Counts::OUTCOMES.into_iter().zip(self.0)
    }

    /// The rate of an outcome.
    pub(super) fn of(&self, outcome: &str) -> f64 {
        self.iter().find(|(name, _)| *name == outcome).map_or(0.0, |(_, rate)| rate)
    }
}

impl Rates {
    /// Takes in what a look showed; none at the first, and where the day has changed.
    pub(super) fn add(&mut self, figures: &Figures) -> Option<PerSecond> {
        self.add_counts(figures.now, figures.today)
    }

    fn add_counts(&mut self, now: Timestamp, counts: Counts) -> Option<PerSecond> {
        let fell = |(_, then): &(Timestamp, Counts)| {
            then.iter().zip(counts.iter()).any(|((_, then), (_, now))| now < then)
        };
        if self.seen.back().is_some_and(fell) {
            self.seen.clear();
        }
        // The one before the span is kept: the rate is that of the whole span.
        while self.seen.get(1).is_some_and(|(at, _)| now.since(*at) >= SPAN) {
            self.seen.pop_front();
        }
        self.seen.push_back((now, counts));
        let (since, then) = self.seen.front()?;
        let seconds = now.since(*since).as_secs_f64();
        (seconds > 0.0).then(|| {
            let mut rates = [0.0; Counts::OUTCOMES.len()];
            let both = then.iter().zip(counts.iter());
            rates
                .iter_mut()
                .zip(both)
                .for_each(|(rate, ((_, then), (_, now)))| *rate = (now - then) as f64 / seconds);
            PerSecond(rates)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rates: &mut Rates, second: u64, delivered: u64) -> Option<f64> {
        let counts = Counts::from_iter([("delivered", delivered)]);
        rates.add_counts(Timestamp::from_millis(second * 1000), counts).map(|rate| rate.of("delivered"))
    }

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let mut rates = Rates::default();
        assert_eq!(at(&mut rates, 0, 100), None);
        assert_eq!(at(&mut rates, 2, 110), Some(5.0));
        assert_eq!(at(&mut rates, 12, 210), Some(10.0));
        assert_eq!(at(&mut rates, 24, 210), Some(0.0));
    }

    #[test]
    fn a_new_day_begins_anew() {
        let mut rates = Rates::default();
        at(&mut rates, 0, 100);
        assert_eq!((at(&mut rates, 1, 3), at(&mut rates, 2, 4)), (None, Some(1.0)));
    }
}
