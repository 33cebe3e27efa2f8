//! What a trace tells of a job: how long it waited, and each attempt. Decides which jobs have a trace and what its spans
//! are called by; where they go is the caller's.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use postrider_core::endpoint::Endpoint;
use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;
use postrider_core::outcome::Outcome;
use postrider_core::queue_name::QueueName;
use postrider_core::trace::{SpanId, TraceParent};
use postrider_core::verdict::{DeadReason, Verdict};
use postrider_sender::{Attempt, Request};
use postrider_store::settlement::Destination;

use crate::engine::{Engine, Lease};

/// Takes spans that have ended. Is called between deliveries, so it must never wait.
pub trait SpanSink: fmt::Debug + Send + Sync {
    /// Takes one.
    fn take(&self, span: Span<'_>);
}

/// Which jobs are traced, and who is told.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Who is told.
    pub sink: Arc<dyn SpanSink>,
    /// The share, 0 to 1, of the jobs without a `traceparent` that get a trace of their own.
    pub share: f64,
}

/// One thing that happened to a job, with nothing of it that is secret.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The trace, as 16 bytes.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub id: SpanId,
    /// The span that it belongs to; none where it begins the trace.
    pub parent: Option<SpanId>,
    /// Whether the producer made that one.
    pub parent_is_remote: bool,
    /// When it began.
    pub started: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// The queue.
    pub queue: &'a QueueName,
    /// The job's id.
    pub job_id: &'a str,
    /// Its hook.
    pub hook_id: Option<&'a str>,
    /// What happened.
    pub what: What<'a>,
}

/// What a span is of.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// The time in the stream, until a worker leased it.
    Wait {
        /// Why it was buried then, without an attempt.
        buried: Option<DeadReason>,
    },
    /// One attempt.
    Attempt {
        /// 1, 2, …
        number: u32,
        /// The attempt before it.
        former: Option<SpanId>,
        /// Where it went; no more of it may be told than scheme, host and port.
        endpoint: &'a Endpoint,
        /// What the receiver did.
        outcome: &'a Outcome,
        /// In words, without address, path or secret; empty for a success.
        error: &'a str,
        /// What becomes of the job.
        verdict: Verdict,
    },
}

/// The trace of a job on its way through this worker.
#[derive(Debug)]
pub(crate) struct Traced {
    trace: TraceParent,
    /// The trace is the producer's; else it begins with the job's first wait.
    is_continued: bool,
    added: SystemTime,
    leased: SystemTime,
    started: SystemTime,
    /// The span of the attempt that comes now.
    id: SpanId,
}

impl Traced {
    /// The trace of a job that is about to be sent, where it has one and traces are told.
    pub(crate) fn begin(engine: &Engine, lease: &Lease, entry: EntryId) -> Option<Box<Self>> {
        let traces = engine.config.traces.as_ref()?;
        let job = &lease.job;
        let (trace, is_continued) = match job.trace_parent {
            Some(parent) => (parent, true),
            None => (own_trace(engine.queue.name(), job, entry, traces.share)?, false),
        };
        let now = SystemTime::now();
        let leased = now.checked_sub(lease.leased.elapsed()).unwrap_or(now);
        let added = SystemTime::UNIX_EPOCH + Duration::from_millis(added(job, entry).time().as_millis());
        // The time of an entry is of Redis' clock, which may be ahead of this one.
        let added = added.min(leased);
        let id = new_id();
        trace.is_recorded().then(|| Box::new(Self { trace, is_continued, added, leased, started: now, id }))
    }

    /// Tells the receiver of the attempt's span, where the job came with a trace.
    pub(crate) fn introduce(&self, request: &mut Request) {
        if self.is_continued
            && let Some(parent) = self.trace.with_parent(self.id)
        {
            request.headers.insert("traceparent", parent.to_header());
        }
    }

    /// Tells of an attempt that was made. Its span's id goes into the job's state, for the next attempt's link.
    pub(crate) fn attempted(
        &self,
        engine: &Engine,
        job: &Job,
        endpoint: &Endpoint,
        attempt: &Attempt,
        verdict: Verdict,
    ) -> SpanId {
        self.tell_wait(engine, job, None);
        let what = What::Attempt {
            number: job.next_attempt(),
            former: job.state.span,
            endpoint,
            outcome: &attempt.outcome,
            error: &attempt.error,
            verdict,
        };
        let parent = Some(self.trace.parent_id());
        self.tell(engine, job, self.id, parent, [self.started, self.started + attempt.elapsed], what);
        self.id
    }

    fn tell_wait(&self, engine: &Engine, job: &Job, buried: Option<DeadReason>) {
        let begins_trace = !self.is_continued && job.state.attempts == 0;
        let (id, parent) = match begins_trace {
            true => (self.trace.parent_id(), None),
            false => (new_id(), Some(self.trace.parent_id())),
        };
        self.tell(engine, job, id, parent, [self.added, self.leased], What::Wait { buried });
    }

    fn tell(
        &self,
        engine: &Engine,
        job: &Job,
        id: SpanId,
        parent: Option<SpanId>,
        [started, ended]: [SystemTime; 2],
        what: What<'_>,
    ) {
        let Some(traces) = &engine.config.traces else { return };
        traces.sink.take(Span {
            trace_id: self.trace.trace_id(),
            id,
            parent,
            parent_is_remote: self.is_continued,
            started,
            ended,
            queue: engine.queue.name(),
            job_id: &job.id,
            hook_id: job.hook_id.as_deref(),
            what,
        });
    }
}

/// Tells of a job that is buried without an attempt.
pub(crate) fn tell_of_burial(engine: &Engine, lease: &Lease, entry: EntryId, destination: &Destination) {
    if let Destination::Dead { reason, .. } = destination
        && let Some(traced) = Traced::begin(engine, lease, entry)
    {
        traced.tell_wait(engine, &lease.job, Some(*reason));
    }
}

/// Tells of an event that has become jobs, which inherit its trace. A trace of its own would hold nothing but this.
pub(crate) fn tell_of_fan_out(engine: &Engine, lease: &Lease, entry: EntryId) {
    if lease.job.trace_parent.is_some()
        && let Some(traced) = Traced::begin(engine, lease, entry)
    {
        traced.tell_wait(engine, &lease.job, None);
    }
}

/// Of a job without a `traceparent`: it follows from the job, so that all its workers come to the same.
fn own_trace(queue: &QueueName, job: &Job, entry: EntryId, share: f64) -> Option<TraceParent> {
    if share <= 0.0 {
        return None;
    }
    let trace = TraceParent::of_job(queue.as_str(), &job.id, job.state.first_entry.unwrap_or(entry));
    trace.falls_within(share).then_some(trace)
}

/// The entry that began the wait: the producer's before the first attempt, and the promoted one before others.
fn added(job: &Job, entry: EntryId) -> EntryId {
    let first = job.state.first_entry.filter(|_| job.state.attempts == 0);
    first.unwrap_or(entry)
}

fn new_id() -> SpanId {
    // Zero is none.
    fastrand::u64(1..).to_be_bytes()
}
