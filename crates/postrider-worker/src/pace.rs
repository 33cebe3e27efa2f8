//! Pauses between tries.

use std::time::Duration;

/// First pause after a failure.
const FIRST: Duration = Duration::from_millis(50);

/// Longest pause: a worker goes on within two seconds after Redis does.
const LONGEST: Duration = Duration::from_secs(1);

/// Doubling pauses with jitter, from 50 ms to 1 s.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// Works again: the next pause is short.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Waits, longer each time. Half of it is dice, so that a fleet doesn't knock in step.
    pub(crate) async fn pause(&mut self) {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(LONGEST);
        tokio::time::sleep(pause).await;
    }
}
