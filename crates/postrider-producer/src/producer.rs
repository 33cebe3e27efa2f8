//! Checks jobs and events, and adds them to one queue and one stream of events, or to those of their shards. Never adds one
//! that a worker would find invalid.

mod entry;

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::job::Job as CheckedJob;
use postrider_core::queue_name::QueueName;
use postrider_store::connect::Connector;
use postrider_store::fault::StoreError;
use postrider_store::once::{MAX_KEY_BYTES, Once, is_key};
use postrider_store::producer::{
    AddError as StoreAddError, Batch, ConnectError, JobAdder, MAX_BATCH_ENTRIES,
};

use self::entry::Entry;
use crate::event::Event;
use crate::job::Job;
use crate::options::ProducerOptions;
use crate::rules::Rules;
use crate::streams::Streams;

/// A job that is in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The job's id.
    pub id: Box<str>,
    /// What receivers de-duplicate by.
    pub event_id: Box<str>,
    /// Its stream entry.
    pub entry: EntryId,
    /// The queue that it is in.
    pub queue: QueueName,
}

/// An event that is in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedEvent {
    /// The event's id; its jobs are `<id>:<hook id>`.
    pub id: Box<str>,
    /// Its stream entry.
    pub entry: EntryId,
    /// The stream that it is in.
    pub stream: QueueName,
}

/// What became of a job that is added once for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedOnce {
    /// It was added.
    New(Added),
    /// It had been added with this key before.
    Before(Added),
    /// The key stands for another job: nothing was added.
    KeyOfAnother,
}

/// Why a job or an event was not added, as far as that is known.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is unsound; Redis wasn't asked.
    #[error(transparent)]
    Invalid(Fault),
    /// Redis refused it, or can't be reached; see [`StoreAddError`] for what is known then.
    #[error(transparent)]
    Redis(StoreAddError),
}

impl AddError {
    /// Whether the next job would meet the same, because there is no Redis to talk to.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_connection())
    }

    /// Whether Redis refused it because its memory is full: nothing was added, and a later try may be accepted.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_full())
    }
}

/// Adds jobs and events, from any number of tasks at once.
#[derive(Debug)]
pub struct Producer {
    adder: JobAdder,
    streams: Streams,
    rules: Mutex<Rules>,
}

impl Producer {
    /// Connects with default options.
    ///
    /// # Errors
    /// A URL that isn't one, no server within 3 s, or a refused login.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_with(url, ProducerOptions::default()).await
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with(url: &str, options: ProducerOptions) -> Result<Self, ConnectError> {
        Self::connect_by(Connector::new(url).map_err(ConnectError::Url)?, options).await
    }

    /// Connects by a connector that is there already, as one with certificates of its own.
    ///
    /// # Errors
    /// As [`Self::connect`], but for the URL.
    pub async fn connect_by(connector: Connector, options: ProducerOptions) -> Result<Self, ConnectError> {
        let adder = JobAdder::connect(connector, options.replicated).await?;
        Ok(Self { adder, rules: Mutex::new(options.rules()), streams: options.streams() })
    }

    /// Adds one job.
    ///
    /// # Errors
    /// See [`AddError`]. Only after [`StoreAddError::AnswerLost`] it is unknown whether the job was added; it isn't
    /// tried again here, since that could make two of it.
    pub async fn add(&self, job: &Job) -> Result<Added, AddError> {
        self.add_one(job).await
    }

    /// Adds one job, unless `key` (1 to 128 visible ASCII characters) stands for it already: for `window` since it was first
    /// added, repeats add nothing. Calling it again after any error is harmless.
    ///
    /// # Errors
    /// See [`AddError`].
    pub async fn add_once(&self, job: &Job, key: &str, window: Duration) -> Result<AddedOnce, AddError> {
        let checked = self.check(job).map_err(AddError::Invalid)?;
        if !is_key(key) {
            let rule = format!("the key must be 1 to {MAX_KEY_BYTES} visible ASCII characters");
            return Err(AddError::Invalid(Fault::of_entry(rule)));
        }
        let once = self.adder.add_once(Entry::stream(job, self), key, window, Entry::fields(job)).await;
        Ok(match once.map_err(AddError::Redis)? {
            Once::Added(id) => AddedOnce::New(job.added(self, checked, id)),
            Once::Before(id) => AddedOnce::Before(job.added(self, checked, id)),
            Once::Different => AddedOnce::KeyOfAnother,
        })
    }

    /// Adds many, many at a time. One result a job, in order; an unsound one keeps no other from being added. Ends early
    /// where there is no Redis to talk to: jobs beyond the last result weren't tried.
    pub async fn add_all<J: Borrow<Job>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Vec<Result<Added, AddError>> {
        self.add_many(jobs).await
    }

    /// How many jobs are ready or being sent in the queue that these belong to, with shards in the fullest of theirs: a
    /// producer that goes on only while they are few lets no queue grow without end. The user needs `+xlen` for it.
    ///
    /// # Errors
    /// No connection, or a refusal.
    pub async fn ahead_of(&self, jobs: &[Job]) -> Result<u64, StoreError> {
        let queues: HashSet<&QueueName> = jobs.iter().map(|job| Entry::stream(job, self)).collect();
        let mut most = 0;
        for queue in queues {
            most = most.max(self.adder.length(queue).await?);
        }
        Ok(most)
    }

    /// Adds one event.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub async fn add_event(&self, event: &Event) -> Result<AddedEvent, AddError> {
        self.add_one(event).await
    }

    /// Adds many events, as [`Self::add_all`] adds jobs.
    pub async fn add_events<E: Borrow<Event>>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Vec<Result<AddedEvent, AddError>> {
        self.add_many(events).await
    }

    async fn add_one<E: Entry>(&self, entry: &E) -> Result<E::Added, AddError> {
        let checked = self.check(entry).map_err(AddError::Invalid)?;
        let id = self.adder.add(entry.stream(self), entry.fields()).await.map_err(AddError::Redis)?;
        Ok(entry.added(self, checked, id))
    }

    async fn add_many<E: Entry, B: Borrow<E>>(
        &self,
        entries: impl IntoIterator<Item = B>,
    ) -> Vec<Result<E::Added, AddError>> {
        let mut entries = entries.into_iter().peekable();
        let mut results = Vec::new();
        while entries.peek().is_some() {
            let round = self.add_round(&mut entries).await;
            let over = round.iter().flat_map(|result| result.as_ref().err()).any(AddError::is_connection);
            results.extend(round);
            if over {
                break;
            }
        }
        results
    }

    /// As many as fit one batch; with shards, there is a batch for each that is met.
    async fn add_round<E: Entry, B: Borrow<E>>(
        &self,
        entries: &mut impl Iterator<Item = B>,
    ) -> Vec<Result<E::Added, AddError>> {
        let (mut batches, mut round) = (HashMap::new(), Vec::new());
        while !batches.values().any(Batch::is_full)
            && round.len() < MAX_BATCH_ENTRIES
            && let Some(entry) = entries.next()
        {
            let (stream, checked) = (entry.borrow().stream(self), self.check(entry.borrow()));
            if checked.is_ok() {
                let batch = batches.entry(stream).or_insert_with(|| Batch::new(stream));
                batch.push(entry.borrow().fields());
            }
            round.push((entry, checked));
        }
        let mut ids = HashMap::new();
        for (stream, batch) in batches {
            ids.insert(stream, self.adder.add_batch(batch).await.into_iter());
        }
        let mut result_of = |(entry, checked): (B, Result<CheckedJob, Fault>)| {
            let checked = checked.map_err(AddError::Invalid)?;
            let id = ids.get_mut(entry.borrow().stream(self)).and_then(Iterator::next);
            let id = id.expect("each entry of a batch has its result").map_err(AddError::Redis)?;
            Ok(entry.borrow().added(self, checked, id))
        };
        round.into_iter().map(&mut result_of).collect()
    }

    fn check(&self, entry: &impl Entry) -> Result<CheckedJob, Fault> {
        // What it guards is a cache of URLs, whole after any panic.
        entry.check(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
