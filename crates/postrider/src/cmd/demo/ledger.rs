//! The demo's own books: which events were added, which the receivers saw, how each ended. What Redis says and what
//! the receivers say are kept apart, so that a job that only one of them calls delivered is found lost. Pure.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use postrider_store::inspect::{DeadLetter, LoggedAttempt};

use super::cast::CAST;
use super::events::Event;

/// Ended events that are remembered, so that one that comes once more is counted: far more than are in flight.
const MAX_REMEMBERED: usize = 4096;

/// How all events together stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Jobs added.
    pub(crate) added: u64,
    /// Jobs that Redis and the receiver call delivered.
    pub(crate) delivered: u64,
    /// Of them, those that took more than one attempt.
    pub(crate) delivered_later: u64,
    /// Attempts that failed and were followed by a wait.
    pub(crate) retried: u64,
    /// Dead letters by reason, each with whether its receiver is there to show it.
    pub(crate) dead: BTreeMap<(String, Expected), u64>,
    /// Jobs that Redis calls delivered and the receiver never saw.
    pub(crate) unwitnessed: u64,
    /// Requests for an event that its receiver had accepted before.
    pub(crate) twice: u64,
    /// Requests that didn't prove that their sender knows the hook's secret.
    pub(crate) unproven: u64,
}

/// Whether a dead letter is what its receiver's part in the demo is to lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expected {
    Yes,
    No,
}

impl Counts {
    /// Dead letters in all.
    pub(crate) fn dead_letters(&self) -> u64 {
        self.dead.values().sum()
    }

    /// Jobs that have neither been delivered nor died.
    pub(crate) fn open(&self) -> u64 {
        self.added - self.delivered - self.dead_letters()
    }
}

/// A request as a receiver saw it.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    /// The event's id.
    pub(crate) event_id: String,
    /// Whether it was answered 2xx.
    pub(crate) accepted: bool,
    /// Whether it proved that its sender knows the secret.
    pub(crate) proven: bool,
}

/// What became of a job, as far as it is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its first attempt failed; it waits.
    Waits { receiver: usize, kind: &'static str, event_id: String, status: u16 },
    /// It was delivered by a later attempt, so long after its first one had failed.
    Recovered { receiver: usize, kind: &'static str, event_id: String, attempt: u32, after: Duration },
    /// It died.
    Died { receiver: usize, status: u16, reason: String },
}

/// One event whose job hasn't ended.
#[derive(Debug)]
struct Open {
    receiver: usize,
    kind: &'static str,
    accepted: u64,
    failed_at: Option<Duration>,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: Counts,
    open: HashMap<String, Open>,
    ended: HashSet<String>,
    ended_in_order: VecDeque<String>,
}

impl Ledger {
    /// How things stand.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Redis has taken the job of this event.
    pub(crate) fn added(&mut self, event_id: String, event: &Event) {
        self.counts.added += 1;
        let open = Open { receiver: event.receiver, kind: event.kind, accepted: 0, failed_at: None };
        self.open.insert(event_id, open);
    }

    /// A receiver got a request. Those of earlier demos and of users' own jobs aren't counted.
    pub(crate) fn received(&mut self, receipt: &Receipt) {
        let repeated = match self.open.get_mut(&receipt.event_id) {
            Some(open) => {
                open.accepted += u64::from(receipt.accepted);
                receipt.accepted && open.accepted > 1
            }
            None if self.ended.contains(&receipt.event_id) => receipt.accepted,
            None => return,
        };
        self.counts.twice += u64::from(repeated);
        self.counts.unproven += u64::from(!receipt.proven);
    }

    /// Redis has logged an attempt; `now` is the time since the demo began.
    pub(crate) fn attempted(&mut self, logged: &LoggedAttempt, now: Duration) -> Option<Change> {
        match &*logged.outcome {
            "retried" => self.waits(logged, now),
            "delivered" => self.delivered(logged, now),
            // The dead letter tells.
            _ => None,
        }
    }

    fn waits(&mut self, logged: &LoggedAttempt, now: Duration) -> Option<Change> {
        let open = self.open.get_mut(&logged.event_id)?;
        self.counts.retried += 1;
        if open.failed_at.replace(now).is_some() {
            return None;
        }
        let (receiver, kind, event_id) = (open.receiver, open.kind, logged.event_id.clone());
        Some(Change::Waits { receiver, kind, event_id, status: logged.status })
    }

    fn delivered(&mut self, logged: &LoggedAttempt, now: Duration) -> Option<Change> {
        let open = self.end(&logged.event_id)?;
        if open.accepted == 0 {
            self.counts.unwitnessed += 1;
            return None;
        }
        self.counts.delivered += 1;
        self.counts.delivered_later += u64::from(logged.attempt > 1);
        let (receiver, kind, event_id) = (open.receiver, open.kind, logged.event_id.clone());
        let after = now.saturating_sub(open.failed_at?);
        Some(Change::Recovered { receiver, kind, event_id, attempt: logged.attempt, after })
    }

    /// Redis holds a dead letter. The id of a job of the demo is the id of its event.
    pub(crate) fn died(&mut self, letter: &DeadLetter) -> Option<Change> {
        let open = self.end(&letter.job)?;
        let expected = match CAST[open.receiver].dead_reason {
            Some(reason) if reason == letter.reason => Expected::Yes,
            _ => Expected::No,
        };
        *self.counts.dead.entry((letter.reason.clone(), expected)).or_default() += 1;
        Some(Change::Died { receiver: open.receiver, status: letter.status, reason: letter.reason.clone() })
    }

    fn end(&mut self, event_id: &str) -> Option<Open> {
        let (event_id, open) = self.open.remove_entry(event_id)?;
        if self.ended_in_order.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.ended.insert(event_id.clone());
        self.ended_in_order.push_back(event_id);
        Some(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1);

    fn event_for(name: &str) -> Event {
        (0..).map(Event::numbered).find(|event| event.role().name == name).unwrap()
    }

    fn books(receiver: &str) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.added("1-0".into(), &event_for(receiver));
        ledger
    }

    fn receive(ledger: &mut Ledger, accepted: bool) {
        ledger.received(&Receipt { event_id: "1-0".into(), accepted, proven: true });
    }

    fn log(ledger: &mut Ledger, attempt: u32, outcome: &str, after: Duration) -> Option<Change> {
        let (id, outcome) = ("1-0".to_owned(), outcome.to_owned());
        let logged = LoggedAttempt { job: id.clone(), event_id: id, attempt, outcome, status: 500 };
        ledger.attempted(&logged, AT + after)
    }

    #[test]
    fn a_job_that_fails_first_is_told_twice_and_counted_once() {
        let mut ledger = books("archive");
        receive(&mut ledger, false);
        assert!(matches!(
            log(&mut ledger, 1, "retried", Duration::ZERO),
            Some(Change::Waits { status: 500, .. })
        ));
        receive(&mut ledger, true);
        let told = log(&mut ledger, 2, "delivered", Duration::from_millis(450));
        assert!(
            matches!(told, Some(Change::Recovered { attempt: 2, after, .. }) if after.as_millis() == 450)
        );
        let expected = Counts { added: 1, delivered: 1, delivered_later: 1, retried: 1, ..Counts::default() };
        assert_eq!(*ledger.counts(), expected);
    }

    #[test]
    fn what_only_redis_calls_delivered_is_lost() {
        let mut ledger = books("timeline");
        log(&mut ledger, 1, "delivered", Duration::ZERO);
        assert_eq!(
            (ledger.counts().delivered, ledger.counts().unwitnessed, ledger.counts().open()),
            (0, 1, 1)
        );
    }

    #[test]
    fn what_only_the_receiver_calls_delivered_is_open() {
        let mut ledger = books("translator");
        receive(&mut ledger, true);
        assert_eq!((ledger.counts().delivered, ledger.counts().open()), (0, 1));
    }

    #[test]
    fn an_event_accepted_twice_is_counted_before_and_after_its_end() {
        let mut ledger = books("translator");
        receive(&mut ledger, true);
        receive(&mut ledger, true);
        log(&mut ledger, 1, "delivered", Duration::ZERO);
        receive(&mut ledger, true);
        assert_eq!((ledger.counts().delivered, ledger.counts().twice), (1, 2));
    }

    #[test]
    fn only_the_deaths_that_a_receiver_is_there_for_are_expected() {
        for (receiver, reason, expected) in [
            ("old-blog", "gone", Expected::Yes),
            ("old-blog", "exhausted", Expected::No),
            ("timeline", "gone", Expected::No),
        ] {
            let mut ledger = books(receiver);
            ledger.died(&DeadLetter { job: "1-0".into(), reason: reason.into(), status: 410 });
            assert_eq!(
                ledger.counts().dead,
                BTreeMap::from([((reason.to_owned(), expected), 1)]),
                "{receiver}"
            );
            assert_eq!(ledger.counts().open(), 0);
        }
    }

    #[test]
    fn jobs_of_others_are_not_counted() {
        let mut ledger = Ledger::default();
        receive(&mut ledger, true);
        log(&mut ledger, 1, "delivered", Duration::ZERO);
        ledger.died(&DeadLetter { job: "1-0".into(), reason: "gone".into(), status: 410 });
        assert_eq!(*ledger.counts(), Counts::default());
    }

    #[test]
    fn memory_of_ended_events_is_bounded() {
        let mut ledger = Ledger::default();
        let event = event_for("timeline");
        for number in 0..=MAX_REMEMBERED {
            ledger.added(number.to_string(), &event);
            ledger.died(&DeadLetter { job: number.to_string(), ..DeadLetter::default() });
        }
        assert_eq!(
            (ledger.ended.len(), ledger.ended_in_order.len(), ledger.open.len()),
            (MAX_REMEMBERED, MAX_REMEMBERED, 0)
        );
    }
}
