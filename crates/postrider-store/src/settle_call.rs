//! A call of the settle script and its reply: the delivered jobs first, in few values, then the others. What most attempts of
//! a batch share (hook, receiver, status, time taken) is sent once.

use std::collections::HashMap;

use postrider_core::entry_id::EntryId;
use redis::{Cmd, Value};

use crate::entry::bytes;
use crate::presence::{due, number};
use crate::queue::SettleReply;
use crate::settlement::{Destination, Settled, Settlement};

/// Values of a delivered job whose names follow from its entry's id: entry id and template.
const PLAIN_WIDTH: usize = 2;

/// Values of one with names of its own: also job id and event id.
const NAMED_WIDTH: usize = 4;

/// A batch in the order in which the script takes it.
pub(crate) struct SettleCall<'a> {
    batch: &'a [Settlement],
    /// Places in the batch of the delivered jobs, then of the others.
    order: Vec<usize>,
    delivered: usize,
}

impl<'a> SettleCall<'a> {
    pub(crate) fn new(batch: &'a [Settlement]) -> Self {
        let is_done = |place: &usize| matches!(batch[*place].destination, Destination::Done);
        let (mut order, others): (Vec<_>, Vec<_>) = (0..batch.len()).partition(is_done);
        let delivered = order.len();
        order.extend(others);
        Self { batch, order, delivered }
    }

    /// Lowest and highest entry id of the jobs that were not delivered; empty where all were.
    pub(crate) fn range(&self) -> (String, String) {
        let ids = || self.others().map(|settlement| settlement.entry);
        let text = |id: Option<EntryId>| id.map_or(String::new(), |id| id.to_string());
        (text(ids().min()), text(ids().max()))
    }

    fn delivered(&self) -> impl Iterator<Item = &'a Settlement> {
        self.order[..self.delivered].iter().map(|&place| &self.batch[place])
    }

    fn others(&self) -> impl Iterator<Item = &'a Settlement> {
        self.order[self.delivered..].iter().map(|&place| &self.batch[place])
    }

    /// Appends templates and jobs.
    pub(crate) fn append_to(&self, call: &mut Cmd) {
        let templates = Templates::of(self.delivered().chain(self.others()));
        templates.append_to(call);
        let delivered: Vec<_> =
            self.delivered().map(|settlement| Values::of(settlement, &templates)).collect();
        let is_plain = delivered.iter().all(Values::is_plain);
        call.arg(delivered.len()).arg(if is_plain { PLAIN_WIDTH } else { NAMED_WIDTH });
        for values in delivered {
            values.append_to(call, is_plain);
        }
        for settlement in self.others() {
            call.arg(settlement.kind());
            Values::of(settlement, &templates).append_to(call, false);
            settlement.append_to(call);
        }
    }

    /// Reads what the script answered, in the order of the batch.
    pub(crate) fn read(&self, reply: Value) -> SettleReply {
        let Value::Array(items) = reply else { return SettleReply { next_due: None, results: Vec::new() } };
        let mut items = items.into_iter().skip(1);
        let next_due = items.next().as_ref().and_then(number).and_then(due);
        let letters = items.next().and_then(bytes).unwrap_or_default();
        if letters.len() != self.order.len() {
            return SettleReply { next_due, results: Vec::new() };
        }
        let mut results = vec![Settled::Applied; letters.len()];
        for (&place, letter) in self.order.iter().zip(letters) {
            results[place] = match letter {
                b'1' => Settled::Applied,
                b'2' => Settled::Duplicate,
                b'0' => Settled::Refused,
                b'3' => Settled::Gone,
                _ => Settled::Failed(text(items.next())),
            };
        }
        SettleReply { next_due, results }
    }
}

fn text(item: Option<Value>) -> String {
    String::from_utf8_lossy(&item.and_then(bytes).unwrap_or_default()).into_owned()
}

/// What the script is told of each job.
struct Values<'a> {
    entry: String,
    template: usize,
    /// Empty where it is the entry's id.
    job_id: &'a str,
    /// Empty where it is the job's id, with what the template has behind it.
    event_id: &'a str,
}

impl<'a> Values<'a> {
    fn of(settlement: &'a Settlement, templates: &Templates<'a>) -> Self {
        let (entry, job_id) = (settlement.entry.to_string(), &*settlement.job_id);
        let template = templates.number_of(settlement);
        let job_id = if job_id == entry { "" } else { job_id };
        let event_id = match &settlement.attempt {
            Some(record) if suffix(&record.event_id, &settlement.job_id).is_none() => &record.event_id,
            _ => "",
        };
        Self { entry, template, job_id, event_id }
    }

    fn is_plain(&self) -> bool {
        self.job_id.is_empty() && self.event_id.is_empty()
    }

    fn append_to(&self, call: &mut Cmd, is_plain: bool) {
        call.arg(&self.entry).arg(self.template);
        if !is_plain {
            call.arg(self.job_id).arg(self.event_id);
        }
    }
}

/// What an event id has behind the job's id, where it begins with that.
fn suffix<'a>(event_id: &'a str, job_id: &str) -> Option<&'a str> {
    event_id.strip_prefix(job_id)
}

/// What the attempts of a batch share.
struct Templates<'a> {
    numbers: HashMap<Template<'a>, usize>,
    listed: Vec<Template<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Template<'a> {
    hook_id: &'a str,
    user_id: &'a str,
    destination: &'a str,
    attempt: u32,
    status: u16,
    millis: u64,
    error: &'a str,
    response: &'a [u8],
    event_suffix: &'a str,
}

impl<'a> Template<'a> {
    fn of(settlement: &'a Settlement) -> Option<Self> {
        let record = settlement.attempt.as_ref()?;
        Some(Self {
            hook_id: &record.hook_id,
            user_id: &record.user_id,
            destination: &record.destination,
            attempt: record.attempt,
            status: record.status,
            millis: record.millis,
            error: &record.error,
            response: &record.response,
            event_suffix: suffix(&record.event_id, &settlement.job_id).unwrap_or_default(),
        })
    }

    fn append_to(&self, call: &mut Cmd) {
        call.arg(self.hook_id).arg(self.user_id).arg(self.destination).arg(self.attempt);
        call.arg(self.status).arg(self.millis).arg(self.error).arg(self.response).arg(self.event_suffix);
    }
}

impl<'a> Templates<'a> {
    fn of(batch: impl Iterator<Item = &'a Settlement>) -> Self {
        let (mut numbers, mut listed) = (HashMap::new(), Vec::new());
        for template in batch.filter_map(Template::of) {
            numbers.entry(template).or_insert_with(|| {
                listed.push(template);
                listed.len()
            });
        }
        Self { numbers, listed }
    }

    /// Counted from 1; 0 where there is no attempt to record.
    fn number_of(&self, settlement: &'a Settlement) -> usize {
        Template::of(settlement).and_then(|template| self.numbers.get(&template).copied()).unwrap_or(0)
    }

    fn append_to(&self, call: &mut Cmd) {
        call.arg(self.listed.len());
        for template in &self.listed {
            template.append_to(call);
        }
    }
}
