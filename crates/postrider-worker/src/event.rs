//! Facts worth telling: one struct each, whose `emit` writes the log line and the metric.
//!
//! No label is ever a URL, a hook or a user; per-job lines are `debug`; what can come in floods is summed up.

mod lines;

use std::time::{Duration, Instant};

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use postrider_core::endpoint::Endpoint;
use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;
use postrider_core::queue_name::QueueName;
use postrider_core::verdict::DeadReason;
use postrider_sender::{Attempt, ProxyFault, ProxyFaultKind};
use postrider_store::fault::{FaultClass, StoreError, describe};
use postrider_store::presence::Loss;
use postrider_store::queue::{Queue, Sample};
use postrider_store::settlement::{Destination, Settled, Settlement};

use crate::destination::Change;
use crate::dispatcher::News;

pub(crate) use lines::Lines;

/// The metrics of one queue, looked up once: the hot path only adds.
pub(crate) struct Metrics {
    delivered: Counter,
    retried: Counter,
    dead: Counter,
    deferred: Counter,
    discarded: Counter,
    reasons: Vec<(DeadReason, Counter)>,
    redis_errors: Vec<(FaultClass, Counter)>,
    proxy_errors: Vec<(ProxyFaultKind, Counter)>,
    attempt_seconds: Histogram,
    lag_seconds: Histogram,
    events: Counter,
    event_jobs: Counter,
    in_flight: Gauge,
    workers: Gauge,
    oldest_ready: Gauge,
    states: [Gauge; 4],
    pub(crate) lines: Lines,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Says what each metric means, for `# HELP`.
fn describe_metrics() {
    describe_counter!("postrider_attempts_total", "Jobs that left their lease, by what became of them");
    describe_histogram!("postrider_attempt_seconds", "From the start of a request to the end of its attempt");
    describe_histogram!(
        "postrider_delivery_lag_seconds",
        "From a job's due time to the start of its request"
    );
    describe_gauge!("postrider_jobs", "Jobs in each state, counted each second");
    describe_gauge!("postrider_oldest_ready_seconds", "Age of the oldest job that no worker has leased");
    describe_gauge!("postrider_in_flight", "Slots of this worker that are in use");
    describe_gauge!("postrider_workers", "Workers with a heartbeat");
    describe_counter!("postrider_events_total", "Events that became jobs");
    describe_counter!("postrider_event_jobs_total", "Jobs that were made of events");
    describe_counter!("postrider_dead_total", "Jobs that ended in the dead letters");
    describe_counter!("postrider_redis_errors_total", "Operations on Redis that failed and were tried again");
    describe_counter!("postrider_redis_losses_total", "Times that Redis came back without data that it had");
    describe_counter!(
        "postrider_proxy_errors_total",
        "Attempts that were put off since the proxy doesn't work"
    );
}

impl Metrics {
    /// Registers everything at zero, so that a dashboard has its lines before the first failure.
    pub(crate) fn new(queue: &Queue) -> Self {
        describe_metrics();
        let queue = queue.name().to_string();
        for how in ["emptied", "older"] {
            counter!("postrider_redis_losses_total", "queue" => queue.clone(), "how" => how).absolute(0);
        }
        let outcome =
            |outcome| counter!("postrider_attempts_total", "queue" => queue.clone(), "outcome" => outcome);
        let state = |state| gauge!("postrider_jobs", "queue" => queue.clone(), "state" => state);
        let reason = |reason: DeadReason| {
            (reason, counter!("postrider_dead_total", "queue" => queue.clone(), "reason" => reason.as_str()))
        };
        let fault =
            |class: FaultClass| (class, counter!("postrider_redis_errors_total", "kind" => class.as_str()));
        let proxy_fault =
            |kind: ProxyFaultKind| (kind, counter!("postrider_proxy_errors_total", "kind" => kind.as_str()));
        Self {
            delivered: outcome("delivered"),
            retried: outcome("retried"),
            dead: outcome("dead"),
            deferred: outcome("deferred"),
            discarded: outcome("discarded"),
            reasons: DeadReason::ALL.map(reason).into(),
            redis_errors: FaultClass::ALL.map(fault).into(),
            proxy_errors: ProxyFaultKind::ALL.map(proxy_fault).into(),
            attempt_seconds: histogram!("postrider_attempt_seconds", "queue" => queue.clone()),
            lag_seconds: histogram!("postrider_delivery_lag_seconds", "queue" => queue.clone()),
            events: counter!("postrider_events_total", "queue" => queue.clone()),
            event_jobs: counter!("postrider_event_jobs_total", "queue" => queue.clone()),
            in_flight: gauge!("postrider_in_flight", "queue" => queue.clone()),
            workers: gauge!("postrider_workers", "queue" => queue.clone()),
            oldest_ready: gauge!("postrider_oldest_ready_seconds", "queue" => queue.clone()),
            states: ["ready", "leased", "waiting", "dead"].map(state),
            lines: Lines::default(),
        }
    }

    /// A job takes a slot.
    pub(crate) fn slot_taken(&self) {
        self.in_flight.increment(1.0);
    }

    /// A request starts, so long after it was due.
    pub(crate) fn attempt_started(&self, lag: Duration) {
        self.lag_seconds.record(lag);
    }

    /// An event has become so many jobs.
    pub(crate) fn fanned_out(&self, jobs: usize) {
        self.events.increment(1);
        self.event_jobs.increment(jobs as u64);
    }

    /// A job leaves its slot, however it ended.
    pub(crate) fn slot_left(&self) {
        self.in_flight.decrement(1.0);
    }

    /// Redis, or the way to it, failed someone.
    pub(crate) fn redis_failed(&self, error: &StoreError) {
        let class = error.class();
        if let Some((_, counter)) = self.redis_errors.iter().find(|(known, _)| *known == class) {
            counter.increment(1);
        }
    }

    /// How many jobs are in which state.
    pub(crate) fn sampled(&self, sample: Sample) {
        for (gauge, count) in
            self.states.iter().zip([sample.ready, sample.leased, sample.waiting, sample.dead])
        {
            gauge.set(count as f64);
        }
        self.workers.set(sample.workers as f64);
        self.oldest_ready.set(sample.oldest_ready_millis as f64 / 1000.0);
    }

    /// A settlement is written, or turned out not to be this worker's to write.
    pub(crate) fn settled(&self, settlement: &Settlement, result: &Settled) {
        match result {
            Settled::Applied => self.applied(settlement),
            Settled::Duplicate => {
                self.dead.increment(1);
                self.buried(DeadReason::Duplicate, settlement, "another job of this id is waiting already");
            }
            Settled::Refused => self.lines.refused.tell(Instant::now(), |more| {
                tracing::warn!(job = %settlement.job_id, more, "result refused: the job has passed to another worker");
            }),
            Settled::Gone if !matches!(settlement.destination, Destination::Done) => self.lines.gone.tell(Instant::now(), |more| {
                tracing::warn!(job = %settlement.job_id, more, "result dropped: the job's entry is gone from the stream");
            }),
            Settled::Gone | Settled::Failed(_) => {}
        }
    }

    /// A job made the code panic while it was sent.
    pub(crate) fn panicked_sending(&self, job: &str) {
        self.lines.panics_sending.tell(Instant::now(), |more| {
            tracing::error!(job, more, "a panic while sending: the job is buried as poison");
        });
    }

    /// An entry made the code panic while it was read.
    pub(crate) fn panicked_reading(&self, entry: EntryId) {
        self.lines.panics_reading.tell(Instant::now(), |more| {
            tracing::error!(%entry, more, "a panic while reading an entry: it is buried as poison");
        });
    }

    fn applied(&self, settlement: &Settlement) {
        match &settlement.destination {
            Destination::Done => self.delivered.increment(1),
            Destination::Discarded => self.discarded.increment(1),
            Destination::Retry { .. } => self.retried.increment(1),
            Destination::Deferred { .. } | Destination::Held { .. } => self.deferred.increment(1),
            Destination::GivenBack { .. } => {}
            Destination::Dead { reason, error, .. } => {
                self.dead.increment(1);
                self.buried(*reason, settlement, error);
            }
        }
    }

    fn buried(&self, reason: DeadReason, settlement: &Settlement, error: &str) {
        if let Some((_, counter)) = self.reasons.iter().find(|(known, _)| *known == reason) {
            counter.increment(1);
        }
        let job = &settlement.job_id;
        tracing::debug!(%job, %reason, error, "job dead");
        self.lines.dead.tell(Instant::now(), |more| tracing::warn!(%job, %reason, error, more, "job dead"));
    }
}

/// A request has ended, one way or the other.
pub(crate) struct AttemptFinished<'a> {
    pub(crate) job: &'a Job,
    pub(crate) attempt: &'a Attempt,
}

impl AttemptFinished<'_> {
    pub(crate) fn emit(self, metrics: &Metrics) {
        let Self { job, attempt: Attempt { outcome, elapsed, error, detail, .. } } = self;
        metrics.attempt_seconds.record(*elapsed);
        // An origin is all of a URL that a log may hold.
        let destination = job.to.as_ref().map(Endpoint::origin);
        let (hook, attempt, status) = (job.hook_id.as_deref(), job.next_attempt(), outcome.status());
        let (cause, detail) = (Some(&**error).filter(|error| !error.is_empty()), detail.as_deref());
        tracing::debug!(
            job = %job.id, destination, hook, attempt, status, ?elapsed, cause, detail, "attempt finished"
        );
    }
}

/// The proxy doesn't work: a job was put off without an attempt.
pub(crate) struct ProxyFailed<'a> {
    pub(crate) fault: &'a ProxyFault,
    /// The log is to be told too.
    pub(crate) is_told: bool,
}

impl ProxyFailed<'_> {
    pub(crate) fn emit(self, metrics: &Metrics) {
        let Self { fault, is_told } = self;
        if let Some((_, counter)) = metrics.proxy_errors.iter().find(|(kind, _)| *kind == fault.kind()) {
            counter.increment(1);
        }
        if is_told {
            let cause = fault.detail();
            tracing::error!(error = %fault, cause, "the proxy does not work: jobs wait for it");
        }
    }
}

/// The proxy works again.
pub(crate) struct ProxyWorksAgain {
    /// How long it didn't.
    pub(crate) lasted: Duration,
}

impl ProxyWorksAgain {
    pub(crate) fn emit(self) {
        let seconds = self.lasted.as_secs_f64();
        tracing::info!(seconds, "the proxy works again");
    }
}

/// An operation on Redis failed; it will be tried again.
pub(crate) struct RedisFailed<'a> {
    pub(crate) error: &'a StoreError,
}

impl RedisFailed<'_> {
    pub(crate) fn emit(self, lines: &Lines) {
        let (operation, cause) = (self.error.to_string(), describe(&self.error.source));
        match self.error.class() {
            FaultClass::Denied | FaultClass::WrongType => {
                let refuses = |more| tracing::error!(operation, cause, more, "Redis refuses");
                lines.redis_refuses.tell(Instant::now(), refuses);
            }
            _ => {
                let failed = |more| tracing::warn!(operation, cause, more, "Redis failed; trying again");
                lines.redis_failed.tell(Instant::now(), failed);
            }
        }
    }
}

/// Redis came back without data that it had. Nobody can bring it back, but somebody must know.
pub(crate) struct DataLost<'a> {
    pub(crate) queue: &'a QueueName,
    pub(crate) loss: Loss,
}

impl DataLost<'_> {
    pub(crate) fn emit(self) {
        let queue = self.queue;
        let how = match self.loss {
            Loss::Emptied => {
                tracing::error!(%queue, "Redis came back empty: the jobs that it held are lost");
                "emptied"
            }
            Loss::Older { since } => {
                let since = since.to_rfc3339();
                tracing::error!(%queue, since, "Redis came back with older data: what it accepted since is lost");
                "older"
            }
        };
        counter!("postrider_redis_losses_total", "queue" => queue.to_string(), "how" => how).increment(1);
    }
}

/// A destination is left alone since it only fails, or works again.
pub(crate) struct DestinationChanged<'a> {
    pub(crate) queue: &'a QueueName,
    pub(crate) news: &'a News,
}

impl DestinationChanged<'_> {
    pub(crate) fn emit(self, lines: &Lines) {
        let Self { queue, news: News { destination, change } } = self;
        match change {
            Change::Tripped => lines.tripped.tell(Instant::now(), |more| {
                tracing::warn!(%queue, destination, more, "a destination only fails: it is left alone, and tried now and then");
            }),
            Change::Flows => lines.flowing.tell(Instant::now(), |more| {
                tracing::info!(%queue, destination, more, "a destination works again");
            }),
        }
    }
}

/// A worker was found dead; its jobs pass to this one.
pub(crate) struct WorkerLost<'a> {
    pub(crate) worker: &'a str,
}

impl WorkerLost<'_> {
    pub(crate) fn emit(self) {
        tracing::warn!(worker = self.worker, "worker lost: taking its jobs over");
    }
}

/// Jobs of a lost worker are this one's now.
pub(crate) struct JobsTakenOver<'a> {
    pub(crate) worker: &'a str,
    pub(crate) jobs: usize,
    pub(crate) finished: bool,
}

impl JobsTakenOver<'_> {
    pub(crate) fn emit(self) {
        if self.jobs > 0 || self.finished {
            tracing::info!(worker = self.worker, jobs = self.jobs, all = self.finished, "jobs taken over");
        }
    }
}
