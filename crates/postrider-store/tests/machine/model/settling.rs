//! Out of a lease: done, waiting, dead, or back to the stream's end.

use std::collections::BTreeSet;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use postrider_core::verdict::DeadReason;
use postrider_store::fault::FaultClass;
use postrider_store::settlement::Settled;

use super::leases::{own_fields, with};
use super::{Answer, Holder};
use crate::state::{Attempt, Entry, Field, Letter, Moment, NOW, QueueState, Record};
use crate::steps::{Fate, Wait};

const HOUR: i64 = 3_600_000;

/// A moment that is long over.
pub(crate) const OVER: i64 = 1000;

/// The move of one job that a worker asks for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) entry: EntryId,
    pub(crate) job: String,
    pub(crate) fate: Fate,
    /// What is to be remembered of the job.
    pub(crate) state: JobState,
    /// Whether an attempt is to be recorded.
    pub(crate) attempt: bool,
}

impl Order {
    /// The last status, for the records.
    pub(crate) fn status(&self) -> u16 {
        match self.fate {
            Fate::Retry { .. } | Fate::Dead { .. } => 503,
            _ => 0,
        }
    }

    fn outcome(&self) -> Option<&'static str> {
        match self.fate {
            Fate::Done => Some("delivered"),
            Fate::Discarded => Some("discarded"),
            Fate::Retry { .. } => Some("retried"),
            Fate::Deferred { .. } | Fate::Held { .. } => Some("deferred"),
            Fate::Dead { .. } => Some("dead"),
            Fate::GivenBack => None,
        }
    }

    fn due(&self) -> Moment {
        match self.fate {
            Fate::Deferred { until: Wait::Over } => Moment::At(OVER),
            Fate::Held { expires: true, .. } => Moment::At(OVER),
            Fate::Retry { hours } | Fate::Deferred { until: Wait::Hours(hours) } => {
                Moment::Soon { plus: hours as i64 * HOUR, up: true }
            }
            _ => Moment::At(Timestamp::MAX.as_millis() as i64),
        }
    }
}

/// The dead letter of a job: its own fields, and what is said of its end.
pub(crate) fn letter_of(fields: &[Field], order: &Order, reason: &str, error: &str) -> Letter {
    let mut fields = own_fields(fields);
    let has = |wanted: &str| fields.iter().any(|(name, _)| name.0 == wanted.as_bytes());
    if has("id") && !has("createdAt") {
        let first = order.state.first_entry.unwrap_or(order.entry);
        fields = with(fields, "_createdAt", first.millis.to_string());
    }
    let fields = with(fields, "_id", order.job.as_str());
    let fields = with(with(fields, "_reason", reason), "_status", order.status().to_string());
    let fields = with(with(fields, "_error", error), "_attempts", order.state.attempts.to_string());
    Letter { fields, died: NOW }
}

impl QueueState {
    /// Settles a batch.
    pub(crate) fn settle(
        &mut self,
        me: &str,
        batch: &[Order],
        records_attempts: bool,
        is_repeat: bool,
    ) -> Vec<Settled> {
        let mut taken: BTreeSet<String> = self.retry.keys().cloned().collect();
        let mut results = Vec::new();
        for order in batch {
            let result = match order.fate {
                Fate::Done => self.deliver(me, order),
                _ => self.move_out(me, order, &mut taken),
            };
            if matches!(result, Settled::Applied | Settled::Duplicate) {
                self.leave(order.entry);
                self.count(order, &result);
            }
            let is_late = matches!(result, Settled::Refused | Settled::Gone) && !is_repeat;
            let is_new = is_late || matches!(result, Settled::Applied | Settled::Duplicate);
            if records_attempts && order.attempt && is_new && !self.is_broken("attempts") {
                self.attempts.push(attempt(me, order, &result));
            }
            results.push(result);
        }
        results
    }

    /// A success counts, whoever has the entry by now; and it ends the wait of the very job that was delivered.
    fn deliver(&mut self, me: &str, order: &Order) -> Settled {
        if self.holder(order.entry, me) != Holder::Nobody || self.entry(order.entry).is_some() {
            return Settled::Applied;
        }
        if self.is_broken("retry:jobs") {
            return failed();
        }
        match self.records.get(&order.job) {
            Some(Record::Job { origin, .. }) if *origin == order.entry => {}
            _ => return Settled::Gone,
        }
        if self.is_broken("retry") {
            return failed();
        }
        self.records.remove(&order.job);
        self.retry.remove(&order.job);
        Settled::Applied
    }

    /// All else is refused to those who have lost the entry.
    fn move_out(&mut self, me: &str, order: &Order, taken: &mut BTreeSet<String>) -> Settled {
        if self.holder(order.entry, me) == Holder::Other {
            return Settled::Refused;
        }
        let Some(entry) = self.entry(order.entry).cloned() else {
            self.acknowledge(order.entry);
            return Settled::Gone;
        };
        match order.fate {
            Fate::Done | Fate::Discarded => Settled::Applied,
            Fate::Dead { reason } => {
                self.bury(&entry, order, DeadReason::ALL[reason].as_str(), "it is dead", Settled::Applied)
            }
            Fate::GivenBack => {
                let state = JobState { due: None, ..order.state }.to_string();
                let due = order.state.due.map(|due| Moment::At(due.as_millis() as i64));
                self.add(with(own_fields(&entry.fields), "_job", state), due);
                Settled::Applied
            }
            Fate::Retry { .. } | Fate::Deferred { .. } | Fate::Held { .. } => self.wait(&entry, order, taken),
        }
    }

    fn bury(&mut self, entry: &Entry, order: &Order, reason: &str, error: &str, buried: Settled) -> Settled {
        if self.is_broken("dead") {
            return failed();
        }
        self.dead.push(letter_of(&entry.fields, order, reason, error));
        buried
    }

    /// At most one job of an id waits.
    fn wait(&mut self, entry: &Entry, order: &Order, taken: &mut BTreeSet<String>) -> Settled {
        if self.is_broken("retry") {
            return failed();
        }
        if taken.contains(&order.job) {
            let error = "another job of this id is waiting already";
            return self.bury(entry, order, "duplicate", error, Settled::Duplicate);
        }
        taken.insert(order.job.clone());
        if self.is_broken("retry:jobs") {
            return failed();
        }
        if matches!(order.fate, Fate::Held { .. }) && self.is_broken("held") {
            self.records.remove(&order.job);
            return failed();
        }
        let hook = self.list(order);
        let fields = own_fields(&entry.fields);
        let fields = with(fields, "_job", JobState { due: None, ..order.state }.to_string());
        let record = Record::Job { origin: order.entry, hook, fields, due: order.due() };
        self.records.insert(order.job.clone(), record);
        self.retry.insert(order.job.clone(), order.due());
        Settled::Applied
    }

    /// Lists a job that is held by its hook; the list is an index, and may name jobs that aren't held any more.
    fn list(&mut self, order: &Order) -> Option<String> {
        let Fate::Held { hook, age, .. } = order.fate else { return None };
        let hook = hook_name(hook);
        self.lists.entry(hook.clone()).or_default().insert(order.job.clone(), age as i64);
        self.held.entry(hook.clone()).or_insert(Moment::At(0));
        Some(hook)
    }

    fn count(&mut self, order: &Order, result: &Settled) {
        let outcome = if *result == Settled::Duplicate { Some("dead") } else { order.outcome() };
        if let Some(outcome) = outcome {
            *self.counts.entry(outcome.to_owned()).or_default() += 1;
        }
    }

    /// Buries an entry that no script can carry: only while it is this worker's and Redis has room.
    pub(crate) fn bury_whole(&mut self, me: &str, order: &Order, is_full: bool) -> Answer<Settled> {
        let Some(entry) = self.entry(order.entry).cloned() else { return Ok(Settled::Gone) };
        if self.group.is_none() {
            return Err(FaultClass::NoGroup);
        }
        if self.holder(order.entry, me) != Holder::Me {
            return Ok(Settled::Refused);
        }
        if is_full && !self.is_broken("dead") {
            // Redis refuses the transaction as a whole, and doesn't say why.
            return Err(FaultClass::Unknown);
        }
        let settled = self.bury(&entry, order, "invalid", "it is dead", Settled::Applied);
        if settled == Settled::Applied {
            self.leave(order.entry);
        }
        Ok(settled)
    }
}

/// Its cause is Redis' to say.
fn failed() -> Settled {
    Settled::Failed(String::new())
}

fn attempt(me: &str, order: &Order, result: &Settled) -> Attempt {
    let outcome = if *result == Settled::Duplicate { Some("dead") } else { order.outcome() };
    Attempt {
        job: order.job.clone(),
        number: order.state.attempts.to_string(),
        outcome: outcome.unwrap_or_default().to_owned(),
        worker: me.to_owned(),
        at: NOW,
    }
}

/// A hook as held jobs are listed by it.
pub(crate) fn hook_name(hook: usize) -> String {
    format!("u/h{hook}")
}
