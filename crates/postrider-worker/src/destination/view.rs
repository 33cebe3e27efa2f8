//! What operators are shown of a destination.

use std::time::Instant;

use serde_json::{Value, json};

use super::breaker::State;
use super::{Destination, HOOK_PARTING, Limits};

/// One destination in one worker, as it is at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DestinationView {
    /// `<userId>/<hookId>`, or the URL's origin for jobs without a hook.
    pub(crate) name: String,
    /// `flowing`, `tripped` or `probing`.
    pub(crate) state: &'static str,
    /// An operator has paused it.
    pub(crate) is_paused: bool,
    /// Requests under way.
    pub(crate) in_flight: usize,
    /// Requests that it gets at a time, as things are.
    pub(crate) limit: usize,
    /// Requests that it gets at a time when all is well.
    pub(crate) max_in_flight: usize,
    /// Requests a second that it gets, if limited.
    pub(crate) rate: Option<f64>,
    /// Jobs that stand in line here.
    pub(crate) in_line: usize,
    /// Jobs that were sent back to wait, as far as they are remembered.
    pub(crate) deferred: usize,
    /// It lets requests wait and answers none.
    pub(crate) is_silent: bool,
    /// Failures since the last success.
    pub(crate) failures_in_a_row: u32,
    /// The last failure in a few words.
    pub(crate) last_failure: Option<Box<str>>,
    /// Until it is tried again, in milliseconds, where it is tripped.
    pub(crate) tried_in_ms: Option<u64>,
}

impl DestinationView {
    /// One that is paused, and for which there is nothing here.
    pub(crate) fn of_idle(name: &str, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            state: "flowing",
            is_paused: true,
            in_flight: 0,
            limit: limits.max_in_flight,
            max_in_flight: limits.max_in_flight,
            rate: limits.rate,
            in_line: 0,
            deferred: 0,
            is_silent: false,
            failures_in_a_row: 0,
            last_failure: None,
            tried_in_ms: None,
        }
    }

    /// As workers tell it; `postrider destinations` reads it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "destination": self.name,
            "state": self.state,
            "paused": self.is_paused,
            "inFlight": self.in_flight,
            "limit": self.limit,
            "maxInFlight": self.max_in_flight,
            "rate": self.rate,
            "inLine": self.in_line,
            "deferred": self.deferred,
            "silent": self.is_silent,
            "failuresInARow": self.failures_in_a_row,
            "lastFailure": self.last_failure,
            "triedInMs": self.tried_in_ms,
        })
    }
}

impl<T> Destination<T> {
    /// As operators see it.
    pub(crate) fn view(&self, key: &str, all: Limits, now: Instant) -> DestinationView {
        let limits = self.limits(all);
        let (state, until) = match self.breaker.state() {
            State::Flowing => ("flowing", None),
            State::Tripped { until } => ("tripped", Some(until)),
            State::Probing { .. } => ("probing", None),
        };
        DestinationView {
            name: name(key),
            state,
            is_paused: false,
            in_flight: self.in_flight,
            limit: self.limit(limits),
            max_in_flight: limits.max_in_flight,
            rate: limits.rate,
            in_line: self.line.len(),
            deferred: self.sent_away.len(),
            is_silent: self.is_silent,
            failures_in_a_row: self.breaker.failures_in_a_row(),
            last_failure: self.last_failure.clone(),
            tried_in_ms: until.map(|until| until.saturating_duration_since(now).as_millis() as u64),
        }
    }

    /// Whether there is something to say of it.
    pub(crate) fn is_of_interest(&self, all: Limits, now: Instant) -> bool {
        !self.is_idle(all, now)
    }

    /// Whether it gets less than it might.
    pub(crate) fn is_held_back(&self, all: Limits) -> bool {
        self.limit(self.limits(all)) < self.limits(all).max_in_flight
    }
}

/// What operators call a destination.
pub(crate) fn name(key: &str) -> String {
    key.replace(HOOK_PARTING, "/")
}
