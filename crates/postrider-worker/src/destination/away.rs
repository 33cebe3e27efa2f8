//! Jobs that were sent away to wait for their destination's limit, and called back when there is room.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Destination, Limits, MAX_LINE_WAIT};
use crate::dispatcher::LeaseId;

/// Jobs of one destination that are remembered after they were sent away, the first of them: those behind come back by
/// themselves.
pub(super) const MAX_SENT_AWAY: usize = 1_000;

/// A job that left the stream to wait for its destination's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentAway {
    pub(crate) job_id: Box<str>,
    /// The lease that it was.
    pub(crate) id: LeaseId,
    /// When it comes back by itself.
    pub(crate) back_at: Instant,
}

impl<T> Destination<T> {
    /// Notes a job that was sent away, unless it is one too many.
    pub(crate) fn remember(&mut self, job: SentAway, now: Instant) {
        if self.sent_away.len() >= MAX_SENT_AWAY {
            self.forget_those_that_are_back(now);
        }
        if self.sent_away.len() < MAX_SENT_AWAY {
            self.sent_away.push_back(job);
        }
    }

    /// They came back in the order in which they went, but for a few.
    pub(crate) fn forget_those_that_are_back(&mut self, now: Instant) {
        while self.sent_away.front().is_some_and(|job| job.back_at <= now) {
            self.sent_away.pop_front();
        }
    }

    /// Jobs that are remembered as sent away.
    pub(crate) fn remembered(&self) -> usize {
        self.sent_away.len()
    }

    /// Takes jobs that were sent away and could start now: where less than half of the limit is used, the pace has proven
    /// better than was thought.
    pub(crate) fn take_recalled(&mut self, queue: u16, limits: Limits, now: Instant) -> Vec<SentAway> {
        self.forget_those_that_are_back(now);
        let limit = self.limit(self.limits(limits));
        let used = self.in_flight + self.line.len();
        if self.sent_away.is_empty() || !self.is_flowing() || used * 2 > limit {
            return Vec::new();
        }
        if self.limits(limits).rate.is_some_and(|rate| self.rate.wait(rate, now) > MAX_LINE_WAIT) {
            return Vec::new();
        }
        self.next_opening = None;
        self.next_late_opening = None;
        // As many as it can take within a moment at its present pace, which a quick receiver has just shown.
        let turn = self.turn(limits).max(Duration::from_micros(100));
        let at_this_pace = (MAX_LINE_WAIT.as_micros() / turn.as_micros()) as usize;
        let at_once = if self.limits(limits).rate.is_some() { 1 } else { limit - used };
        let room = at_once.max(at_this_pace).min(self.sent_away.len());
        take_where(&mut self.sent_away, room, |job| job.id.queue == queue)
    }

    /// Takes all jobs of a queue that were sent away.
    pub(crate) fn take_sent_away(&mut self, queue: u16) -> Vec<SentAway> {
        take_where(&mut self.sent_away, usize::MAX, |job| job.id.queue == queue)
    }
}

/// Takes the first of those that are asked for, at most so many; the others stay in their order.
pub(crate) fn take_where<T>(
    from: &mut VecDeque<T>,
    most: usize,
    is_asked_for: impl Fn(&T) -> bool,
) -> Vec<T> {
    let mut taken = Vec::new();
    for item in std::mem::take(from) {
        if taken.len() < most && is_asked_for(&item) {
            taken.push(item);
        } else {
            from.push_back(item);
        }
    }
    taken
}
