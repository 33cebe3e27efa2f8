//! What all parts of the engine share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postrider_core::endpoint::EndpointCache;
use postrider_core::entry_id::EntryId;
use postrider_core::job::Job;
use postrider_core::job_state::JobState;
use postrider_core::retry::Roll;
use postrider_sender::Sender;
use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::queue::Queue;
use postrider_store::settlement::{Destination, HookName, Settlement, Until};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::WorkerConfig;
use crate::deliver;
use crate::destination::{Answer, SentAway};
use crate::dispatcher::{Dispatcher, Finished, LeaseId, Placement, Ticket};
use crate::event::{DestinationChanged, Metrics, RedisFailed};
use crate::health::{Health, Part};
use crate::hook_cache::HookCache;
use crate::outbox::Outbox;
use crate::owners::Owners;
use crate::proxy_trouble::ProxyTrouble;
use crate::pulse::Pulse;
use crate::slots::Slots;
use crate::traces;

/// Most jobs that one call recalls.
const MAX_RECALL: usize = 500;

/// A job and how it came here.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Whose it is: the slots are shared with the engines of other queues.
    pub(crate) engine: Arc<Engine>,
    pub(crate) job: Job,
    /// How often its entry has been handed out.
    pub(crate) deliveries: u32,
    /// It comes from a lost worker: its start counts as a crash.
    pub(crate) taken_over: bool,
    /// When the call that leased it was begun.
    pub(crate) leased: Instant,
}

impl Lease {
    /// How often the job has been lost with a worker, as far as it has been counted.
    pub(crate) fn crashes(&self) -> u32 {
        self.job.state.crashes.saturating_add(self.deliveries.saturating_sub(1))
    }

    /// What to remember when the job leaves the stream without an attempt.
    pub(crate) fn untouched_state(&self) -> JobState {
        JobState { crashes: self.crashes(), ..self.job.state }
    }

    /// What to remember after an attempt that the receiver answered, or that came to nothing: it is no poison.
    pub(crate) fn state_after_attempt(&self) -> JobState {
        JobState { attempts: self.job.next_attempt(), crashes: 0, deferred: None, ..self.job.state }
    }
}

/// A worker that was found dead, and its last heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostWorker {
    pub(crate) name: Box<str>,
    pub(crate) beat: Option<i64>,
}

/// The shared state of one worker.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) config: WorkerConfig,
    pub(crate) queue: Queue,
    pub(crate) sender: Sender,
    /// Whether the proxy works, where there is one.
    pub(crate) proxy_trouble: ProxyTrouble,
    pub(crate) hooks: HookCache,
    pub(crate) metrics: Metrics,
    pub(crate) health: Arc<Health>,
    pub(crate) pulse: watch::Receiver<Pulse>,
    pub(crate) outbox: Outbox,
    /// What owners of hooks are to be told.
    pub(crate) owners: Owners,
    /// Says that nothing more is to be leased.
    pub(crate) stop_reading: CancellationToken,
    /// Says that requests under way are to be cut off.
    pub(crate) abandon: CancellationToken,
    /// Says that the remaining parts are to end.
    pub(crate) finish: CancellationToken,
    /// The attempts under way.
    pub(crate) attempts: TaskTracker,
    /// URLs of registered hooks that were parsed before.
    pub(crate) endpoints: Mutex<EndpointCache>,
    /// Wakes whoever opens lines, when one opens sooner than it knew.
    pub(crate) line_opens: Notify,
    /// When the next waiting job is due, for whoever promotes.
    pub(crate) due: crate::maintain::promote::DueTime,
    /// Workers that were found dead, for the intake to take their jobs over.
    pub(crate) lost_workers: Mutex<Vec<LostWorker>>,
    /// Jobs that were sent away and may come back at once, for whoever promotes.
    pub(crate) recalled: Mutex<Vec<SentAway>>,
    /// What the queues of this worker share.
    pub(crate) slots: Arc<Slots>,
    /// Which of them this one is.
    pub(crate) place: u16,
}

impl Engine {
    /// Carries out what the dispatcher has decided, also of jobs of other queues.
    pub(crate) fn carry_out(&self, moves: impl IntoIterator<Item = Placement<Lease>>) {
        for placement in moves {
            match placement {
                Placement::Kept => {}
                Placement::KeptUntil => self.line_opens.notify_one(),
                Placement::Start(ticket) => {
                    let engine = ticket.job.engine.clone();
                    engine.metrics.slot_taken();
                    engine.attempts.spawn(deliver::run(engine.clone(), ticket));
                }
                Placement::Defer(ticket, wait) => ticket.job.engine.defer(&ticket, wait),
            }
        }
    }

    /// Sends a job back to wait for its destination's limit. No attempt is spent.
    fn defer(&self, ticket: &Ticket<Lease>, wait: Duration) {
        let job = &ticket.job.job;
        let now = self.pulse.borrow().redis_time_at_most(Instant::now());
        if job.expires_at.is_some_and(|expiry| expiry <= now) {
            let grave = deliver::expired(job);
            traces::tell_of_burial(self, &ticket.job, ticket.id.entry, &grave);
            return self.outbox.push(settlement(ticket.id.entry, job, grave));
        }
        let left = job.expires_at.map_or(wait, |expiry| expiry.since(now).min(wait));
        let state = JobState { deferred: job.state.deferred.or(Some(now)), ..ticket.job.untouched_state() };
        let destination = Destination::Deferred { until: Until::After(left), state };
        let moment = Instant::now();
        let sent_away = SentAway { job_id: job.id.clone(), id: ticket.id, back_at: moment + wait };
        self.dispatcher().remember(ticket, sent_away, moment);
        self.outbox.push(settlement(ticket.id.entry, job, destination));
    }

    /// How much longer a breaker may hold a job up: in all as long as it would wait for its next attempt if it had failed. So
    /// a breaker at most doubles the time that a job takes, and none waits for ever.
    pub(crate) fn patience_of(&self, job: &Job) -> Duration {
        let patience = self.config.retry.delay(job.next_attempt(), Roll::new(0.0));
        let Some(since) = job.state.deferred else { return patience };
        let now = self.pulse.borrow().redis_time_at_least(Instant::now());
        patience.saturating_sub(now.since(since))
    }

    /// Makes jobs due at once that were sent away for a limit which isn't reached any more.
    pub(crate) async fn recall(&self, link: &mut Link) -> Result<(), StoreError> {
        let recalled: Vec<SentAway> = std::mem::take(&mut *self.recalled());
        for part in recalled.chunks(MAX_RECALL) {
            let jobs: Vec<_> = part.iter().map(|job| (&*job.job_id, job.id.entry)).collect();
            self.queue.recall(link, &jobs).await?;
        }
        Ok(())
    }

    pub(crate) fn recalled(&self) -> MutexGuard<'_, Vec<SentAway>> {
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job's attempt has ended: its slot is free, its settlement on the way.
    pub(crate) fn finished(self: &Arc<Self>, settlement: Settlement, answer: Answer) {
        let id = self.lease_id(settlement.entry);
        let finished = self.slots.dispatcher().finish(id, Instant::now(), answer, fastrand::f64());
        self.outbox.push(settlement);
        self.after_finish(finished);
    }

    /// A job needs no settlement: it is another worker's by now, or its last step settled it.
    pub(crate) fn ended(self: &Arc<Self>, entry: EntryId) {
        let finished = {
            let mut dispatcher = self.dispatcher();
            let finished = dispatcher.finish(self.lease_id(entry), Instant::now(), Answer::None, 0.0);
            dispatcher.settled(self.lease_id(entry));
            finished
        };
        self.after_finish(finished);
    }

    fn after_finish(self: &Arc<Self>, finished: Finished<Lease>) {
        self.metrics.slot_left();
        if let Some(news) = finished.news {
            DestinationChanged { queue: self.queue.name(), news: &news }.emit(&self.metrics.lines);
        }
        self.carry_out(finished.moves);
        self.slots.tell_of_free_ones();
    }

    /// Gives back what hasn't started: for another worker, or for this one later.
    pub(crate) fn give_back_unstarted(&self) {
        let unstarted = self.dispatcher().give_back_unstarted(self.place);
        for ticket in &unstarted {
            self.give_back(ticket);
        }
    }

    /// Gives one job back that hasn't started.
    pub(crate) fn give_back(&self, ticket: &Ticket<Lease>) {
        let destination = Destination::GivenBack { state: ticket.job.untouched_state() };
        self.outbox.push(settlement(ticket.id.entry, &ticket.job.job, destination));
    }

    /// Whether requests may start: heartbeats are accepted, so the jobs held here are this worker's.
    pub(crate) fn may_start(&self) -> bool {
        !self.pulse.borrow().is_fenced(Instant::now(), self.config.fence_after())
    }

    /// Whether what was leased then may start: heartbeats have been accepted without a gap since.
    pub(crate) fn is_sure_of(&self, leased: Instant) -> bool {
        self.pulse.borrow().is_sure_of(leased, Instant::now(), self.config.fence_after())
    }

    /// Tells log, metrics and readiness of an operation on Redis that failed.
    pub(crate) fn failed(&self, part: Part, error: &StoreError) {
        self.health.failed(part, error.line());
        self.failed_beside_the_jobs(error);
    }

    /// Likewise, where jobs go on without it: readiness isn't told.
    pub(crate) fn failed_beside_the_jobs(&self, error: &StoreError) {
        self.metrics.redis_failed(error);
        RedisFailed { error }.emit(&self.metrics.lines);
    }

    /// Tells readiness that a part works.
    pub(crate) fn works(&self, part: Part) {
        if self.health.works(part) {
            tracing::info!(?part, queue = %self.queue.name(), "works again");
        }
    }

    pub(crate) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher<Lease>> {
        self.slots.dispatcher()
    }

    /// An entry of this queue, as the dispatcher knows it.
    pub(crate) fn lease_id(&self, entry: EntryId) -> LeaseId {
        LeaseId { queue: self.place, entry }
    }

    pub(crate) fn lost_workers(&self) -> MutexGuard<'_, Vec<LostWorker>> {
        self.lost_workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A settlement without an attempt to record.
pub(crate) fn settlement(entry: EntryId, job: &Job, destination: Destination) -> Settlement {
    let hook = hook_name(job);
    Settlement { entry, job_id: job.id.clone(), hook, destination, attempt: None, bytes: job.size }
}

/// The hook that a job is for, as notices name it.
pub(crate) fn hook_name(job: &Job) -> Option<HookName> {
    let (user_id, hook_id) = (job.user_id.as_deref(), job.hook_id.as_deref());
    let is_named = user_id.is_some() || hook_id.is_some();
    is_named.then(|| HookName::new(user_id.unwrap_or_default(), hook_id.unwrap_or_default()))
}
