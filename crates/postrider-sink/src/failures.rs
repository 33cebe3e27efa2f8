//! Which requests are to fail: the first few of every event. Owns the memory of events seen; never answers by itself.

use std::collections::{HashMap, VecDeque};

/// Events remembered at once; the oldest is forgotten first. At 128 bytes an id this is about 20 MB, and far more
/// events than a try-out has in flight.
const MAX_EVENTS: usize = 100_000;

/// Counts the attempts of each event.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    seen: HashMap<String, u64>,
    oldest_first: VecDeque<String>,
}

impl Failures {
    /// Counts one more attempt of `event`, and says whether it is among its first `fail_first`.
    pub(crate) fn strikes(&mut self, event: &str, fail_first: u64) -> bool {
        if let Some(count) = self.seen.get_mut(event) {
            *count = count.saturating_add(1);
            return *count <= fail_first;
        }
        self.remember(event);
        fail_first > 0
    }

    fn remember(&mut self, event: &str) {
        if self.oldest_first.len() >= MAX_EVENTS
            && let Some(forgotten) = self.oldest_first.pop_front()
        {
            self.seen.remove(&forgotten);
        }
        self.seen.insert(event.to_owned(), 1);
        self.oldest_first.push_back(event.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempts_of_every_event_fail_and_later_ones_do_not() {
        let mut failures = Failures::default();
        let answers: Vec<bool> =
            ["a", "a", "b", "a", "b", "b"].iter().map(|event| failures.strikes(event, 2)).collect();
        assert_eq!(answers, [true, true, true, false, true, false]);
    }

    #[test]
    fn no_event_fails_when_none_is_asked_for() {
        assert!(!Failures::default().strikes("a", 0));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut failures = Failures::default();
        for number in 0..=MAX_EVENTS {
            failures.strikes(&number.to_string(), 1);
        }
        assert_eq!(failures.seen.len(), MAX_EVENTS);
        assert!(failures.strikes("0", 1), "the oldest counts as new again");
        assert!(!failures.strikes(&MAX_EVENTS.to_string(), 1));
    }
}
