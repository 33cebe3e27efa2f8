//! One destination as the dispatcher sees it: how many requests are under way, how long they take, who stands in line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;

/// A job stands in line only where its turn comes within this time; a longer wait is waited in Redis.
pub(crate) const MAX_LINE_WAIT: Duration = Duration::from_millis(200);

/// A line that has kept a job for so long was promised too much: it is dissolved.
const MAX_TIME_IN_LINE: Duration = Duration::from_millis(400);

/// Longest that a job is sent back to wait for its destination's limit.
const MAX_DEFERRAL: Duration = Duration::from_secs(60);

/// Shortest: less would come back before anything has changed.
const MIN_DEFERRAL: Duration = Duration::from_millis(50);

/// Jobs of one destination that are remembered after they were sent away, the first of them: those behind come back by
/// themselves.
const MAX_SENT_AWAY: usize = 1_000;

/// What limits are kept by: user id and hook id, or the URL's origin for jobs without a hook.
pub(crate) fn key(job: &Job) -> Arc<str> {
    match (job.hook_key(), &job.to) {
        // Parted by what neither can hold: `u/a` + `b` and `u` + `a/b` are two hooks.
        (Some((user_id, hook_id)), _) => format!("{user_id}\n{hook_id}").into(),
        (None, Some(endpoint)) => endpoint.origin().into(),
        // Only an event has neither: there is no destination yet that could be slow.
        (None, None) => "events".into(),
    }
}

/// A job that left the stream to wait for its destination's limit: its id, and the entry that it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentAway {
    pub(crate) job_id: Box<str>,
    pub(crate) entry: EntryId,
}

/// In-flight count, pace and line of one destination.
#[derive(Debug)]
pub(crate) struct Destination<T> {
    in_flight: usize,
    sent_away: VecDeque<SentAway>,
    pace: Duration,
    line: VecDeque<(T, Instant)>,
    next_opening: Option<Instant>,
}

impl<T> Default for Destination<T> {
    fn default() -> Self {
        Self {
            in_flight: 0,
            sent_away: VecDeque::new(),
            pace: Duration::ZERO,
            line: VecDeque::new(),
            next_opening: None,
        }
    }
}

impl<T> Destination<T> {
    /// Requests under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Notes a request's start.
    pub(crate) fn start(&mut self) {
        self.in_flight += 1;
    }

    /// Notes a job's end, and how long its request took, if it made one. The pace follows quickly, both ways: a receiver that recovers gets its jobs soon.
    pub(crate) fn finish(&mut self, took: Option<Duration>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(took) = took {
            self.pace = (self.pace * 7 + took) / 8;
        }
    }

    /// A request that is still under way after so long tells of the pace as well.
    pub(crate) fn learn_from_running(&mut self, oldest: Duration) {
        self.pace = self.pace.max(oldest);
    }

    /// How long a job that lines up now would wait for its turn.
    pub(crate) fn expected_wait(&self, max_in_flight: usize) -> Duration {
        let ahead = u32::try_from(self.line.len() + 1).unwrap_or(u32::MAX);
        self.turn(max_in_flight).saturating_mul(ahead)
    }

    /// Time between two openings at the present pace.
    fn turn(&self, max_in_flight: usize) -> Duration {
        self.pace / u32::try_from(max_in_flight.max(1)).unwrap_or(u32::MAX)
    }

    /// Stands a job in line.
    pub(crate) fn line_up(&mut self, ticket: T, now: Instant) {
        self.line.push_back((ticket, now));
    }

    /// The next in line.
    pub(crate) fn next_in_line(&mut self) -> Option<T> {
        self.line.pop_front().map(|(ticket, _)| ticket)
    }

    /// Takes the whole line.
    pub(crate) fn take_line(&mut self) -> impl Iterator<Item = T> + use<'_, T> {
        self.line.drain(..).map(|(ticket, _)| ticket)
    }

    /// Takes the line apart where its first has waited too long; who has come of late stays.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<T> {
        let overdue = |since: &Instant| now.saturating_duration_since(*since) > MAX_TIME_IN_LINE;
        let until = self.line.iter().take_while(|(_, since)| overdue(since)).count();
        self.line.drain(..until).map(|(ticket, _)| ticket).collect()
    }

    /// When a job that is sent away should come back. Each gets an opening of its own, so that they don't come back as
    /// a herd, and in the order in which they went.
    pub(crate) fn next_opening(&mut self, max_in_flight: usize, now: Instant) -> Duration {
        let turn = self.turn(max_in_flight);
        let soonest = now + self.expected_wait(max_in_flight).max(MIN_DEFERRAL);
        let latest = now + MAX_DEFERRAL;
        let opening = self.next_opening.map_or(soonest, |last| (last + turn).max(soonest)).min(latest);
        self.next_opening = Some(opening);
        opening.saturating_duration_since(now)
    }

    /// Notes a job that was sent away; `false` where it is one too many.
    pub(crate) fn remember(&mut self, job: SentAway) -> bool {
        let has_room = self.sent_away.len() < MAX_SENT_AWAY;
        if has_room {
            self.sent_away.push_back(job);
        }
        has_room
    }

    /// Takes jobs that were sent away and could start now: where less than half of the limit is used, the pace has proven
    /// better than was thought.
    pub(crate) fn take_recalled(&mut self, max_in_flight: usize) -> Vec<SentAway> {
        let used = self.in_flight + self.line.len();
        if self.sent_away.is_empty() || used * 2 > max_in_flight {
            return Vec::new();
        }
        self.next_opening = None;
        // As many as it can take within a moment at its present pace, which a quick receiver has just shown.
        let turn = self.turn(max_in_flight).max(Duration::from_micros(100));
        let at_this_pace = (MAX_LINE_WAIT.as_micros() / turn.as_micros()) as usize;
        let room = (max_in_flight - used).max(at_this_pace).min(self.sent_away.len());
        self.sent_away.drain(..room).collect()
    }

    /// Takes all jobs that were sent away.
    pub(crate) fn take_sent_away(&mut self) -> impl Iterator<Item = SentAway> + use<'_, T> {
        self.sent_away.drain(..)
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.line.is_empty() && self.sent_away.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_come_one_after_another_up_to_a_limit() {
        let now = Instant::now();
        let mut destination: Destination<u32> = Destination::default();
        destination.learn_from_running(Duration::from_secs(8));
        let waits: Vec<_> = (0..4).map(|_| destination.next_opening(4, now).as_secs()).collect();
        assert_eq!(waits, [2, 4, 6, 8]);
        let last = (0..1000).map(|_| destination.next_opening(4, now)).last().unwrap();
        assert_eq!(last, MAX_DEFERRAL);
    }

    #[test]
    fn a_line_that_stands_still_is_dissolved() {
        let now = Instant::now();
        let mut destination: Destination<u32> = Destination::default();
        destination.line_up(1, now);
        destination.line_up(2, now + MAX_TIME_IN_LINE);
        let later = now + MAX_TIME_IN_LINE + Duration::from_millis(1);
        assert_eq!(destination.take_overdue(later), [1]);
        assert_eq!(destination.next_in_line(), Some(2));
    }

    #[test]
    fn jobs_that_were_sent_away_are_recalled_in_order_when_there_is_room() {
        let mut destination: Destination<u32> = Destination::default();
        for number in 0..5 {
            let entry = EntryId { millis: number, sequence: 0 };
            assert!(destination.remember(SentAway { job_id: format!("j{number}").into(), entry }));
        }
        (0..4).for_each(|_| destination.start());
        assert!(destination.take_recalled(4).is_empty());
        (0..3).for_each(|_| destination.finish(Some(Duration::from_secs(80))));
        let recalled = destination.take_recalled(4);
        assert_eq!(recalled.iter().map(|job| &*job.job_id).collect::<Vec<_>>(), ["j0", "j1", "j2"]);
        assert_eq!(destination.take_sent_away().count(), 2);
    }

    #[test]
    fn a_quick_destination_has_a_short_wait() {
        let mut destination: Destination<u32> = Destination::default();
        destination.start();
        destination.finish(Some(Duration::from_millis(8)));
        assert!(destination.expected_wait(1) <= Duration::from_millis(1));
        assert!(destination.is_idle());
    }
}
