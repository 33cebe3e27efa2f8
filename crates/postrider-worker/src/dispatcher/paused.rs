//! Destinations that an operator has paused: nothing of theirs is kept here, and nothing started.

use std::collections::HashSet;
use std::time::Duration;

use super::{Dispatcher, Placement, Ticket};
use crate::destination;

/// How long a job of a paused destination leaves the stream. It is called back when the pause ends; one that isn't remembered
/// comes by itself.
const PAUSED_WAIT: Duration = Duration::from_secs(60);

/// The names of paused destinations, by queue.
#[derive(Debug)]
pub(super) struct Paused(Vec<HashSet<Box<str>>>);

impl Paused {
    /// None, of so many queues.
    pub(super) fn none(queues: usize) -> Self {
        Self(vec![HashSet::new(); queues])
    }

    /// Whether jobs of that queue for that destination have to wait.
    pub(super) fn has(&self, queue: u16, key: &str) -> bool {
        let paused = &self.0[usize::from(queue)];
        !paused.is_empty() && paused.contains(&*destination::name(key))
    }

    /// Those of a queue.
    pub(super) fn of(&self, queue: u16) -> &HashSet<Box<str>> {
        &self.0[usize::from(queue)]
    }
}

impl<J> Dispatcher<J> {
    /// Notes the names of all destinations of a queue that are paused now. Gives their jobs that stood in line.
    pub(crate) fn pause(&mut self, queue: u16, names: HashSet<Box<str>>) -> Vec<Placement<J>> {
        if *self.paused.of(queue) == names {
            return Vec::new();
        }
        self.paused.0[usize::from(queue)] = names;
        let paused = self.destinations.iter_mut().filter(|(key, _)| self.paused.has(queue, key));
        let in_line: Vec<_> = paused
            .flat_map(|(_, destination)| destination.take_from_line(|ticket| ticket.id.queue == queue))
            .collect();
        self.lined -= in_line.len();
        in_line.into_iter().map(|ticket| self.put_off(ticket)).collect()
    }

    /// What becomes of a job whose destination is paused.
    pub(super) fn put_off(&mut self, ticket: Ticket<J>) -> Placement<J> {
        self.let_go(&ticket);
        Placement::Defer(ticket, PAUSED_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::{bounds, id, ticket};
    use super::*;
    use crate::destination::{Answer, SentAway};

    fn names(names: &[&str]) -> HashSet<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn jobs_of_a_paused_destination_leave_and_those_of_others_start() {
        let (mut dispatcher, now) = (Dispatcher::new(bounds()), Instant::now());
        for number in 0..5 {
            let _ = dispatcher.admit(ticket(number, "u\na", false), now);
        }
        let left = dispatcher.pause(0, names(&["u/a"]));
        let left: Vec<u64> = left
            .iter()
            .map(|placement| if let Placement::Defer(ticket, _) = placement { ticket.job } else { u64::MAX })
            .collect();
        assert_eq!((left, dispatcher.in_flight(0)), (vec![1, 2, 3, 4], 1));
        assert!(matches!(dispatcher.admit(ticket(6, "u\na", false), now), Placement::Defer(..)));
        assert!(matches!(dispatcher.admit(ticket(7, "u\nb", false), now), Placement::Start(_)));
        assert!(dispatcher.finish(id(0), now, Answer::Works, 0.0).moves.is_empty());
        assert!(dispatcher.pause(0, names(&[])).is_empty());
        assert!(matches!(dispatcher.admit(ticket(8, "u\na", false), now), Placement::Start(_)));
    }

    #[test]
    fn what_was_sent_away_is_called_back_when_the_pause_ends_and_not_before() {
        let (mut dispatcher, now) = (Dispatcher::new(bounds()), Instant::now());
        dispatcher.pause(0, names(&["a"]));
        let Placement::Defer(ticket, wait) = dispatcher.admit(ticket(1, "a", false), now) else {
            panic!("it must not stay")
        };
        let job = SentAway { job_id: "1".into(), id: ticket.id, back_at: now + wait };
        dispatcher.remember(&ticket, job, now);
        assert!(dispatcher.take_recalled(0, now).is_empty());
        dispatcher.pause(0, names(&[]));
        assert_eq!(dispatcher.take_recalled(0, now).len(), 1);
    }

    #[test]
    fn a_destination_may_be_paused_in_one_queue_alone() {
        let (mut dispatcher, now) =
            (Dispatcher::of_queues(bounds(), super::super::Order::Weighted, &[1, 1]), Instant::now());
        dispatcher.pause(1, names(&["a"]));
        assert!(matches!(dispatcher.admit(ticket(1, "a", false), now), Placement::Start(_)));
        let told = dispatcher.survey(1, 10, now);
        assert!(told.len() == 1 && told[0].is_paused, "{told:?}");
        assert!(dispatcher.survey(0, 10, now).iter().all(|view| !view.is_paused));
    }
}
