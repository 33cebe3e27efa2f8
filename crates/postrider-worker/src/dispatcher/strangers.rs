//! Slots are not for waiting: who lets requests wait for long holds none, and those that may never answer hold few.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;

use super::Dispatcher;
use super::ticket::{Placement, Ticket};

/// A request that has waited for so long holds no slot any more: to wait costs a task and a socket, not a core.
pub(super) const PATIENT_AFTER: Duration = Duration::from_secs(1);

/// The same where the destination is a stranger: nothing says that it will ever answer.
pub(super) const STRANGER_PATIENT_AFTER: Duration = Duration::from_millis(250);

/// How long a job for a stranger waits here for a slot before it leaves the stream for a while.
pub(super) const MAX_WAIT_OF_STRANGERS: Duration = Duration::from_millis(100);

/// Others have answered if one did within so long.
const ANSWERS_COUNT_FOR: Duration = Duration::from_secs(10);

impl<J> Dispatcher<J> {
    /// Slots are lent to those that have shown that they give them back; a share of them is enough to get to know the others.
    pub(super) fn is_one_stranger_too_many(&mut self, key: &Arc<str>, now: Instant) -> bool {
        let is_recent = |answer: Instant| now.saturating_duration_since(answer) < ANSWERS_COUNT_FOR;
        self.strangers >= self.bounds.max_strangers()
            && self.last_answer.is_some_and(is_recent)
            && self.destination(key, now).is_stranger()
    }

    pub(super) fn next_stranger(&mut self, now: Instant) -> Option<Ticket<J>> {
        let key = self.strangers_line.front()?.0.destination.clone();
        if self.is_one_stranger_too_many(&key, now) {
            return None;
        }
        self.strangers_line.pop_front().map(|(ticket, _)| ticket)
    }

    /// Strangers that hold their slots for long make others wait, who leave the stream for a while then.
    pub(super) fn send_strangers_away(&mut self, now: Instant, moves: &mut Vec<Placement<J>>) {
        let is_late = |since: Instant| now.saturating_duration_since(since) > MAX_WAIT_OF_STRANGERS;
        while self.strangers_line.front().is_some_and(|(_, since)| is_late(*since)) {
            let Some((ticket, _)) = self.strangers_line.pop_front() else { break };
            self.let_go(&ticket);
            let wait = wait_of_strangers(ticket.id.entry);
            moves.push(Placement::Defer(ticket, wait));
        }
    }

    pub(super) fn free_slots_of_the_patient(&mut self, now: Instant) {
        let mut room = self.bounds.max_patient - self.patient;
        for run in self.running.values_mut().filter(|run| !run.is_patient) {
            if room == 0 {
                break;
            }
            let after = if run.is_stranger { STRANGER_PATIENT_AFTER } else { PATIENT_AFTER };
            if now.saturating_duration_since(run.started) >= after {
                run.is_patient = true;
                self.patient += 1;
                self.strangers -= usize::from(run.is_stranger);
                room -= 1;
            }
        }
    }
}

/// Until some of the strangers' slots are free again; not the same for all, so that they don't come back together.
fn wait_of_strangers(entry: EntryId) -> Duration {
    let spread = STRANGER_PATIENT_AFTER.as_millis() as u64;
    let mixed = entry.millis.wrapping_mul(31).wrapping_add(entry.sequence) % spread;
    STRANGER_PATIENT_AFTER + Duration::from_millis(mixed)
}
