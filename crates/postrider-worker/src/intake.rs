//! The one task that leases entries: unread ones, those whose reply was lost, those of lost workers. One at a time, so that
//! the slots it reserves are never promised twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;
use postrider_core::job::{EntryKind, Field, InvalidJob, Job, MAX_FIELDS, ParseContext, entry_size};
use postrider_core::verdict::DeadReason;
use postrider_store::entry::LeasedEntry;
use postrider_store::fault::{FaultClass, StoreError};
use postrider_store::link::Link;
use postrider_store::queue::MAX_SCRIPT_FIELDS;
use postrider_store::reader::{Reader, Wait};
use postrider_store::settlement::{Destination, Made, Settlement};
use tokio::sync::watch;

use crate::config::Trade;
use crate::destination;
use crate::dispatcher::{Room, Ticket};
use crate::engine::{Engine, Lease, LostWorker, settlement};
use crate::event::JobsTakenOver;
use crate::health::Part;
use crate::outbox::Parcel;
use crate::pace::Backoff;
use crate::pulse::Pulse;

/// How often the list of own leases is compared with what is held here, lest a lost reply keep jobs hidden.
const RECOVER_EVERY: Duration = Duration::from_secs(5);

/// Most leases that one call fetches.
const MAX_FETCH: usize = 100;

/// A heartbeat that is no later than this says that Redis answers.
const RECENTLY: Duration = Duration::from_millis(500);

/// How often the intake looks up while it can't read.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Leases entries for one worker.
pub(crate) struct Intake {
    engine: Arc<Engine>,
    reader: Reader,
    link: Link,
    context: ParseContext,
    pulse: watch::Receiver<Pulse>,
    recover_at: Instant,
    /// A takeover was begun whose reply never came: leases that are found now may be those of a lost worker.
    takeover_unanswered: bool,
    has_group: bool,
    has_started: bool,
}

impl Intake {
    pub(crate) fn new(engine: Arc<Engine>, reader: Reader, link: Link) -> Self {
        let context = ParseContext {
            kind: match engine.config.trade {
                Trade::Deliver => EntryKind::Job,
                Trade::FanOut { .. } => EntryKind::Event,
            },
            max_job_bytes: engine.config.max_job_bytes,
            event_id_suffix: engine.queue.name().event_id_suffix().into(),
            endpoints: Default::default(),
        };
        let pulse = engine.pulse.clone();
        let recover_at = Instant::now() + RECOVER_EVERY;
        Self {
            engine,
            reader,
            link,
            context,
            pulse,
            recover_at,
            takeover_unanswered: false,
            has_group: false,
            has_started: false,
        }
    }

    /// Leases until the worker stops reading.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::default();
        while !self.engine.stop_reading.is_cancelled() {
            if !self.may_read() {
                self.engine.dispatcher().rest(self.engine.place);
                self.wait_for_a_beat().await;
                continue;
            }
            match self.step().await {
                Ok(()) => {
                    backoff.reset();
                    self.engine.works(Part::Intake);
                }
                Err(error) => {
                    self.engine.dispatcher().rest(self.engine.place);
                    self.recover_from(&error);
                    backoff.pause().await;
                }
            }
        }
        self.engine.dispatcher().rest(self.engine.place);
    }

    fn may_read(&self) -> bool {
        self.engine.may_start() && !self.engine.pulse.borrow().paused
    }

    async fn wait_for_a_beat(&mut self) {
        if self.pulse.borrow_and_update().paused {
            self.engine.health.set_phase(Some("the queue is paused"));
        }
        let _ = tokio::time::timeout(LOOK_UP, self.pulse.changed()).await;
        self.has_started = false;
    }

    fn recover_from(&mut self, error: &StoreError) {
        self.engine.failed(Part::Intake, error);
        // The reply may have been lost on its way: what it held is pending for this worker.
        self.recover_at = Instant::now();
        self.has_group &= error.class() != FaultClass::NoGroup;
    }

    /// One lease of whatever is next.
    async fn step(&mut self) -> Result<(), StoreError> {
        if !self.has_group {
            if self.engine.queue.ensure_group(&mut self.link).await? {
                tracing::info!(queue = %self.engine.queue.name(), "stream or consumer group was missing: made it at 0");
            }
            self.has_group = true;
        }
        if !self.has_started {
            self.engine.health.set_phase(None);
            self.has_started = true;
        }
        let (slots, place) = (self.engine.slots.clone(), self.engine.place);
        let room = slots.dispatcher().reserve(place, Instant::now());
        if room.count == 0 {
            let _ = tokio::time::timeout(LOOK_UP, slots.freed(place)).await;
            return Ok(());
        }
        let begun = Instant::now();
        let leased = self.lease(room).await;
        slots.dispatcher().release(place, room, leased.as_ref().map_or(0, Vec::len));
        slots.tell_others_of_free_ones(place);
        self.admit(leased?, begun);
        Ok(())
    }

    async fn lease(&mut self, room: Room) -> Result<Vec<LeasedEntry>, StoreError> {
        if self.recover_at <= Instant::now() {
            let found = self.recover(room.count).await?;
            self.recover_at = Instant::now() + if found.is_empty() { RECOVER_EVERY } else { Duration::ZERO };
            return Ok(found);
        }
        let lost = self.engine.lost_workers().last().cloned();
        match lost {
            Some(lost) => self.take_over(&lost, room.count).await,
            None => self.read(room).await,
        }
    }

    async fn read(&mut self, room: Room) -> Result<Vec<LeasedEntry>, StoreError> {
        let engine = &self.engine;
        let recently = engine.config.heartbeat + RECENTLY;
        let redis_answers = || engine.pulse.borrow().age(Instant::now()).is_some_and(|age| age < recently);
        engine.health.read_begins();
        let wait = if room.waits { Wait::ForEntries } else { Wait::No };
        let read = self.reader.read(&engine.queue, room.count, wait, redis_answers).await;
        engine.health.read_ends();
        read
    }

    /// Entries that are pending for this worker and never reached it.
    async fn recover(&mut self, room: usize) -> Result<Vec<LeasedEntry>, StoreError> {
        let most = self.engine.config.bounds.max_held() + MAX_FETCH;
        let pending = self.engine.queue.own_pending(&mut self.link, most).await?;
        let unknown: Vec<_> = {
            let dispatcher = self.engine.dispatcher();
            pending
                .into_iter()
                .filter(|id| !dispatcher.holds(self.engine.lease_id(*id)))
                .take(room.min(MAX_FETCH))
                .collect()
        };
        if unknown.is_empty() {
            self.takeover_unanswered = false;
            return Ok(Vec::new());
        }
        let mut found = self.engine.queue.fetch(&mut self.link, &unknown).await?;
        tracing::info!(queue = %self.engine.queue.name(), jobs = found.len(), "found leases whose reply was lost");
        // Rather one start too many that counts as a loss than a job that kills its workers and is never counted.
        found.iter_mut().for_each(|entry| entry.taken_over |= self.takeover_unanswered);
        Ok(found)
    }

    async fn take_over(&mut self, lost: &LostWorker, room: usize) -> Result<Vec<LeasedEntry>, StoreError> {
        self.takeover_unanswered = true;
        let taken = self.engine.queue.take_over(&mut self.link, &lost.name, lost.beat, room).await?;
        self.takeover_unanswered = false;
        JobsTakenOver { worker: &lost.name, jobs: taken.entries.len(), finished: taken.finished }.emit();
        if taken.finished || taken.entries.is_empty() {
            self.engine.lost_workers().retain(|known| known != lost);
        }
        Ok(taken.entries)
    }

    /// The read may have begun before the worker was told to stop, or before it lost its heartbeat, which may be back sooner
    /// than the read's reply.
    fn may_admit(&self, leased: Instant) -> bool {
        !self.engine.stop_reading.is_cancelled() && self.may_read() && self.engine.is_sure_of(leased)
    }

    fn admit(&mut self, entries: Vec<LeasedEntry>, leased: Instant) {
        let now = Instant::now();
        for entry in entries {
            let Some(ticket) = self.examine_safely(entry, leased) else { continue };
            if !self.may_admit(leased) {
                self.engine.dispatcher().hold_finished(ticket.id);
                self.engine.give_back(&ticket);
                continue;
            }
            let placement = self.engine.dispatcher().admit(ticket, now);
            self.engine.carry_out([placement]);
        }
    }

    /// An entry that makes the code panic is poison to itself alone.
    fn examine_safely(&mut self, entry: LeasedEntry, leased: Instant) -> Option<Ticket<Lease>> {
        let id = entry.id;
        let examined = std::panic::catch_unwind(AssertUnwindSafe(|| self.examine(entry, leased)));
        examined.unwrap_or_else(|_| {
            self.engine.metrics.panicked_reading(id);
            let destination = Destination::Dead {
                reason: DeadReason::Poison,
                made: Made::default(),
                error: "the worker panicked while reading this entry".to_owned(),
            };
            self.bury(id, id.to_string().into(), destination, 0, None);
            None
        })
    }

    /// A ticket for an entry that can be sent; everything else is settled at once.
    fn examine(&mut self, entry: LeasedEntry, leased: Instant) -> Option<Ticket<Lease>> {
        let fields = entry.fields?;
        let size = entry_size(&fields);
        {
            let mut dispatcher = self.engine.dispatcher();
            if dispatcher.holds(self.engine.lease_id(entry.id)) {
                return None;
            }
            dispatcher.note_size(size);
        }
        let wide = (fields.len() > MAX_SCRIPT_FIELDS.max(MAX_FIELDS)).then(|| fields.clone());
        let job = match Job::parse(entry.id, fields, &mut self.context) {
            Ok(job) => job,
            Err(invalid) => {
                self.bury_invalid(entry.id, invalid, size, wide);
                return None;
            }
        };
        let engine = self.engine.clone();
        let lease = Lease { engine, job, deliveries: entry.deliveries, taken_over: entry.taken_over, leased };
        let crashes = lease.crashes().saturating_add(u32::from(lease.taken_over));
        if crashes >= self.engine.config.max_crashes {
            self.bury_poison(entry.id, &lease, crashes);
            return None;
        }
        Some(Ticket {
            id: self.engine.lease_id(entry.id),
            destination: destination::key(&lease.job),
            bytes: lease.job.size,
            suspect: crashes >= 2,
            patience: self.engine.patience_of(&lease.job),
            job: lease,
        })
    }

    fn bury_invalid(&self, entry: EntryId, invalid: InvalidJob, bytes: usize, wide: Option<Vec<Field>>) {
        let destination = Destination::Dead {
            reason: DeadReason::Invalid,
            made: Made { status: 0, attempts: invalid.state.attempts },
            error: invalid.fault.sentence().to_owned(),
        };
        self.bury(entry, invalid.id, destination, bytes, wide);
    }

    fn bury(
        &self,
        entry: EntryId,
        job_id: Box<str>,
        destination: Destination,
        bytes: usize,
        wide: Option<Vec<Field>>,
    ) {
        self.engine.dispatcher().hold_finished(self.engine.lease_id(entry));
        let settlement = Settlement { entry, job_id, hook: None, destination, attempt: None, bytes };
        self.engine.outbox.push_parcel(Parcel { settlement, wide });
    }

    fn bury_poison(&self, entry: EntryId, lease: &Lease, crashes: u32) {
        let destination = Destination::Dead {
            reason: DeadReason::Poison,
            made: Made { status: 0, attempts: lease.job.state.attempts },
            error: format!("the job was lost with its worker {crashes} times (queue.max_crashes)"),
        };
        self.engine.dispatcher().hold_finished(self.engine.lease_id(entry));
        self.engine.outbox.push(settlement(entry, &lease.job, destination));
    }
}
