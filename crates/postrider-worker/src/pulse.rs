//! What the last heartbeats say: whether this worker may start requests, and what time it is in Redis.

use std::time::{Duration, Instant};

use postrider_core::time::Timestamp;
use postrider_store::presence::Beat;

/// The state of this worker's heartbeats, told by the heart's thread to everyone else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse {
    last: Option<Accepted>,
    unbroken_since: Option<Instant>,
    /// When the next waiting job is due, as of the last beat.
    pub(crate) next_due: Option<Timestamp>,
    /// Whether the queue is paused.
    pub(crate) paused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Accepted {
    sent: Instant,
    answered: Instant,
    redis_time: Timestamp,
}

impl Pulse {
    /// Notes a beat that Redis accepted. A gap of `fence_after` or more breaks the row.
    pub(crate) fn accepted(&mut self, beat: Beat, sent: Instant, answered: Instant, fence_after: Duration) {
        if self.is_fenced(sent, fence_after) {
            self.unbroken_since = Some(answered);
        }
        self.last = Some(Accepted { sent, answered, redis_time: beat.now });
        self.next_due = beat.next_due;
        self.paused = beat.paused;
    }

    /// Whether so much time has passed since the last accepted beat was *sent* that others may soon think us dead.
    pub(crate) fn is_fenced(&self, now: Instant, fence_after: Duration) -> bool {
        self.last.is_none_or(|last| now.saturating_duration_since(last.sent) >= fence_after)
    }

    /// Since when beats have been accepted without a gap; none while fenced.
    pub(crate) fn unbroken_since(&self, now: Instant, fence_after: Duration) -> Option<Instant> {
        self.unbroken_since.filter(|_| !self.is_fenced(now, fence_after))
    }

    /// Whether what was leased then is surely this worker's still: beats have been accepted without a gap since. After a gap
    /// it may be another's, even if beats are accepted again.
    pub(crate) fn is_sure_of(&self, leased: Instant, now: Instant, fence_after: Duration) -> bool {
        self.unbroken_since(now, fence_after).is_some_and(|since| since <= leased)
    }

    /// How long ago the last accepted beat was sent; none before the first.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.last.map(|last| now.saturating_duration_since(last.sent))
    }

    /// Redis' clock, never ahead of it: for what must not be early.
    pub(crate) fn redis_time_at_least(&self, now: Instant) -> Timestamp {
        self.redis_time(now, |last| last.answered)
    }

    /// Redis' clock, never behind it: for what must not be late.
    pub(crate) fn redis_time_at_most(&self, now: Instant) -> Timestamp {
        self.redis_time(now, |last| last.sent)
    }

    fn redis_time(&self, now: Instant, taken_at: impl Fn(Accepted) -> Instant) -> Timestamp {
        self.last.map_or_else(Timestamp::default, |last| {
            let since = now.saturating_duration_since(taken_at(last));
            Timestamp::from_millis(last.redis_time.as_millis() + since.as_millis() as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FENCE: Duration = Duration::from_secs(3);

    fn beat(millis: u64) -> Beat {
        Beat { now: Timestamp::from_millis(millis), next_due: None, paused: false }
    }

    #[test]
    fn a_gap_fences_and_starts_a_new_row() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::default();
        assert!(pulse.is_fenced(start, FENCE));
        pulse.accepted(beat(0), at(0), at(0), FENCE);
        pulse.accepted(beat(1000), at(1), at(1), FENCE);
        assert_eq!(pulse.unbroken_since(at(2), FENCE), Some(at(0)));
        assert_eq!(pulse.unbroken_since(at(4), FENCE), None);
        pulse.accepted(beat(20_000), at(20), at(21), FENCE);
        assert_eq!(pulse.unbroken_since(at(21), FENCE), Some(at(21)));
    }

    #[test]
    fn what_was_leased_before_a_gap_is_not_sure_after_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::default();
        pulse.accepted(beat(0), at(0), at(0), FENCE);
        assert!(pulse.is_sure_of(at(1), at(2), FENCE));
        assert!(!pulse.is_sure_of(at(1), at(4), FENCE), "fenced");
        pulse.accepted(beat(20_000), at(20), at(20), FENCE);
        assert!(!pulse.is_sure_of(at(1), at(21), FENCE), "leased before the gap");
        assert!(pulse.is_sure_of(at(20), at(21), FENCE), "leased after it");
    }

    #[test]
    fn the_clock_of_redis_lies_between_the_two_guesses() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        pulse.accepted(beat(5000), start, start + Duration::from_millis(40), FENCE);
        let now = start + Duration::from_millis(100);
        assert_eq!(pulse.redis_time_at_least(now).as_millis(), 5060);
        assert_eq!(pulse.redis_time_at_most(now).as_millis(), 5100);
    }
}
