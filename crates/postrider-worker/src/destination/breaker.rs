//! Whether a destination gets anything at all. One that only fails is left alone for a while, then tried with one request.

use std::time::{Duration, Instant};

/// Failures in a row that trip it: more than all attempts of one job by default, so that a single job never does.
const TRIPS_AFTER: u32 = 20;

/// A destination that has failed for less is given the benefit of the doubt: it may be a burst, or a restart.
const FAILING_FOR: Duration = Duration::from_secs(5);

/// The window in which the share of failures is looked at.
const WINDOW: Duration = Duration::from_secs(10);

/// Fewest answers in a window whose share tells anything.
const FEWEST_ANSWERS: u32 = 40;

/// Share of failures in a window that trips it: three in four.
const TRIPPING_SHARE: (u32, u32) = (3, 4);

/// How long it is left alone at first; twice as long after each probe that fails.
const FIRST_COOLDOWN: Duration = Duration::from_secs(1);

/// At most.
const MAX_COOLDOWN: Duration = Duration::from_secs(60);

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything.
    Flowing,
    /// Nothing until then.
    Tripped {
        /// When it may be tried again.
        until: Instant,
    },
    /// One request that shows whether it works again.
    Probing {
        /// When that began.
        since: Instant,
    },
}

/// What came of a breaker's news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It has tripped, the first time since it flowed.
    Tripped,
    /// It flows again.
    Flows,
}

/// The breaker of one destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breaker {
    state: State,
    failures_in_a_row: u32,
    /// When the first of them was.
    failing_since: Option<Instant>,
    window: Window,
    cooldown: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: Option<Instant>,
    answers: u32,
    failures: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Flowing,
            failures_in_a_row: 0,
            failing_since: None,
            window: Window::default(),
            cooldown: FIRST_COOLDOWN,
        }
    }
}

impl Breaker {
    /// What it lets through; one whose time is over is still `Tripped` until a request is started.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// How many failures came since the last success.
    pub(crate) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// Notes that a request starts: where it is tripped, that is the probe.
    pub(crate) fn start(&mut self, now: Instant) {
        if matches!(self.state, State::Tripped { .. }) {
            self.state = State::Probing { since: now };
        }
    }

    /// Notes that a request came to nothing before the receiver saw it: the next one probes.
    pub(crate) fn unmade(&mut self, now: Instant) {
        if matches!(self.state, State::Probing { .. }) {
            self.state = State::Tripped { until: now };
        }
    }

    /// Notes an answer that shows the receiver at work.
    pub(crate) fn succeed(&mut self, now: Instant) -> Option<Change> {
        (self.failures_in_a_row, self.failing_since) = (0, None);
        self.window.note(false, now);
        if self.state == State::Flowing {
            return None;
        }
        *self = Self::default();
        Some(Change::Flows)
    }

    /// Notes a failure of a request that was started then. `roll`, in [0, 1), lengthens the wait by up to a tenth, so that
    /// the workers don't probe together.
    pub(crate) fn fail(&mut self, started: Instant, now: Instant, roll: f64) -> Option<Change> {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let since = *self.failing_since.get_or_insert(started);
        let fails_always =
            self.failures_in_a_row >= TRIPS_AFTER && now.saturating_duration_since(since) >= FAILING_FOR;
        self.window.note(true, now);
        match self.state {
            State::Flowing if fails_always || self.window.is_bad(now) => {
                self.trip(now, roll);
                Some(Change::Tripped)
            }
            State::Probing { since } if started >= since => {
                self.cooldown = (self.cooldown * 2).min(MAX_COOLDOWN);
                self.trip(now, roll);
                None
            }
            // What was under way when it tripped says nothing new.
            _ => None,
        }
    }

    fn trip(&mut self, now: Instant, roll: f64) {
        self.state = State::Tripped { until: now + self.cooldown.mul_f64(1.0 + roll.clamp(0.0, 1.0) / 10.0) };
        self.window = Window::default();
    }
}

impl Window {
    fn note(&mut self, is_failure: bool, now: Instant) {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) > WINDOW) {
            *self = Self { began: Some(now), ..Self::default() };
        }
        self.answers += 1;
        self.failures += u32::from(is_failure);
    }

    fn is_bad(&self, now: Instant) -> bool {
        let (part, whole) = TRIPPING_SHARE;
        let lasts = self.began.is_some_and(|began| now.saturating_duration_since(began) >= FAILING_FOR);
        lasts && self.answers >= FEWEST_ANSWERS && self.failures * whole >= self.answers * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has failed so often until then, for long enough.
    fn failed(times: u32, now: Instant) -> Breaker {
        let mut breaker = Breaker { failing_since: Some(now - FAILING_FOR), ..Breaker::default() };
        for _ in 0..times {
            breaker.fail(now, now, 0.0);
        }
        breaker
    }

    #[test]
    fn a_burst_of_failures_trips_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..1_000 {
            breaker.fail(now, now + Duration::from_secs(4), 0.0);
        }
        assert_eq!(breaker.state(), State::Flowing);
        breaker.fail(now, now + FAILING_FOR, 0.0);
        assert_ne!(breaker.state(), State::Flowing);
    }

    #[test]
    fn failures_in_a_row_trip_it_and_one_success_among_them_does_not_let_it() {
        let now = Instant::now();
        assert_eq!(failed(TRIPS_AFTER - 1, now).state(), State::Flowing);
        assert_eq!(failed(TRIPS_AFTER, now).state(), State::Tripped { until: now + FIRST_COOLDOWN });
        let mut breaker = failed(TRIPS_AFTER - 1, now);
        breaker.succeed(now);
        breaker.fail(now, now, 0.0);
        assert_eq!(breaker.state(), State::Flowing);
    }

    #[test]
    fn three_failures_in_four_trip_it_and_half_do_not() {
        let start = Instant::now();
        let after = |failing: u32| {
            let mut breaker = Breaker::default();
            for nth in 0..400 {
                let now = start + Duration::from_millis(20) * nth;
                let _ = if nth % 4 < failing { breaker.fail(now, now, 0.0) } else { breaker.succeed(now) };
                if breaker.state() != State::Flowing {
                    return "tripped";
                }
            }
            "flows"
        };
        assert_eq!((after(2), after(3)), ("flows", "tripped"));
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_a_minute() {
        let mut now = Instant::now();
        let mut breaker = failed(TRIPS_AFTER, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let State::Tripped { until } = breaker.state() else { panic!("{breaker:?}") };
            waits.push((until - now).as_secs());
            now = until;
            breaker.start(now);
            assert_eq!(breaker.fail(now, now, 0.0), None, "it is no news that it fails");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn what_was_under_way_when_it_tripped_does_not_end_the_probe() {
        let start = Instant::now();
        let mut breaker = failed(TRIPS_AFTER, start);
        let probed = start + Duration::from_secs(2);
        breaker.start(probed);
        breaker.fail(start, probed + Duration::from_secs(1), 0.0);
        assert_eq!(breaker.state(), State::Probing { since: probed });
        assert_eq!(breaker.succeed(probed), Some(Change::Flows));
        assert_eq!(breaker.state(), State::Flowing);
    }

    #[test]
    fn a_probe_that_never_reached_the_receiver_is_made_again() {
        let now = Instant::now();
        let mut breaker = failed(TRIPS_AFTER, now);
        breaker.start(now);
        breaker.unmade(now);
        assert_eq!(breaker.state(), State::Tripped { until: now });
    }
}
