//! Who holds what: reading, fetching, taking over, coming and leaving.

use std::collections::{BTreeMap, BTreeSet};

use postrider_core::entry_id::EntryId;
use postrider_store::fault::FaultClass;

use super::{Answer, Holder, MAX_COPY_BYTES, bytes_of};
use crate::state::{Entry, Field, Group, Lease, Moment, NOW, QueueState, Text};

const START: EntryId = EntryId { millis: 0, sequence: 0 };

/// An entry that was handed to a worker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Handed {
    pub(crate) id: EntryId,
    pub(crate) deliveries: u32,
    pub(crate) taken_over: bool,
    /// As they are in the stream.
    pub(crate) fields: Vec<Field>,
}

impl Handed {
    fn new(entry: &Entry, deliveries: u32, taken_over: bool) -> Self {
        Self { id: entry.id, deliveries, taken_over, fields: entry.as_written() }
    }
}

impl Entry {
    /// The fields with the `due` in its place.
    fn as_written(&self) -> Vec<Field> {
        let mut fields = self.fields.clone();
        if let (Some(Moment::At(due)), Some((_, state))) = (self.due, fields.last_mut()) {
            state.0.extend_from_slice(format!(" due={due}").as_bytes());
        }
        fields
    }
}

impl QueueState {
    pub(crate) fn holder(&self, id: EntryId, me: &str) -> Holder {
        match self.group.as_ref().and_then(|group| group.pending.get(&id)) {
            None => Holder::Nobody,
            Some(lease) if lease.owner == me => Holder::Me,
            Some(_) => Holder::Other,
        }
    }

    pub(crate) fn pending_of(&self, who: &str) -> Vec<EntryId> {
        let pending = self.group.iter().flat_map(|group| &group.pending);
        pending.filter(|(_, lease)| lease.owner == who).map(|(id, _)| *id).collect()
    }

    pub(crate) fn unread(&self) -> usize {
        let last = self.group.as_ref().map_or(START, |group| group.last);
        self.entries.iter().filter(|entry| entry.id > last).count()
    }

    /// Makes stream and group where they are missing.
    pub(crate) fn ensure_group(&mut self) -> bool {
        let is_missing = self.group.is_none();
        if is_missing {
            self.exists = true;
            self.group = Some(Group { last: START, pending: BTreeMap::new(), consumers: BTreeSet::new() });
        }
        is_missing
    }

    /// Leases unread entries; one that is pending already is this worker's now, as if it had never been read.
    pub(crate) fn read(&mut self, me: &str, count: usize) -> Answer<Vec<Handed>> {
        let group = self.group.as_mut().ok_or(FaultClass::NoGroup)?;
        group.consumers.insert(me.to_owned());
        let last = group.last;
        let unread = self.entries.iter().filter(|entry| entry.id > last).take(count);
        let handed: Vec<_> = unread.map(|entry| Handed::new(entry, 1, false)).collect();
        for entry in &handed {
            group.last = entry.id;
            group.pending.insert(entry.id, Lease { owner: me.to_owned(), deliveries: 1 });
        }
        Ok(handed)
    }

    /// Fetches what is pending for this worker; what is no more in the stream leaves the pending list.
    pub(crate) fn fetch(&mut self, me: &str, ids: &[EntryId]) -> Answer<Vec<Handed>> {
        if self.group.is_none() {
            return Err(FaultClass::NoGroup);
        }
        let (mut handed, mut room) = (Vec::new(), MAX_COPY_BYTES);
        for id in ids.iter().take_while(|_| room >= 0).collect::<Vec<_>>() {
            if self.holder(*id, me) != Holder::Me || room < 0 {
                continue;
            }
            match self.entry(*id) {
                None => self.acknowledge(*id),
                Some(entry) => {
                    let deliveries = self.deliveries(*id);
                    room -= bytes_of(&entry.fields);
                    handed.push(Handed::new(entry, deliveries, deliveries > 1));
                }
            }
        }
        Ok(handed)
    }

    fn deliveries(&self, id: EntryId) -> u32 {
        let lease = self.group.as_ref().and_then(|group| group.pending.get(&id));
        lease.map_or(0, |lease| lease.deliveries)
    }

    /// Takes over what is pending for `lost`, unless it has had another heartbeat; its consumer goes with its last entry.
    pub(crate) fn take_over(
        &mut self,
        me: &str,
        lost: &str,
        beat: Option<i64>,
        most: usize,
    ) -> Answer<(Vec<Handed>, bool)> {
        if self.seen.get(lost).is_some_and(|seen| Some(seen.millis()) != beat) {
            return Ok((Vec::new(), false));
        }
        if self.group.is_none() {
            return Err(FaultClass::NoGroup);
        }
        let (mut handed, mut room) = (Vec::new(), MAX_COPY_BYTES);
        for id in self.pending_of(lost).into_iter().take(most) {
            if room < 0 {
                break;
            }
            let Some(entry) = self.entry(id) else {
                self.acknowledge(id);
                continue;
            };
            room -= bytes_of(&entry.fields);
            handed.push(Handed::new(entry, self.deliveries(id), true));
            self.assign(id, me);
        }
        let is_finished = self.pending_of(lost).is_empty();
        if is_finished {
            self.forget(lost);
        }
        Ok((handed, is_finished))
    }

    fn assign(&mut self, id: EntryId, to: &str) {
        let Some(group) = &mut self.group else { return };
        group.consumers.insert(to.to_owned());
        if let Some(lease) = group.pending.get_mut(&id) {
            to.clone_into(&mut lease.owner);
        }
    }

    fn forget(&mut self, worker: &str) {
        if let Some(group) = &mut self.group {
            group.consumers.remove(worker);
        }
        self.seen.remove(worker);
        self.workers.remove(worker);
    }

    /// Sets the delivery count of what is this worker's.
    pub(crate) fn count_crash(&mut self, me: &str, id: EntryId, deliveries: u32) -> Answer<bool> {
        if self.group.is_none() {
            return Err(FaultClass::NoGroup);
        }
        if self.holder(id, me) != Holder::Me {
            return Ok(false);
        }
        if self.entry(id).is_none() {
            self.acknowledge(id);
        }
        let lease = self.group.as_mut().and_then(|group| group.pending.get_mut(&id));
        lease.into_iter().for_each(|lease| lease.deliveries = deliveries);
        Ok(true)
    }

    pub(crate) fn beat(&mut self, me: &str) {
        self.seen.insert(me.to_owned(), NOW);
        self.workers.insert(me.to_owned());
    }

    /// Leaves the lists, unless something is pending.
    pub(crate) fn sign_off(&mut self, me: &str) -> bool {
        let may_go = self.pending_of(me).is_empty();
        if may_go {
            self.forget(me);
        }
        may_go
    }

    /// XGROUP DELCONSUMER: what was pending is nobody's.
    pub(crate) fn remove_consumer(&mut self, who: &str) {
        if let Some(group) = &mut self.group {
            group.consumers.remove(who);
            group.pending.retain(|_, lease| lease.owner != who);
        }
    }
}

/// The fields that a job keeps when it moves: all but the workers' own.
pub(super) fn own_fields(fields: &[Field]) -> Vec<Field> {
    fields.iter().filter(|(name, _)| !name.0.starts_with(b"_")).cloned().collect()
}

/// Appends a field.
pub(super) fn with(mut fields: Vec<Field>, name: &str, value: impl Into<Text>) -> Vec<Field> {
    fields.push((name.into(), value.into()));
    fields
}
