//! Entries that go to Redis in one round trip, and what its answers say of each.

use std::io;

use postrider_core::entry_id::EntryId;
use postrider_core::job::{Field, entry_size};
use postrider_core::queue_name::QueueName;
use redis::{Pipeline, RedisError, Value};

use super::{AddError, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Replicated};
use crate::entry::{bytes, integer};
use crate::fault::StoreError;

/// Entries that go to Redis in one round trip. `Debug` shows none of them.
pub struct Batch {
    queue: String,
    pub(super) pipeline: Pipeline,
    entries: usize,
    bytes: usize,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { queue, entries, bytes, .. } = self;
        write!(f, "Batch({entries} entries of {bytes} bytes for {queue})")
    }
}

impl Batch {
    /// An empty one for this queue.
    pub fn new(queue: &QueueName) -> Self {
        Self { queue: queue.as_str().to_owned(), pipeline: Pipeline::new(), entries: 0, bytes: 0 }
    }

    /// Puts one more entry in, whether or not it [is full](Self::is_full).
    pub fn push(&mut self, fields: &[Field]) {
        self.pipeline.cmd("XADD").arg(&self.queue).arg("*");
        for (name, value) in fields {
            self.pipeline.arg(name.as_slice()).arg(value.as_slice());
        }
        self.entries += 1;
        self.bytes += entry_size(fields);
    }

    /// Whether it should be sent before more is put in.
    pub fn is_full(&self) -> bool {
        self.entries >= MAX_BATCH_ENTRIES || self.bytes >= MAX_BATCH_BYTES
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Asks at its end for so many replicas that have it.
    pub(super) fn wait_for(&mut self, wanted: Replicated) {
        self.pipeline.cmd("WAIT").arg(wanted.replicas).arg(wanted.timeout.as_millis() as u64);
    }

    /// Those of its entries, and what follows the entries.
    pub(super) fn only(&self, entries: &[usize]) -> Self {
        let mut pipeline = Pipeline::new();
        for (at, command) in self.pipeline.cmd_iter().enumerate() {
            if at >= self.entries || entries.contains(&at) {
                pipeline.add_command(command.clone());
            }
        }
        Self { queue: self.queue.clone(), pipeline, entries: entries.len(), bytes: self.bytes }
    }

    pub(super) fn judge(
        &self,
        answers: Vec<Value>,
        replicated: Option<Replicated>,
    ) -> Vec<Result<EntryId, AddError>> {
        let mut answers = answers.into_iter();
        let added: Vec<_> = answers.by_ref().take(self.entries).map(|answer| self.entry_id(answer)).collect();
        let Some(wanted) = replicated else { return added };
        let replicas = answers.next().and_then(|answer| integer(&answer)).unwrap_or(0);
        let replicas = u32::try_from(replicas).unwrap_or(0);
        if replicas >= wanted.replicas {
            return added;
        }
        added.into_iter().map(|entry| Err(AddError::NotReplicated { entry: entry?, replicas })).collect()
    }

    fn entry_id(&self, answer: Value) -> Result<EntryId, AddError> {
        let answer = answer.extract_error().map_err(|error| AddError::Refused(self.failed(error)))?;
        bytes(answer).and_then(|id| EntryId::parse(&id)).ok_or_else(|| {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the answer is no id of an entry");
            AddError::AnswerLost(self.failed(error.into()))
        })
    }

    pub(super) fn all_failed(
        &self,
        kind: fn(StoreError) -> AddError,
        error: &RedisError,
    ) -> Vec<Result<EntryId, AddError>> {
        (0..self.entries).map(|_| Err(kind(self.failed(error.clone())))).collect()
    }

    fn failed(&self, error: RedisError) -> StoreError {
        StoreError::new(format!("add to {}", self.queue), error)
    }
}
