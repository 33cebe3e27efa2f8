//! The demo's own books: which events were pushed, which jobs they must become, which the receivers saw, how each ended.
//! What Redis says and what the receivers say are kept apart, so that a job that only one of them calls delivered is found
//! lost. Pure.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use postrider_store::inspect::{DeadLetter, LoggedAttempt};

use super::cast::CAST;
use super::events::Event;

/// Ended jobs that are remembered, so that one that comes once more is counted: far more than are in flight.
const MAX_REMEMBERED: usize = 4096;

/// How all jobs together stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Events pushed.
    pub(crate) events: u64,
    /// Of them, those that no hook asked for.
    pub(crate) unheard: u64,
    /// Jobs that they must become: one for each active hook that asked.
    pub(crate) jobs: u64,
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
    /// Requests for a job that its receiver had accepted before.
    pub(crate) twice: u64,
    /// Requests of jobs that should never have been made.
    pub(crate) unasked: u64,
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
        self.jobs - self.delivered - self.dead_letters()
    }
}

/// A request as a receiver saw it.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    /// What receivers de-duplicate by: the job's id too, in the demo.
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
    Waits { receiver: usize, kind: &'static str, job: String, status: u16 },
    /// It was delivered by a later attempt, so long after its first one had failed.
    Recovered { receiver: usize, kind: &'static str, job: String, attempt: u32, after: Duration },
    /// It died.
    Died { receiver: usize, status: u16, reason: String },
}

/// A job that hasn't ended.
#[derive(Debug)]
struct Open {
    receiver: usize,
    kind: &'static str,
    accepted: u64,
    failed_at: Option<Duration>,
}

/// The books.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// What the ids of this demo's events begin with.
    run: String,
    counts: Counts,
    open: HashMap<String, Open>,
    ended: HashSet<String>,
    ended_in_order: VecDeque<String>,
}

impl Ledger {
    /// Empty books of a demo whose events' ids begin like this.
    pub(crate) fn new(run: String) -> Self {
        let (counts, open) = (Counts::default(), HashMap::new());
        Self { run, counts, open, ended: HashSet::new(), ended_in_order: VecDeque::new() }
    }

    /// How things stand.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The id of the event that is pushed next.
    pub(crate) fn next_id(&self) -> String {
        format!("{}-{}", self.run, self.counts.events)
    }

    /// Redis has taken this event, which must become a job for each of these receivers.
    pub(crate) fn pushed(&mut self, id: &str, event: &Event, receivers: &[usize]) {
        self.counts.events += 1;
        self.counts.unheard += u64::from(receivers.is_empty());
        for receiver in receivers {
            self.counts.jobs += 1;
            let open = Open { receiver: *receiver, kind: event.kind, accepted: 0, failed_at: None };
            self.open.insert(format!("{id}:{}", CAST[*receiver].name), open);
        }
    }

    /// A receiver got a request. Those of earlier demos and of users' own events and hooks aren't counted.
    pub(crate) fn received(&mut self, receipt: &Receipt) {
        let repeated = match self.open.get_mut(&receipt.event_id) {
            Some(open) => {
                open.accepted += u64::from(receipt.accepted);
                receipt.accepted && open.accepted > 1
            }
            None if self.ended.contains(&receipt.event_id) => receipt.accepted,
            None => {
                self.counts.unasked += u64::from(self.is_ours(&receipt.event_id));
                return;
            }
        };
        self.counts.twice += u64::from(repeated);
        self.counts.unproven += u64::from(!receipt.proven);
    }

    /// Whether this demo pushed its event, and its hook is one of the demo's.
    fn is_ours(&self, event_id: &str) -> bool {
        let hook = event_id.strip_prefix(&*self.run).and_then(|rest| rest.rsplit_once(':'));
        hook.is_some_and(|(_, hook)| CAST.iter().any(|role| role.name == hook))
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
        let (receiver, kind, job) = (open.receiver, open.kind, logged.event_id.clone());
        Some(Change::Waits { receiver, kind, job, status: logged.status })
    }

    fn delivered(&mut self, logged: &LoggedAttempt, now: Duration) -> Option<Change> {
        let open = self.end(&logged.event_id)?;
        if open.accepted == 0 {
            self.counts.unwitnessed += 1;
            return None;
        }
        self.counts.delivered += 1;
        self.counts.delivered_later += u64::from(logged.attempt > 1);
        let (receiver, kind, job) = (open.receiver, open.kind, logged.event_id.clone());
        let after = now.saturating_sub(open.failed_at?);
        Some(Change::Recovered { receiver, kind, job, attempt: logged.attempt, after })
    }

    /// Redis holds a dead letter.
    pub(crate) fn died(&mut self, letter: &DeadLetter) -> Option<Change> {
        let open = self.end(&letter.job)?;
        let expected = match CAST[open.receiver].dead_reason {
            Some(reason) if reason == letter.reason => Expected::Yes,
            _ => Expected::No,
        };
        *self.counts.dead.entry((letter.reason.clone(), expected)).or_default() += 1;
        Some(Change::Died { receiver: open.receiver, status: letter.status, reason: letter.reason.clone() })
    }

    fn end(&mut self, job: &str) -> Option<Open> {
        let (job, open) = self.open.remove_entry(job)?;
        if self.ended_in_order.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.ended.insert(job.clone());
        self.ended_in_order.push_back(job);
        Some(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1);

    const EVENT: &str = "demo-1-0";

    fn place(name: &str) -> usize {
        CAST.iter().position(|role| role.name == name).unwrap()
    }

    /// Of one event that becomes a job for this receiver.
    fn books(receiver: &str) -> Ledger {
        let mut ledger = Ledger::new("demo-1".into());
        ledger.pushed(EVENT, &Event::numbered(0), &[place(receiver)]);
        ledger
    }

    fn job(receiver: &str) -> String {
        format!("{EVENT}:{receiver}")
    }

    fn receive(ledger: &mut Ledger, receiver: &str, accepted: bool) {
        ledger.received(&Receipt { event_id: job(receiver), accepted, proven: true });
    }

    fn log(
        ledger: &mut Ledger,
        receiver: &str,
        attempt: u32,
        outcome: &str,
        after: Duration,
    ) -> Option<Change> {
        let (id, outcome) = (job(receiver), outcome.to_owned());
        let logged = LoggedAttempt { job: id.clone(), event_id: id, attempt, outcome, status: 500 };
        ledger.attempted(&logged, AT + after)
    }

    #[test]
    fn an_event_is_one_job_for_each_hook_that_asked_or_none() {
        let mut ledger = books("timeline");
        ledger.pushed("demo-1-1", &Event::numbered(0), &[0, 1]);
        ledger.pushed("demo-1-2", &Event::numbered(0), &[]);
        let counts = ledger.counts();
        assert_eq!((counts.events, counts.unheard, counts.jobs, counts.open()), (3, 1, 3, 3));
    }

    #[test]
    fn a_request_for_a_hook_that_did_not_ask_is_noticed() {
        let mut ledger = books("timeline");
        receive(&mut ledger, "drafts", true);
        assert_eq!((ledger.counts().unasked, ledger.counts().open()), (1, 1));
    }

    #[test]
    fn what_a_hook_of_the_spectator_gets_is_no_matter_of_the_demo() {
        let mut ledger = books("timeline");
        receive(&mut ledger, "9my-own", true);
        assert_eq!(ledger.counts().unasked, 0);
    }

    #[test]
    fn a_job_that_fails_first_is_told_twice_and_counted_once() {
        let mut ledger = books("archive");
        receive(&mut ledger, "archive", false);
        assert!(matches!(
            log(&mut ledger, "archive", 1, "retried", Duration::ZERO),
            Some(Change::Waits { status: 500, .. })
        ));
        receive(&mut ledger, "archive", true);
        let told = log(&mut ledger, "archive", 2, "delivered", Duration::from_millis(450));
        assert!(
            matches!(told, Some(Change::Recovered { attempt: 2, after, .. }) if after.as_millis() == 450)
        );
        let expected =
            Counts { events: 1, jobs: 1, delivered: 1, delivered_later: 1, retried: 1, ..Counts::default() };
        assert_eq!(*ledger.counts(), expected);
    }

    #[test]
    fn what_only_redis_calls_delivered_is_lost() {
        let mut ledger = books("timeline");
        log(&mut ledger, "timeline", 1, "delivered", Duration::ZERO);
        assert_eq!(
            (ledger.counts().delivered, ledger.counts().unwitnessed, ledger.counts().open()),
            (0, 1, 1)
        );
    }

    #[test]
    fn what_only_the_receiver_calls_delivered_is_open() {
        let mut ledger = books("translator");
        receive(&mut ledger, "translator", true);
        assert_eq!((ledger.counts().delivered, ledger.counts().open()), (0, 1));
    }

    #[test]
    fn a_job_accepted_twice_is_counted_before_and_after_its_end() {
        let mut ledger = books("translator");
        receive(&mut ledger, "translator", true);
        receive(&mut ledger, "translator", true);
        log(&mut ledger, "translator", 1, "delivered", Duration::ZERO);
        receive(&mut ledger, "translator", true);
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
            ledger.died(&DeadLetter { job: job(receiver), reason: reason.into(), status: 410 });
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
        let mut ledger = Ledger::new("demo-2".into());
        receive(&mut ledger, "timeline", true);
        log(&mut ledger, "timeline", 1, "delivered", Duration::ZERO);
        ledger.died(&DeadLetter { job: job("timeline"), reason: "gone".into(), status: 410 });
        assert_eq!(*ledger.counts(), Counts::default());
    }

    #[test]
    fn memory_of_ended_jobs_is_bounded() {
        let mut ledger = Ledger::new("demo-1".into());
        for _ in 0..=MAX_REMEMBERED {
            let id = ledger.next_id();
            ledger.pushed(&id, &Event::numbered(0), &[0]);
            ledger.died(&DeadLetter { job: format!("{id}:{}", CAST[0].name), ..DeadLetter::default() });
        }
        assert_eq!(
            (ledger.ended.len(), ledger.ended_in_order.len(), ledger.open.len()),
            (MAX_REMEMBERED, MAX_REMEMBERED, 0)
        );
    }
}
