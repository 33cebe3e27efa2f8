//! Jobs that were sent away for their destination's limit, and what operators see and do of destinations.

use std::time::Instant;

use super::{Dispatcher, Ticket};
use crate::destination::{self, DestinationView, SentAway};

/// Jobs that are remembered after they were sent away, over all destinations: a few megabytes of ids.
const MAX_REMEMBERED: usize = 20_000;

impl<J> Dispatcher<J> {
    /// Notes a job that was sent away for its destination's limit. A suspect was sent away for its own sake: room at its
    /// destination is no reason to call it back.
    pub(crate) fn remember(&mut self, ticket: &Ticket<J>, job: SentAway, now: Instant) {
        if ticket.suspect || self.remembered >= MAX_REMEMBERED {
            return;
        }
        let destination = self.destination(&ticket.destination, now);
        let before = destination.remembered();
        destination.remember(job, now);
        let after = destination.remembered();
        self.remembered = self.remembered + after - before;
    }

    /// Takes jobs of a queue that were sent away and could start now.
    pub(crate) fn take_recalled(&mut self, queue: u16, now: Instant) -> Vec<SentAway> {
        let (most, limits) = (self.free_slots(), self.bounds.limits());
        let mut recalled = Vec::new();
        let remembered = self.destinations.iter_mut().filter(|(_, one)| one.remembered() > 0);
        for (_, destination) in remembered.filter(|(key, _)| !self.paused.has(queue, key)) {
            if recalled.len() >= most {
                break;
            }
            let before = destination.remembered();
            recalled.extend(destination.take_recalled(queue, limits, now));
            self.remembered -= before - destination.remembered();
        }
        recalled
    }

    /// Takes all jobs of a queue that were sent away: whoever goes on without this worker shall not wait for its guesses.
    pub(crate) fn take_sent_away(&mut self, queue: u16) -> Vec<SentAway> {
        let taken: Vec<_> =
            self.destinations.values_mut().flat_map(|one| one.take_sent_away(queue)).collect();
        self.remembered -= taken.len();
        taken
    }

    /// What is of interest of its destinations: those that are paused in a queue first, then those that are held back; at most
    /// so many.
    pub(crate) fn survey(&self, queue: u16, most: usize, now: Instant) -> Vec<DestinationView> {
        let limits = self.bounds.limits();
        let (mut paused, mut others) = (self.paused.of(queue).clone(), Vec::new());
        let mut views = Vec::new();
        for (key, one) in self.destinations.iter().filter(|(_, one)| one.is_of_interest(limits, now)) {
            match paused.take(&*destination::name(key)) {
                Some(_) => views.push(DestinationView { is_paused: true, ..one.view(key, limits, now) }),
                None => others.push((key, one)),
            }
        }
        views.extend(paused.iter().map(|name| DestinationView::of_idle(name, limits)));
        others.sort_by_key(|(_, one)| !one.is_held_back(limits));
        views.extend(others.into_iter().map(|(key, one)| one.view(key, limits, now)));
        views.truncate(most);
        views
    }

    /// Forgets what a destination has shown, or all of them; their jobs may come back at once.
    pub(crate) fn reset(&mut self, name: Option<&str>) -> usize {
        let mut reset = 0;
        for (key, destination) in &mut self.destinations {
            if name.is_none_or(|name| name == destination::name(key)) {
                destination.reset();
                reset += 1;
            }
        }
        reset
    }
}
