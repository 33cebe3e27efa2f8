//! Log lines of one kind that may come in floods: the first is written, the others are summed up. Decides when; what is
//! written, and the clock, are the caller's.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a line, its like is only counted for so long.
pub const PAUSE: Duration = Duration::from_secs(60);

/// One kind of line.
#[derive(Debug, Default)]
pub struct Summary(Mutex<Option<Told>>);

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    left_out: u64,
}

impl Summary {
    /// Before the first line.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Calls `line` with the number left out since the last one, or counts one more.
    pub fn tell(&self, now: Instant, line: impl FnOnce(u64)) {
        let left_out = self.change(|told| match told {
            Some(told) if told.is_fresh(now) => {
                told.left_out += 1;
                None
            }
            told => Some(told.replace(Told { at: now, left_out: 0 }).map_or(0, |told| told.left_out)),
        });
        if let Some(left_out) = left_out {
            line(left_out);
        }
    }

    /// Calls `line` with the number left out, if some were and none has been written for a while: their last flood may be over.
    pub fn sum_up(&self, now: Instant, line: impl FnOnce(u64)) {
        let left_out = self.change(|told| {
            let due = told.as_mut().filter(|told| told.left_out > 0 && !told.is_fresh(now))?;
            Some(std::mem::replace(due, Told { at: now, left_out: 0 }).left_out)
        });
        if let Some(left_out) = left_out {
            line(left_out);
        }
    }

    /// The line is written after the lock is given back.
    fn change<T>(&self, change: impl FnOnce(&mut Option<Told>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Told {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that were written: of lines told each second, and of sums asked for each second.
    fn written(seconds_told: impl Iterator<Item = u64>, seconds_asked: std::ops::Range<u64>) -> Vec<u64> {
        let (lines, start) = (Summary::default(), Instant::now());
        let mut written = Vec::new();
        for second in seconds_told {
            lines.tell(start + Duration::from_secs(second), |more| written.push(more));
        }
        for second in seconds_asked {
            lines.sum_up(start + Duration::from_secs(second), |more| written.push(more));
        }
        written
    }

    #[test]
    fn the_first_is_written_and_then_one_a_minute_with_the_number_of_the_others() {
        assert_eq!(written(0..150, 0..0), [0, 59, 59]);
    }

    #[test]
    fn what_was_left_out_when_a_flood_ends_is_summed_up_a_minute_after_its_line() {
        assert_eq!(written([0; 1000].into_iter(), 1..600), [0, 999]);
    }

    #[test]
    fn where_nothing_was_left_out_nothing_is_summed_up() {
        assert_eq!(written(0..1, 1..600), [0]);
        assert!(written(0..0, 1..600).is_empty());
    }
}
