//! Back from the wait: promoted, recalled, released; and events that become jobs.

use std::collections::BTreeMap;

use postrider_core::entry_id::EntryId;
use postrider_store::events::FannedOut;
use postrider_store::fault::FaultClass;
use postrider_store::held::Released;

use super::leases::with;
use super::{Answer, Holder, MAX_COPY_BYTES, bytes_of};
use crate::state::{Field, Letter, Moment, NOW, QueueState, Record, Text, World};
use crate::steps::{EVENTS, JOBS};

/// What a promotion came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Promoted {
    pub(crate) promoted: usize,
    pub(crate) orphans: usize,
    pub(crate) unreadable: usize,
}

impl QueueState {
    fn satellite(&self, name: &str) -> Answer<()> {
        if self.is_broken(name) { Err(FaultClass::WrongType) } else { Ok(()) }
    }

    /// Moves what is due at `now` to the stream's end.
    pub(crate) fn promote(&mut self, now: i64) -> Answer<Promoted> {
        self.satellite("retry")?;
        let (mut told, mut room) = (Promoted::default(), MAX_COPY_BYTES);
        for (_, job) in self.in_order_of_due().into_iter().take_while(|(due, _)| *due <= now) {
            if room < 0 {
                break;
            }
            self.satellite("retry:jobs")?;
            match self.records.get(&job).cloned() {
                None => told.orphans += 1,
                Some(Record::Unreadable(record)) => {
                    self.satellite("dead")?;
                    self.dead.push(letter_of_unreadable(&job, record));
                    told.unreadable += 1;
                }
                Some(Record::Job { hook, fields, due, .. }) => {
                    hook.into_iter().for_each(|hook| self.unlist(&hook, &job));
                    room -= bytes_of(&fields);
                    self.add(fields, Some(due));
                    told.promoted += 1;
                }
            }
            self.retry.remove(&job);
            self.records.remove(&job);
        }
        Ok(told)
    }

    fn unlist(&mut self, hook: &str, job: &str) {
        if let Some(list) = self.lists.get_mut(hook) {
            list.remove(job);
        }
        self.lists.retain(|_, list| !list.is_empty());
    }

    /// Makes jobs due that were deferred as these entries and aren't held.
    pub(crate) fn recall(&mut self, jobs: &[(String, EntryId)], now: i64) -> Answer<usize> {
        let mut recalled = 0;
        for (job, entry) in jobs {
            self.satellite("retry:jobs")?;
            let is_it = matches!(self.records.get(job), Some(Record::Job { origin, hook: None, .. }) if origin == entry);
            if !is_it {
                continue;
            }
            self.satellite("retry")?;
            recalled += usize::from(self.hasten(job, now));
        }
        Ok(recalled)
    }

    /// Makes a job due, if it isn't.
    fn hasten(&mut self, job: &str, now: i64) -> bool {
        let later = self.retry.get_mut(job).filter(|due| matches!(due, Moment::At(at) if *at > now));
        later.map(|due| *due = NOW).is_some()
    }

    /// What can't be read falls due, and is buried then.
    fn hasten_unreadable(&mut self, job: &str, now: i64) {
        if let Some(Record::Unreadable(_)) = self.records.get(job) {
            self.hasten(job, now);
        }
    }

    /// Names hooks whose turn it is, the longest overdue first, and puts them off.
    pub(crate) fn held_hooks(&mut self, most: usize, pause: i64, now: i64) -> Answer<Vec<String>> {
        self.satellite("held")?;
        let due = self.held.iter().filter(|(_, at)| at.millis() <= now);
        let mut due: Vec<_> = due.map(|(hook, at)| (at.millis(), hook.clone())).collect();
        due.sort();
        let hooks: Vec<_> = due.into_iter().take(most).map(|(_, hook)| hook).collect();
        for hook in &hooks {
            self.held.insert(hook.clone(), Moment::Soon { plus: pause, up: false });
        }
        Ok(hooks)
    }

    /// Moves jobs that are held for a hook to the stream's end, the oldest first.
    pub(crate) fn release(&mut self, hook: &str, most: usize, pause: i64, now: i64) -> Answer<Released> {
        self.satellite("retry")?;
        let list = self.lists.get(hook).cloned().unwrap_or_default();
        let mut oldest: Vec<_> = list.into_iter().map(|(job, age)| (age, job)).collect();
        oldest.sort();
        let (mut jobs, mut room) = (0, MAX_COPY_BYTES);
        for (_, job) in oldest.into_iter().take(most) {
            if room < 0 {
                break;
            }
            self.satellite("retry:jobs")?;
            if let Some(fields) = self.held_fields(hook, &job) {
                room -= bytes_of(&fields);
                self.add(fields, Some(NOW));
                self.retry.remove(&job);
                self.records.remove(&job);
                jobs += 1;
            }
            self.hasten_unreadable(&job, now);
            self.unlist(hook, &job);
        }
        let left = self.lists.get(hook).map_or(0, BTreeMap::len);
        self.satellite("held")?;
        self.held.remove(hook);
        if left > 0 {
            self.held.insert(hook.to_owned(), Moment::Soon { plus: pause, up: false });
        }
        Ok(Released { jobs, left })
    }

    fn held_fields(&self, of: &str, job: &str) -> Option<Vec<Field>> {
        match self.records.get(job)? {
            Record::Job { hook: Some(hook), fields, .. } if hook == of => Some(fields.clone()),
            _ => None,
        }
    }
}

fn letter_of_unreadable(job: &str, record: Text) -> Letter {
    let fields = with(with(Vec::new(), "record", record), "_id", job);
    let fields = with(with(fields, "_reason", "invalid"), "_status", "0");
    let error = "the record of this waiting job can not be read by this version";
    Letter { fields: with(with(fields, "_error", error), "_attempts", "0"), died: NOW }
}

/// Fields of an event that its jobs have too.
fn inherits(name: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"userId", b"type", b"content", b"notBefore", b"expiresAt", b"traceparent"];
    names.contains(&name) || name.starts_with(b"header:")
}

impl World {
    /// Makes one job for each hook of an event, which ends.
    pub(crate) fn fan_out(
        &mut self,
        me: &str,
        (entry, event): (EntryId, &str),
        created_at: u64,
        hooks: &[Box<str>],
    ) -> FannedOut {
        let events = &mut self.queues[EVENTS];
        if events.holder(entry, me) == Holder::Other {
            return FannedOut::Refused;
        }
        let found = events.entry(entry).cloned();
        events.leave(entry);
        let Some(found) = found else { return FannedOut::Gone };
        let inherited: Vec<_> = found.fields.into_iter().filter(|(name, _)| inherits(&name.0)).collect();
        let inherited = with(inherited, "createdAt", created_at.to_string());
        for hook in hooks {
            let id = format!("{event}:{hook}");
            let fields = with(with(inherited.clone(), "hookId", &**hook), "id", id.as_str());
            self.queues[JOBS].add(with(fields, "eventId", id), None);
        }
        FannedOut::Jobs(hooks.len())
    }
}
