//! Checks jobs and events, and adds them to one queue and one stream of events. Never adds one that a worker would find
//! invalid.

use std::borrow::Borrow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postrider_core::delivery::Defaults;
use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::job::{Field, Job as CheckedJob};
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_core::queue_name::{DEFAULT_EVENTS, DEFAULT_QUEUE, QueueName};
use postrider_store::producer::{
    AddError as StoreAddError, Batch, ConnectError, JobAdder, MAX_BATCH_ENTRIES, Replicated,
};

use crate::event::Event;
use crate::fields::Fields;
use crate::job::Job;
use crate::rules::Rules;

/// What there is to choose. The default is the contract's: queue `postrider:deliveries`, events in `postrider:events`,
/// workers with default settings, no wait for replicas.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// The queue.
    pub queue: QueueName,
    /// The stream that events are added to (`events.stream`).
    pub events: QueueName,
    /// Largest entry that its workers accept (`queue.max_job_bytes`).
    pub max_job_bytes: usize,
    /// Settings of its workers that a job's soundness depends on, such as `delivery.profile`.
    pub defaults: Defaults,
    /// Replicas that must have a job before its adding counts. The user needs `+wait` for it.
    pub replicated: Option<Replicated>,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            queue: QueueName::parse(DEFAULT_QUEUE).expect("the default queue has a sound name"),
            events: QueueName::parse(DEFAULT_EVENTS).expect("the default stream has a sound name"),
            max_job_bytes: 1 << 20,
            defaults: Defaults {
                profile: Profile::Misskey,
                timeout: Duration::from_secs(10),
                max_attempts: 12,
                profiles: Profiles::new(&ProfileSettings::default())
                    .expect("the default profiles are accepted"),
            },
            replicated: None,
        }
    }
}

impl ProducerOptions {
    /// The rules that jobs are checked by, for checking alone.
    pub fn rules(&self) -> Rules {
        Rules::new(&self.queue, self.max_job_bytes, self.defaults.clone())
    }

    /// With this many replicas, waited for as long as `timeout`.
    pub fn replicated(mut self, replicas: u32, timeout: Duration) -> Self {
        self.replicated = Some(Replicated { replicas, timeout });
        self
    }
}

/// A job that is in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The job's id.
    pub id: Box<str>,
    /// What receivers de-duplicate by.
    pub event_id: Box<str>,
    /// Its stream entry.
    pub entry: EntryId,
}

/// An event that is in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedEvent {
    /// The event's id; its jobs are `<id>:<hook id>`.
    pub id: Box<str>,
    /// Its stream entry.
    pub entry: EntryId,
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
}

/// Adds jobs and events, from any number of tasks at once.
#[derive(Debug)]
pub struct Producer {
    adder: JobAdder,
    queue: QueueName,
    events: QueueName,
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
        let adder = JobAdder::connect(url, options.replicated).await?;
        let rules = Mutex::new(options.rules());
        Ok(Self { adder, rules, queue: options.queue, events: options.events })
    }

    /// Adds one job.
    ///
    /// # Errors
    /// See [`AddError`]. Only after [`StoreAddError::AnswerLost`] it is unknown whether the job was added; it isn't
    /// tried again here, since that could make two of it.
    pub async fn add(&self, job: &Job) -> Result<Added, AddError> {
        self.add_one(job).await
    }

    /// Adds many, many at a time. One result a job, in order; an unsound one keeps no other from being added. Ends early
    /// where there is no Redis to talk to: jobs beyond the last result weren't tried.
    pub async fn add_all<J: Borrow<Job>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Vec<Result<Added, AddError>> {
        self.add_many(jobs).await
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
        let id = self.adder.add(E::stream(self), entry.fields()).await.map_err(AddError::Redis)?;
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

    /// As many as fit one batch.
    async fn add_round<E: Entry, B: Borrow<E>>(
        &self,
        entries: &mut impl Iterator<Item = B>,
    ) -> Vec<Result<E::Added, AddError>> {
        let mut batch = Batch::new(E::stream(self));
        let mut round = Vec::new();
        while !batch.is_full()
            && round.len() < MAX_BATCH_ENTRIES
            && let Some(entry) = entries.next()
        {
            let checked = self.check(entry.borrow());
            if checked.is_ok() {
                batch.push(entry.borrow().fields());
            }
            round.push((entry, checked));
        }
        let mut ids = self.adder.add_batch(batch).await.into_iter();
        let mut result_of = |(entry, checked): (B, Result<CheckedJob, Fault>)| {
            let checked = checked.map_err(AddError::Invalid)?;
            let id = ids.next().expect("each entry of a batch has its result").map_err(AddError::Redis)?;
            Ok(entry.borrow().added(self, checked, id))
        };
        round.into_iter().map(&mut result_of).collect()
    }

    fn check(&self, entry: &impl Entry) -> Result<CheckedJob, Fault> {
        // What it guards is a cache of URLs, whole after any panic.
        entry.check(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What differs between adding a job and adding an event.
trait Entry {
    /// What is known of it once it is in its stream.
    type Added;

    fn stream(producer: &Producer) -> &QueueName;
    fn fields(&self) -> &[Field];
    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault>;
    fn added(&self, producer: &Producer, checked: CheckedJob, entry: EntryId) -> Self::Added;
}

impl Entry for Job {
    type Added = Added;

    fn stream(producer: &Producer) -> &QueueName {
        &producer.queue
    }

    fn fields(&self) -> &[Field] {
        self.fields()
    }

    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault> {
        rules.check(self)
    }

    fn added(&self, producer: &Producer, checked: CheckedJob, entry: EntryId) -> Added {
        let id = own_id(self.fields(), checked.id, entry);
        let default_event_id = || format!("{id}{}", producer.queue.event_id_suffix()).into();
        let gives_event_id = Fields::has(self.fields(), "eventId");
        let event_id = if gives_event_id { checked.event_id } else { default_event_id() };
        Added { id, event_id, entry }
    }
}

impl Entry for Event {
    type Added = AddedEvent;

    fn stream(producer: &Producer) -> &QueueName {
        &producer.events
    }

    fn fields(&self) -> &[Field] {
        self.fields()
    }

    fn check(&self, rules: &mut Rules) -> Result<CheckedJob, Fault> {
        rules.check_event(self)
    }

    fn added(&self, _: &Producer, checked: CheckedJob, entry: EntryId) -> AddedEvent {
        AddedEvent { id: own_id(self.fields(), checked.id, entry), entry }
    }
}

/// The id now that the entry has one: that of the fields, else the entry's.
fn own_id(fields: &[Field], checked: Box<str>, entry: EntryId) -> Box<str> {
    if Fields::has(fields, "id") { checked } else { entry.to_string().into() }
}
