//! What the receiver has seen. No I/O, no clock.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Most samples that are kept: beyond any plan of a run.
const MAX_SAMPLES: usize = 2_000_000;

/// What the receiver tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Requests that were answered with success; of numbered ones each number once.
    pub(crate) delivered: u64,
    /// Numbered requests that came again after they had been delivered.
    pub(crate) repeated: u64,
    /// Requests that were left without an answer.
    pub(crate) held: u64,
    /// When the first delivered one came, epoch µs; 0 where none came.
    pub(crate) first_us: u64,
    /// When the last one that counts as delivered came, epoch µs.
    pub(crate) last_us: u64,
    /// By route: µs from sending to arrival, or from the refusal to the next request.
    pub(crate) samples: Vec<u64>,
}

/// A count to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// So many deliveries.
    Delivered(u64),
    /// So many requests without an answer.
    Held(u64),
}

/// The receiver's memory.
#[derive(Debug, Default)]
pub(crate) struct Book {
    seen: Seen,
    numbers: HashMap<u64, Stage>,
    waiting: Vec<(Goal, Arc<Notify>)>,
}

/// How far a numbered request has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Refused or held at this time.
    First {
        at: u64,
    },
    Delivered,
}

impl Book {
    /// A request that is accepted as it comes.
    pub(crate) fn delivered(&mut self, now: u64) {
        if self.seen.delivered == 0 {
            self.seen.first_us = now;
        }
        self.seen.delivered += 1;
        self.seen.last_us = now;
        self.tell_waiting();
    }

    /// Likewise, with a measurement.
    pub(crate) fn sampled(&mut self, now: u64, sample: u64) {
        if self.seen.samples.len() < MAX_SAMPLES {
            self.seen.samples.push(sample);
        }
        self.delivered(now);
    }

    /// Whether it is the first request of this number, which is refused; of the second the wait between is a sample.
    pub(crate) fn refused_once(&mut self, now: u64, number: u64) -> bool {
        match self.numbers.insert(number, Stage::Delivered) {
            None => {
                self.numbers.insert(number, Stage::First { at: now });
                return true;
            }
            Some(Stage::First { at }) => self.sampled(now, now.saturating_sub(at)),
            Some(Stage::Delivered) => self.seen.repeated += 1,
        }
        false
    }

    /// Whether it is the first request of this number, which is held.
    pub(crate) fn held_once(&mut self, now: u64, number: u64) -> bool {
        match self.numbers.insert(number, Stage::Delivered) {
            None => {
                self.numbers.insert(number, Stage::First { at: now });
                self.seen.held += 1;
                self.tell_waiting();
                return true;
            }
            Some(Stage::First { .. }) => self.delivered(now),
            Some(Stage::Delivered) => self.seen.repeated += 1,
        }
        false
    }

    /// A request that never gets an answer.
    pub(crate) fn hung(&mut self) {
        self.seen.held += 1;
        self.tell_waiting();
    }

    /// Notified once the goal is reached, also where it is already.
    pub(crate) fn reached(&mut self, goal: Goal) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.waiting.push((goal, notify.clone()));
        self.tell_waiting();
        notify
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    fn tell_waiting(&mut self) {
        let (delivered, held) = (self.seen.delivered, self.seen.held);
        self.waiting.retain(|(goal, notify)| {
            let reached = match goal {
                Goal::Delivered(count) => delivered >= *count,
                Goal::Held(count) => held >= *count,
            };
            if reached {
                notify.notify_one();
            }
            !reached
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_number_is_sampled_when_it_comes_again_and_counted_once() {
        let mut book = Book::default();
        assert!(book.refused_once(1_000, 7));
        assert!(!book.refused_once(501_000, 7));
        assert!(!book.refused_once(502_000, 7));
        let seen = book.seen();
        assert_eq!((seen.delivered, seen.repeated, seen.samples), (1, 1, vec![500_000]));
        assert_eq!((seen.first_us, seen.last_us), (501_000, 501_000));
    }

    #[test]
    fn a_held_number_is_delivered_by_its_second_request() {
        let mut book = Book::default();
        assert!(book.held_once(1, 1) && book.held_once(2, 2));
        assert!(!book.held_once(3, 1));
        let seen = book.seen();
        assert_eq!((seen.held, seen.delivered), (2, 1));
    }

    #[tokio::test]
    async fn who_waits_is_told_when_the_count_is_reached() {
        let mut book = Book::default();
        let reached = book.reached(Goal::Delivered(2));
        book.delivered(1);
        assert_eq!(book.waiting.len(), 1);
        book.delivered(2);
        reached.notified().await;
        book.reached(Goal::Held(0)).notified().await;
    }
}
