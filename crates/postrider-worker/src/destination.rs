//! One destination as the dispatcher sees it: how much it may get now, how long its requests take, who stands in line.

mod answer;
mod away;
mod breaker;
mod limiter;
mod rate;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::job::Job;

pub(crate) use self::answer::{Answer, End, Limits, Permit};
pub(crate) use self::away::{SentAway, take_where};
pub(crate) use self::breaker::Change;
use self::breaker::{Breaker, State};
use self::limiter::Limiter;
use self::rate::Rate;
pub(crate) use self::view::{DestinationView, name};

/// A job stands in line only where its turn comes within this time; a longer wait is waited in Redis.
pub(crate) const MAX_LINE_WAIT: Duration = Duration::from_millis(200);

/// A line that has kept a job for so long was promised too much: it is dissolved.
const MAX_TIME_IN_LINE: Duration = Duration::from_millis(400);

/// Longest that a job is sent back to wait for its destination's limit.
const MAX_DEFERRAL: Duration = Duration::from_secs(60);

/// Shortest: less would come back before anything has changed.
const MIN_DEFERRAL: Duration = Duration::from_millis(50);

/// Between two jobs that come back to a tripped destination, whose pace says nothing.
const MIN_TURN_WHILE_TRIPPED: Duration = Duration::from_millis(10);

/// A destination that has let a request wait for so long, three times longer than usual, and answered nothing meanwhile, is
/// silent.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// A destination that nothing says answers, and that has let a request wait for so long, gets a few requests at a time: as many as
/// show whether it does.
const UNPROVEN_AFTER: Duration = Duration::from_millis(200);

/// So many.
const MAX_UNPROVEN: usize = 4;

/// Parts user id and hook id in a key. Neither can hold it: `u/a` + `b` and `u` + `a/b` are two hooks.
const HOOK_PARTING: char = '\n';

/// What limits are kept by: user id and hook id, or the URL's origin for jobs without a hook.
pub(crate) fn key(job: &Job) -> Arc<str> {
    match (job.hook_key(), &job.to) {
        (Some((user_id, hook_id)), _) => format!("{user_id}{HOOK_PARTING}{hook_id}").into(),
        (None, Some(endpoint)) => endpoint.origin().into(),
        // Only an event has neither: there is no destination yet that could be slow.
        (None, None) => "events".into(),
    }
}

/// What one destination gets, and what it has shown.
#[derive(Debug)]
pub(crate) struct Destination<T> {
    in_flight: usize,
    /// Bytes of the jobs whose requests are under way.
    bytes: usize,
    line: VecDeque<(T, Instant)>,
    sent_away: VecDeque<SentAway>,
    /// Time of an attempt, smoothed.
    pace: Duration,
    /// How long the oldest request has waited, where nothing was answered since.
    stall: Duration,
    next_opening: Option<Instant>,
    /// The same for jobs that its breaker has held up for as long as it may.
    next_late_opening: Option<Instant>,
    /// Its hook's own limits, if any.
    own: Option<Limits>,
    /// Whether its hook was looked up, where there is one.
    knows_own: bool,
    limiter: Limiter,
    breaker: Breaker,
    rate: Rate,
    last_answer: Option<Instant>,
    /// It lets requests wait and answers none.
    is_silent: bool,
    last_failure: Option<Box<str>>,
}

impl<T> Destination<T> {
    /// One that nothing is known of.
    pub(crate) fn new(key: &str) -> Self {
        Self {
            in_flight: 0,
            bytes: 0,
            line: VecDeque::new(),
            sent_away: VecDeque::new(),
            pace: Duration::ZERO,
            stall: Duration::ZERO,
            next_opening: None,
            next_late_opening: None,
            own: None,
            knows_own: !key.contains(HOOK_PARTING),
            limiter: Limiter::default(),
            breaker: Breaker::default(),
            rate: Rate::default(),
            last_answer: None,
            is_silent: false,
            last_failure: None,
        }
    }

    /// Whether one more request may start. `is_overdue` is for a job that a breaker has held up long enough.
    pub(crate) fn permit(&self, limits: Limits, is_overdue: bool, now: Instant) -> Permit {
        let is_left_alone = match self.breaker.state() {
            State::Flowing => false,
            State::Probing { .. } => self.in_flight > 0,
            State::Tripped { until } => self.in_flight > 0 || now < until,
        };
        if is_left_alone && !is_overdue {
            return Permit::Tripped;
        }
        let limits = self.limits(limits);
        // What its hook says is known as soon as the first job has looked it up.
        let is_first_look = !self.knows_own && self.in_flight > 0;
        if is_first_look || self.in_flight >= self.limit(limits) {
            return Permit::InLine;
        }
        match limits.rate.map(|rate| self.rate.wait(rate, now)) {
            Some(wait) if !wait.is_zero() => Permit::After(wait),
            _ => Permit::Granted,
        }
    }

    /// Whether a job of that size fits beside those under way; one always does.
    pub(crate) fn has_room_for(&self, bytes: usize, max_bytes: usize) -> bool {
        self.in_flight == 0 || self.bytes.saturating_add(bytes) <= max_bytes
    }

    /// The smaller of what holds for all and what its hook says.
    fn limits(&self, all: Limits) -> Limits {
        let Some(own) = self.own else { return all };
        let rate = match (all.rate, own.rate) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Limits { max_in_flight: all.max_in_flight.min(own.max_in_flight), rate }
    }

    /// Requests that it gets at a time, as things are.
    fn limit(&self, limits: Limits) -> usize {
        if !self.is_flowing() {
            return 1;
        }
        let limit = self.limiter.limit(limits.max_in_flight);
        let is_unproven = self.is_stranger() && self.stall >= UNPROVEN_AFTER;
        if is_unproven { limit.min(MAX_UNPROVEN) } else { limit }
    }

    /// Whether nothing says that it answers: it never has, or it is silent.
    pub(crate) fn is_stranger(&self) -> bool {
        self.last_answer.is_none() || self.is_silent
    }

    /// Notes what its hook says, if anything; `true` where that wasn't known.
    pub(crate) fn learn_limits(&mut self, own: Option<Limits>) -> bool {
        let is_news = !self.knows_own || self.own != own;
        (self.own, self.knows_own) = (own, true);
        is_news
    }

    /// Notes a request's start.
    pub(crate) fn start(&mut self, bytes: usize, limits: Limits, now: Instant) {
        self.in_flight += 1;
        self.bytes += bytes;
        self.breaker.start(now);
        if let Some(rate) = self.limits(limits).rate {
            self.rate.start(rate, now);
        }
    }

    /// Notes the end of a job that was started then. The pace follows quickly, both ways: a receiver that recovers gets its jobs soon.
    pub(crate) fn finish(&mut self, end: End, limits: Limits, now: Instant) -> Option<Change> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(end.bytes);
        if end.answer == Answer::None {
            self.breaker.unmade(now);
            return None;
        }
        self.pace = (self.pace * 7 + now.saturating_duration_since(end.started)) / 8;
        let is_overload = matches!(end.answer, Answer::Overloaded(_) | Answer::Silence(_));
        if is_overload {
            self.limiter.shrink(end.started, now, self.limits(limits).max_in_flight);
        }
        if !matches!(end.answer, Answer::Silence(_)) {
            self.last_answer = Some(now);
            self.is_silent = false;
            self.stall = Duration::ZERO;
        }
        match end.answer {
            Answer::Failed(why) | Answer::Overloaded(why) | Answer::Silence(why) => {
                self.last_failure = Some(why);
                self.breaker.fail(end.started, now, end.roll)
            }
            Answer::None | Answer::Works => self.note_success(now),
        }
    }

    fn note_success(&mut self, now: Instant) -> Option<Change> {
        let change = self.breaker.succeed(now);
        match change {
            Some(_) => self.limiter.restart(),
            None => self.limiter.grow(),
        }
        change
    }

    /// A request that is still under way tells something as well: of the pace, and whether anybody is there at all.
    pub(crate) fn learn_from_running(&mut self, oldest: Instant, now: Instant) {
        let age = now.saturating_duration_since(oldest);
        let has_answered = self.last_answer.is_some_and(|answer| answer >= oldest);
        if !has_answered {
            self.stall = age;
            self.is_silent |= age >= SILENT_AFTER.max(self.pace * 3);
        }
    }

    /// How long a job that lines up now would wait for its turn.
    pub(crate) fn expected_wait(&self, limits: Limits, now: Instant) -> Duration {
        let ahead = u32::try_from(self.line.len() + 1).unwrap_or(u32::MAX);
        let for_rate = self.limits(limits).rate.map_or(Duration::ZERO, |rate| {
            self.rate.wait(rate, now) + rate::interval(rate).saturating_mul(ahead - 1)
        });
        self.turn_at_pace(limits).saturating_mul(ahead).max(for_rate)
    }

    fn turn_at_pace(&self, limits: Limits) -> Duration {
        let limit = self.limit(self.limits(limits));
        self.pace.max(self.stall) / u32::try_from(limit).unwrap_or(u32::MAX)
    }

    /// Time between two openings.
    fn turn(&self, limits: Limits) -> Duration {
        let at_rate = self.limits(limits).rate.map_or(Duration::ZERO, rate::interval);
        let at_least = if self.is_flowing() { Duration::ZERO } else { MIN_TURN_WHILE_TRIPPED };
        self.turn_at_pace(limits).max(at_rate).max(at_least)
    }

    fn is_flowing(&self) -> bool {
        self.breaker.state() == State::Flowing
    }

    /// Stands a job in line.
    pub(crate) fn line_up(&mut self, ticket: T, now: Instant) {
        self.line.push_back((ticket, now));
    }

    /// The next in line.
    pub(crate) fn first_in_line(&self) -> Option<&T> {
        self.line.front().map(|(ticket, _)| ticket)
    }

    /// Takes the next in line.
    pub(crate) fn next_in_line(&mut self) -> Option<T> {
        self.line.pop_front().map(|(ticket, _)| ticket)
    }

    /// When the first in line may go for all that the rate says; `None` where no rate holds it.
    pub(crate) fn rate_opens(&self, limits: Limits, now: Instant) -> Option<Instant> {
        let rate = self.limits(limits).rate.filter(|_| !self.line.is_empty())?;
        Some(self.rate.wait(rate, now)).filter(|wait| !wait.is_zero()).map(|wait| now + wait)
    }

    /// Takes those out of the line that are asked for.
    pub(crate) fn take_from_line(&mut self, is_asked_for: impl Fn(&T) -> bool) -> Vec<T> {
        let taken = take_where(&mut self.line, usize::MAX, |(ticket, _)| is_asked_for(ticket));
        taken.into_iter().map(|(ticket, _)| ticket).collect()
    }

    /// Takes the line apart where its first has waited too long, and from where on it would: requests that nobody answers tell so
    /// before anyone has waited. Who has come of late stays otherwise.
    pub(crate) fn take_overdue(&mut self, limits: Limits, now: Instant) -> Vec<T> {
        let overdue = |since: &Instant| now.saturating_duration_since(*since) > MAX_TIME_IN_LINE;
        let until = self.line.iter().take_while(|(_, since)| overdue(since)).count();
        let mut taken: Vec<T> = self.line.drain(..until).map(|(ticket, _)| ticket).collect();
        if self.stall > MAX_LINE_WAIT / 2 {
            let turn = self.turn_at_pace(limits).max(Duration::from_nanos(1));
            let soon = (MAX_LINE_WAIT.as_nanos() / turn.as_nanos()) as usize;
            let later = self.line.drain(soon.min(self.line.len())..);
            taken.extend(later.map(|(ticket, _)| ticket));
        }
        taken
    }

    /// When a job that is sent away should come back. Each gets an opening of its own, so that they don't come back as
    /// a herd, and in the order in which they went; but none is held up by a breaker beyond its patience.
    pub(crate) fn next_opening(&mut self, limits: Limits, patience: Duration, now: Instant) -> Duration {
        let turn = self.turn(limits);
        let at_pace = now + self.expected_wait(limits, now).max(MIN_DEFERRAL);
        let (last, soonest, latest) = match self.breaker.state() {
            State::Flowing => (&mut self.next_opening, at_pace, MAX_DEFERRAL),
            _ if patience.is_zero() => (&mut self.next_late_opening, at_pace, MAX_DEFERRAL),
            State::Probing { .. } => (&mut self.next_opening, at_pace, patience.min(MAX_DEFERRAL)),
            State::Tripped { until } => {
                (&mut self.next_opening, at_pace.max(until), patience.min(MAX_DEFERRAL))
            }
        };
        let opening = last.map_or(soonest, |last| (last + turn).max(soonest));
        *last = Some(opening.min(now + MAX_DEFERRAL));
        opening.saturating_duration_since(now).min(latest)
    }

    /// Forgets what it has shown: someone knows that it works now.
    pub(crate) fn reset(&mut self) {
        self.limiter = Limiter::default();
        self.breaker = Breaker::default();
        self.last_failure = None;
        (self.next_opening, self.next_late_opening) = (None, None);
        self.is_silent = false;
        (self.pace, self.stall) = (Duration::ZERO, Duration::ZERO);
    }

    /// Whether no job depends on it.
    pub(crate) fn is_unused(&self) -> bool {
        self.in_flight == 0 && self.line.is_empty() && self.sent_away.is_empty()
    }

    /// Whether it can be forgotten, and will be the same when it comes back.
    pub(crate) fn is_idle(&self, limits: Limits, now: Instant) -> bool {
        let ceiling = self.limits(limits).max_in_flight;
        self.is_unused()
            && self.breaker.failures_in_a_row() == 0
            && self.is_flowing()
            && !self.limiter.is_reduced(ceiling)
            && self.rate.is_rested(now)
    }
}

#[cfg(test)]
mod tests;
