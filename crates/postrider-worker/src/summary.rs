//! Log lines of one kind that may come in floods: one is written, the others are counted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line of the engine is not written again.
const SUM_UP: Duration = Duration::from_secs(5);

/// Writes a line at most once in a while, with the number of those left out since.
#[derive(Debug)]
pub struct Summary {
    pause: Duration,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Default for Summary {
    fn default() -> Self {
        Self::every(SUM_UP)
    }
}

impl Summary {
    /// At most one line in `pause`.
    pub const fn every(pause: Duration) -> Self {
        Self { pause, last: Mutex::new(None) }
    }

    /// Calls `line` with the number left out, or counts one more.
    pub fn tell(&self, line: impl FnOnce(u64)) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((told, left_out)) if told.elapsed() < self.pause => *left_out += 1,
            told => {
                let left_out = told.map_or(0, |(_, left_out)| left_out);
                *told = Some((Instant::now(), 0));
                drop(last);
                line(left_out);
            }
        }
    }
}
