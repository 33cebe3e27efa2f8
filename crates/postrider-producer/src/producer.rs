//! Checks jobs and adds them to one queue. Never adds one that a worker would find invalid.

use std::borrow::Borrow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postrider_core::delivery::Defaults;
use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::job::Job as CheckedJob;
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_core::queue_name::{DEFAULT_QUEUE, QueueName};
use postrider_store::producer::{
    AddError as StoreAddError, Batch, ConnectError, JobAdder, MAX_BATCH_ENTRIES, Replicated,
};

use crate::job::Job;
use crate::rules::Rules;

/// What there is to choose. The default is the contract's: queue `postrider:deliveries`, workers with default settings,
/// no wait for replicas.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// The queue.
    pub queue: QueueName,
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

/// Why a job was not added, as far as that is known.
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

/// Adds jobs to one queue, from any number of tasks at once.
#[derive(Debug)]
pub struct Producer {
    adder: JobAdder,
    queue: QueueName,
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
        Ok(Self { adder, rules: Mutex::new(options.rules()), queue: options.queue })
    }

    /// Adds one job.
    ///
    /// # Errors
    /// See [`AddError`]. Only after [`StoreAddError::AnswerLost`] it is unknown whether the job was added; it isn't
    /// tried again here, since that could make two of it.
    pub async fn add(&self, job: &Job) -> Result<Added, AddError> {
        let checked = self.check(job).map_err(AddError::Invalid)?;
        let entry = self.adder.add(&self.queue, job.fields()).await.map_err(AddError::Redis)?;
        Ok(self.added(job, checked, entry))
    }

    /// Adds many, many at a time. One result a job, in order; an unsound one keeps no other from being added. Ends early
    /// where there is no Redis to talk to: jobs beyond the last result weren't tried.
    pub async fn add_all<J: Borrow<Job>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Vec<Result<Added, AddError>> {
        let mut jobs = jobs.into_iter().peekable();
        let mut results = Vec::new();
        while jobs.peek().is_some() {
            let round = self.add_round(&mut jobs).await;
            let over = round.iter().flat_map(|result| result.as_ref().err()).any(AddError::is_connection);
            results.extend(round);
            if over {
                break;
            }
        }
        results
    }

    /// As many as fit one batch.
    async fn add_round<J: Borrow<Job>>(
        &self,
        jobs: &mut impl Iterator<Item = J>,
    ) -> Vec<Result<Added, AddError>> {
        let mut batch = Batch::new(&self.queue);
        let mut round = Vec::new();
        while !batch.is_full()
            && round.len() < MAX_BATCH_ENTRIES
            && let Some(job) = jobs.next()
        {
            let checked = self.check(job.borrow());
            if checked.is_ok() {
                batch.push(job.borrow().fields());
            }
            round.push((job, checked));
        }
        let mut entries = self.adder.add_batch(batch).await.into_iter();
        let mut result_of = |(job, checked): (J, Result<CheckedJob, Fault>)| {
            let checked = checked.map_err(AddError::Invalid)?;
            let entry =
                entries.next().expect("each entry of a batch has its result").map_err(AddError::Redis)?;
            Ok(self.added(job.borrow(), checked, entry))
        };
        round.into_iter().map(&mut result_of).collect()
    }

    fn check(&self, job: &Job) -> Result<CheckedJob, Fault> {
        // What it guards is a cache of URLs, whole after any panic.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).check(job)
    }

    /// What the job is called now that its entry has an id.
    fn added(&self, job: &Job, checked: CheckedJob, entry: EntryId) -> Added {
        let gives = |wanted: &[u8]| job.fields().iter().any(|(name, _)| name == wanted);
        let id = if gives(b"id") { checked.id } else { entry.to_string().into() };
        let default_event_id = || format!("{id}{}", self.queue.event_id_suffix()).into();
        let event_id = if gives(b"eventId") { checked.event_id } else { default_event_id() };
        Added { id, event_id, entry }
    }
}
