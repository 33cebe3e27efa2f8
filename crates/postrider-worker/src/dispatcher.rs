//! Who may start now: slots, lines and limits. Pure: no I/O, no clock of its own.
//!
//! A leased job is in one place at a time: *running* (it holds a slot, until it has waited for its receiver for long), in its destination's *line* (it may start within
//! moments), in the *backlog* (it could start, but for a slot), among the *suspects* (it was lost with workers before and
//! is run one at a time), or *finished* (its settlement is on the way). Whatever can't wait here leaves the stream for
//! later.

mod id_hash;
mod shares;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;

use self::id_hash::IdHashing;
use self::shares::Shares;
pub use self::shares::{Order, Room};
use crate::destination::{
    self, Answer, Change, Destination, DestinationView, End, Limits, MAX_LINE_WAIT, Permit, SentAway,
    take_where,
};

/// Most entries that one read leases: more would only wait here instead of in Redis.
const MAX_READ: usize = 100;

/// Entries of the first read, and of the one after a giant.
const FIRST_READ: usize = 8;

/// Jobs that are remembered after they were sent away, over all destinations: a few megabytes of ids.
const MAX_REMEMBERED: usize = 20_000;

/// Destinations that are remembered; beyond it, idle ones are forgotten.
const MAX_DESTINATIONS: usize = 10_000;

/// Pause between two looks for destinations that can be forgotten: while none can, each look costs and gains nothing.
const SCAN_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A leased entry, told from those of the other queues of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId {
    /// Which of the worker's queues it is of, in the order in which they are named.
    pub queue: u16,
    /// The entry.
    pub entry: EntryId,
}

/// A leased job on its way to its attempt. `J` is what the caller needs to make it.
#[derive(Debug)]
pub struct Ticket<J> {
    /// The leased entry.
    pub id: LeaseId,
    /// User id and hook id, or the URL's origin.
    pub destination: Arc<str>,
    /// Size of the job in memory.
    pub bytes: usize,
    /// Lost with a worker more than once: run one at a time.
    pub suspect: bool,
    /// How much longer its destination's breaker may hold it up; zero: not at all.
    pub patience: Duration,
    /// The job.
    pub job: J,
}

impl<J> Ticket<J> {
    /// Whether a breaker has held it up for as long as it may.
    fn is_overdue(&self) -> bool {
        self.patience.is_zero()
    }
}

/// The bounds of one worker.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// `worker.concurrency`: requests at a time.
    pub slots: usize,
    /// Most requests that have waited for long, and hold no slot.
    pub max_patient: usize,
    /// `destination.max_in_flight`: requests at a time to one destination.
    pub max_in_flight: usize,
    /// `destination.rate`: requests a second to one destination.
    pub rate: Option<f64>,
    /// `worker.max_bytes`: bytes of jobs in memory.
    pub max_bytes: usize,
}

/// A request that has waited for so long holds no slot any more: to wait costs a task and a socket, not a core.
const PATIENT_AFTER: Duration = Duration::from_secs(1);

/// The same where the destination is a stranger: nothing says that it will ever answer.
const STRANGER_PATIENT_AFTER: Duration = Duration::from_millis(250);

/// Slots that requests to strangers may hold while others have answered: three in four, however many strangers there are.
const STRANGERS_SHARE: (usize, usize) = (3, 4);

/// Jobs for strangers that wait here for each slot that is free for others.
const MAX_STRANGERS_PER_FREE_SLOT: usize = 4;

/// How long a job for a stranger waits here for a slot before it leaves the stream for a while.
const MAX_WAIT_OF_STRANGERS: Duration = Duration::from_millis(100);

/// Others have answered if one did within so long.
const ANSWERS_COUNT_FOR: Duration = Duration::from_secs(10);

/// Share of the memory for jobs that one destination's requests may take: a quarter.
const MAX_SHARE_OF_BYTES: usize = 4;

impl Bounds {
    /// What holds for every destination.
    fn limits(self) -> Limits {
        Limits { max_in_flight: self.max_in_flight, rate: self.rate }
    }

    /// Most slots that requests to strangers hold while others have answered.
    fn max_strangers(self) -> usize {
        let (part, whole) = STRANGERS_SHARE;
        (self.slots * part / whole).max(1)
    }

    /// Most jobs that wait in lines.
    fn max_lined(self) -> usize {
        self.slots * 2
    }

    /// Most jobs whose settlements wait; at half of it, reading stops.
    pub fn max_unsettled(self) -> usize {
        (self.slots * 8).max(2048)
    }

    /// More leases than this worker can have at any time.
    pub fn max_held(self) -> usize {
        self.slots * (1 + MAX_STRANGERS_PER_FREE_SLOT)
            + self.max_patient
            + self.max_lined()
            + MAX_READ
            + self.max_unsettled()
    }
}

/// Most jobs that wait for their turn among the suspects; more leave the stream for a while.
const MAX_SUSPECTS: usize = 4;

/// How long they leave it.
const SUSPECT_WAIT: Duration = Duration::from_secs(5);

/// Where an admitted job goes.
#[derive(Debug)]
pub enum Placement<J> {
    /// Start it now.
    Start(Ticket<J>),
    /// It is kept here and will be handed out when it may start.
    Kept,
    /// Likewise, when its destination's rate lets it: see [`Dispatcher::open_lines`].
    KeptUntil,
    /// It can't start soon: back to waiting, for so long.
    Defer(Ticket<J>, Duration),
}

/// The state of one worker's slots.
#[derive(Debug)]
pub struct Dispatcher<J> {
    bounds: Bounds,
    shares: Shares,
    reserved: usize,
    running: HashMap<LeaseId, Running, IdHashing>,
    /// By queue: what one queue can't settle holds up no other.
    finished: Vec<HashSet<EntryId, IdHashing>>,
    kept: HashSet<LeaseId, IdHashing>,
    backlog: VecDeque<Ticket<J>>,
    suspects: VecDeque<Ticket<J>>,
    /// Jobs for strangers that wait for a slot, and since when.
    strangers_line: VecDeque<(Ticket<J>, Instant)>,
    suspect_running: bool,
    destinations: HashMap<Arc<str>, Destination<Ticket<J>>, IdHashing>,
    /// When the lines open that wait for their rate.
    openings: BTreeSet<(Instant, Arc<str>)>,
    lined: usize,
    /// Requests that hold no slot any more.
    patient: usize,
    /// Requests to strangers that hold a slot.
    strangers: usize,
    /// When destinations were last looked through for some to forget.
    last_scan: Option<Instant>,
    /// When any destination answered last.
    last_answer: Option<Instant>,
    bytes: usize,
    largest: usize,
    /// Most entries of the next read: doubles while they are small, so that a backlog of giants isn't met unprepared.
    stride: usize,
    /// Jobs that are remembered as sent away, over all destinations.
    remembered: usize,
}

#[derive(Debug)]
struct Running {
    destination: Arc<str>,
    bytes: usize,
    suspect: bool,
    started: Instant,
    /// Its destination was a stranger when it was started.
    is_stranger: bool,
    is_patient: bool,
}

/// A destination has begun to fail, or works again.
#[derive(Debug)]
pub(crate) struct News {
    /// Its name.
    pub(crate) destination: String,
    pub(crate) change: Change,
}

/// What came of a job's end.
#[derive(Debug)]
pub struct Finished<J> {
    /// Jobs that may start now, or must leave.
    pub moves: Vec<Placement<J>>,
    /// News of its destination.
    pub(crate) news: Option<News>,
}

impl<J> Default for Finished<J> {
    fn default() -> Self {
        Self { moves: Vec::new(), news: None }
    }
}

impl<J> Dispatcher<J> {
    /// A worker with all slots free, of a single queue.
    pub fn new(bounds: Bounds) -> Self {
        Self::of_queues(bounds, Order::Weighted, &[1])
    }

    /// A worker with all slots free, of several queues with these weights.
    pub fn of_queues(bounds: Bounds, order: Order, weights: &[u32]) -> Self {
        Self {
            bounds,
            shares: Shares::new(order, weights),
            reserved: 0,
            running: HashMap::default(),
            finished: vec![HashSet::default(); weights.len()],
            kept: HashSet::default(),
            backlog: VecDeque::new(),
            suspects: VecDeque::new(),
            strangers_line: VecDeque::new(),
            suspect_running: false,
            destinations: HashMap::default(),
            openings: BTreeSet::new(),
            lined: 0,
            patient: 0,
            strangers: 0,
            last_scan: None,
            last_answer: None,
            bytes: 0,
            largest: 1024,
            stride: FIRST_READ,
            remembered: 0,
        }
    }

    /// Reserves slots for one read of a queue, as many as there is room for.
    pub fn reserve(&mut self, queue: u16, now: Instant) -> Room {
        if self.finished[usize::from(queue)].len() >= self.bounds.max_unsettled() / 2 {
            // Nor does anyone wait for its turn.
            self.rest(queue);
            return Room::default();
        }
        // Several strangers wait for each free slot before reading stops: those behind them may be others.
        let strangers = self.strangers_line.len() / MAX_STRANGERS_PER_FREE_SLOT;
        let free = self.free_slots().saturating_sub(self.backlog.len() + strangers);
        let line_room = self.bounds.max_lined().saturating_sub(self.lined);
        let most = free.min(line_room).min(self.stride).min(self.room_in_bytes());
        let room = self.shares.room(queue.into(), most, self.bounds.slots, now);
        self.reserved += room.reserved;
        room
    }

    /// Gives a reservation back: the read has ended, and the entries that it brought are admitted next.
    pub fn release(&mut self, queue: u16, room: Room, entries: usize) {
        self.reserved -= room.reserved.min(self.reserved);
        self.shares.leased(queue.into(), entries);
        let is_small = self.largest.saturating_mul(MAX_READ) <= self.bounds.max_bytes;
        self.stride = if is_small { (self.stride * 2).min(MAX_READ) } else { FIRST_READ };
    }

    /// Notes that a queue isn't read for now.
    pub(crate) fn rest(&mut self, queue: u16) {
        self.shares.rest(queue.into());
    }

    /// Slots that are neither used nor reserved.
    fn free_slots(&self) -> usize {
        self.bounds.slots.saturating_sub(self.running.len() - self.patient + self.reserved)
    }

    /// Entries of the largest size seen of late that fit into the memory that is left; one always does when nothing is held.
    fn room_in_bytes(&self) -> usize {
        let left = self.bounds.max_bytes.saturating_sub(self.bytes);
        let fit = left / self.largest.max(1);
        if self.bytes == 0 { fit.max(1) } else { fit }
    }

    /// Notes the size of an entry that was read. The maximum fades, so that one giant doesn't slow reading for ever.
    pub fn note_size(&mut self, bytes: usize) {
        self.largest = bytes.max(self.largest - self.largest / 16).max(256);
    }

    /// Whether this process holds the entry: it must never be started twice.
    pub fn holds(&self, id: LeaseId) -> bool {
        self.running.contains_key(&id)
            || self.kept.contains(&id)
            || self.finished[usize::from(id.queue)].contains(&id.entry)
    }

    /// Finds a place for a job that was leased just now.
    pub fn admit(&mut self, ticket: Ticket<J>, now: Instant) -> Placement<J> {
        self.bytes += ticket.bytes;
        self.place(ticket, now)
    }

    fn place(&mut self, ticket: Ticket<J>, now: Instant) -> Placement<J> {
        if self.free_slots() == 0 {
            return self.keep(ticket, |state| &mut state.backlog);
        }
        if ticket.suspect && self.suspect_running {
            return self.set_suspect_aside(ticket);
        }
        if self.is_one_stranger_too_many(&ticket.destination, now) {
            self.kept.insert(ticket.id);
            self.strangers_line.push_back((ticket, now));
            return Placement::Kept;
        }
        let wait = match self.permit(&ticket, now) {
            Permit::Granted => return Placement::Start(self.start(ticket, now)),
            Permit::InLine => self.expected_wait(&ticket.destination, now),
            Permit::After(wait) => wait.max(self.expected_wait(&ticket.destination, now)),
            Permit::Tripped => Duration::MAX,
        };
        if wait <= MAX_LINE_WAIT && self.lined < self.bounds.max_lined() {
            return self.line_up(ticket, now);
        }
        let limits = self.bounds.limits();
        let patience = ticket.patience;
        let wait = self.destination(&ticket.destination, now).next_opening(limits, patience, now);
        self.let_go(&ticket);
        Placement::Defer(ticket, wait)
    }

    fn permit(&mut self, ticket: &Ticket<J>, now: Instant) -> Permit {
        let (limits, max_bytes) = (self.bounds.limits(), self.bounds.max_bytes / MAX_SHARE_OF_BYTES);
        let destination = self.destination(&ticket.destination, now);
        match destination.permit(limits, ticket.is_overdue(), now) {
            Permit::Granted if !destination.has_room_for(ticket.bytes, max_bytes) => Permit::InLine,
            permit => permit,
        }
    }

    /// Slots are lent to those that have shown that they give them back; a share of them is enough to get to know the others.
    fn is_one_stranger_too_many(&mut self, key: &Arc<str>, now: Instant) -> bool {
        let is_recent = |answer: Instant| now.saturating_duration_since(answer) < ANSWERS_COUNT_FOR;
        self.strangers >= self.bounds.max_strangers()
            && self.last_answer.is_some_and(is_recent)
            && self.destination(key, now).is_stranger()
    }

    fn expected_wait(&mut self, key: &Arc<str>, now: Instant) -> Duration {
        let limits = self.bounds.limits();
        self.destination(key, now).expected_wait(limits, now)
    }

    fn line_up(&mut self, ticket: Ticket<J>, now: Instant) -> Placement<J> {
        self.kept.insert(ticket.id);
        self.lined += 1;
        let (key, limits) = (ticket.destination.clone(), self.bounds.limits());
        let destination = self.destination(&key, now);
        destination.line_up(ticket, now);
        match destination.rate_opens(limits, now) {
            Some(opening) if self.openings.insert((opening, key)) => Placement::KeptUntil,
            _ => Placement::Kept,
        }
    }

    fn set_suspect_aside(&mut self, ticket: Ticket<J>) -> Placement<J> {
        if self.suspects.len() < MAX_SUSPECTS {
            return self.keep(ticket, |state| &mut state.suspects);
        }
        self.let_go(&ticket);
        Placement::Defer(ticket, SUSPECT_WAIT)
    }

    fn keep(
        &mut self,
        ticket: Ticket<J>,
        place: impl FnOnce(&mut Self) -> &mut VecDeque<Ticket<J>>,
    ) -> Placement<J> {
        self.kept.insert(ticket.id);
        place(self).push_back(ticket);
        Placement::Kept
    }

    /// The job leaves without having run; its settlement is next.
    fn let_go(&mut self, ticket: &Ticket<J>) {
        self.kept.remove(&ticket.id);
        self.bytes -= ticket.bytes;
        self.hold_finished(ticket.id);
    }

    fn destination(&mut self, key: &Arc<str>, now: Instant) -> &mut Destination<Ticket<J>> {
        if self.destinations.len() >= MAX_DESTINATIONS && !self.destinations.contains_key(key) {
            self.forget_some(now);
        }
        self.destinations.entry(key.clone()).or_insert_with_key(|key| Destination::new(key))
    }

    /// Forgets destinations that nothing needs to be known of, and where that isn't enough, those that nothing depends on.
    fn forget_some(&mut self, now: Instant) {
        let is_recent = |scan: Instant| now.saturating_duration_since(scan) < SCAN_AT_MOST_EVERY;
        if self.last_scan.is_some_and(is_recent) {
            return;
        }
        self.last_scan = Some(now);
        let limits = self.bounds.limits();
        for destination in self.destinations.values_mut() {
            let before = destination.remembered();
            destination.forget_those_that_are_back(now);
            self.remembered -= before - destination.remembered();
        }
        self.destinations.retain(|_, destination| !destination.is_idle(limits, now));
        if self.destinations.len() >= MAX_DESTINATIONS {
            self.destinations.retain(|_, destination| !destination.is_unused());
        }
    }

    fn start(&mut self, ticket: Ticket<J>, now: Instant) -> Ticket<J> {
        self.kept.remove(&ticket.id);
        self.suspect_running |= ticket.suspect;
        let limits = self.bounds.limits();
        let destination = self.destination(&ticket.destination, now);
        let is_stranger = destination.is_stranger();
        destination.start(ticket.bytes, limits, now);
        self.strangers += usize::from(is_stranger);
        let (destination, bytes, suspect) = (ticket.destination.clone(), ticket.bytes, ticket.suspect);
        let run = Running { destination, bytes, suspect, started: now, is_stranger, is_patient: false };
        self.running.insert(ticket.id, run);
        ticket
    }

    /// Notes that a running job has its settlement: its slot is free. `roll`, in [0, 1), spreads the probes of workers.
    pub fn finish(&mut self, id: LeaseId, now: Instant, answer: Answer, roll: f64) -> Finished<J> {
        let Some(run) = self.running.remove(&id) else { return Finished::default() };
        self.hold_finished(id);
        self.bytes -= run.bytes;
        self.patient -= usize::from(run.is_patient);
        self.strangers -= usize::from(run.is_stranger && !run.is_patient);
        if answer == Answer::Works {
            self.last_answer = Some(now);
        }
        self.suspect_running &= !run.suspect;
        let end = End { answer, started: run.started, bytes: run.bytes, roll };
        let limits = self.bounds.limits();
        let destination = self.destination(&run.destination, now);
        let change = destination.finish(end, limits, now);
        let has_line = destination.first_in_line().is_some();
        let mut moves = Vec::new();
        if has_line {
            self.serve_line(&run.destination, now, &mut moves);
        }
        self.pump(now, &mut moves);
        let news = change.map(|change| News { destination: destination::name(&run.destination), change });
        Finished { moves, news }
    }

    /// Notes what the hook of a destination says of its limits. Gives the jobs that may start now.
    pub(crate) fn learn_limits(
        &mut self,
        key: &Arc<str>,
        own: Option<Limits>,
        now: Instant,
    ) -> Vec<Placement<J>> {
        let mut moves = Vec::new();
        if self.destination(key, now).learn_limits(own) {
            self.serve_line(key, now, &mut moves);
        }
        moves
    }

    /// Starts those in line whose turn it is. One is enough after most ends; after a recovery it may be several.
    fn serve_line(&mut self, key: &Arc<str>, now: Instant, moves: &mut Vec<Placement<J>>) {
        while let Some(ticket) = self.next_in_line(key, now) {
            moves.push(Placement::Start(ticket));
        }
        let limits = self.bounds.limits();
        let opening = self.destinations.get(key).and_then(|line| line.rate_opens(limits, now));
        if let Some(opening) = opening {
            self.openings.insert((opening, key.clone()));
        }
    }

    fn next_in_line(&mut self, key: &Arc<str>, now: Instant) -> Option<Ticket<J>> {
        let (limits, max_bytes) = (self.bounds.limits(), self.bounds.max_bytes / MAX_SHARE_OF_BYTES);
        while self.free_slots() > 0 {
            let destination = self.destinations.get_mut(key)?;
            let first = destination.first_in_line()?;
            let has_room = destination.has_room_for(first.bytes, max_bytes);
            if !has_room || destination.permit(limits, first.is_overdue(), now) != Permit::Granted {
                return None;
            }
            let ticket = destination.next_in_line()?;
            self.lined -= 1;
            if !(ticket.suspect && self.suspect_running) {
                return Some(self.start(ticket, now));
            }
            self.suspects.push_back(ticket);
        }
        None
    }

    /// When a line opens that waits for its rate.
    pub(crate) fn next_opening(&self) -> Option<Instant> {
        self.openings.first().map(|(opening, _)| *opening)
    }

    /// Starts those whose rate lets them.
    pub(crate) fn open_lines(&mut self, now: Instant) -> Vec<Placement<J>> {
        let mut moves = Vec::new();
        while self.next_opening().is_some_and(|opening| opening <= now) {
            let Some((_, key)) = self.openings.pop_first() else { break };
            self.serve_line(&key, now, &mut moves);
        }
        moves
    }

    /// Hands out of suspects, strangers and backlog what may start, now that there is room.
    fn pump(&mut self, now: Instant, moves: &mut Vec<Placement<J>>) {
        while self.free_slots() > 0 {
            let next = if self.suspect_running { None } else { self.suspects.pop_front() };
            let next = next.or_else(|| self.next_stranger(now)).or_else(|| self.backlog.pop_front());
            let Some(ticket) = next else { break };
            match self.place(ticket, now) {
                Placement::Kept | Placement::KeptUntil => {}
                moved => moves.push(moved),
            }
        }
    }

    fn next_stranger(&mut self, now: Instant) -> Option<Ticket<J>> {
        let key = self.strangers_line.front()?.0.destination.clone();
        if self.is_one_stranger_too_many(&key, now) {
            return None;
        }
        self.strangers_line.pop_front().map(|(ticket, _)| ticket)
    }

    /// Strangers that hold their slots for long make others wait, who leave the stream for a while then.
    fn send_strangers_away(&mut self, now: Instant, moves: &mut Vec<Placement<J>>) {
        let is_late = |since: Instant| now.saturating_duration_since(since) > MAX_WAIT_OF_STRANGERS;
        while self.strangers_line.front().is_some_and(|(_, since)| is_late(*since)) {
            let Some((ticket, _)) = self.strangers_line.pop_front() else { break };
            self.let_go(&ticket);
            let wait = wait_of_strangers(ticket.id.entry);
            moves.push(Placement::Defer(ticket, wait));
        }
    }

    /// Notes that a job's settlement is written, or that the job isn't this worker's any more.
    pub fn settled(&mut self, id: LeaseId) {
        self.finished[usize::from(id.queue)].remove(&id.entry);
    }

    /// Notes an entry that is settled without ever running (an entry that can't be read, say).
    pub fn hold_finished(&mut self, id: LeaseId) {
        self.finished[usize::from(id.queue)].insert(id.entry);
    }

    /// Takes all jobs of a queue that haven't started, to give them back: this worker drains, the queue is paused, or nobody
    /// can be sure any more that they are its own.
    pub fn give_back_unstarted(&mut self, queue: u16) -> Vec<Ticket<J>> {
        let is_of_queue = |ticket: &Ticket<J>| ticket.id.queue == queue;
        let mut unstarted = take_where(&mut self.backlog, usize::MAX, is_of_queue);
        unstarted.extend(take_where(&mut self.suspects, usize::MAX, is_of_queue));
        let strangers = take_where(&mut self.strangers_line, usize::MAX, |(ticket, _)| is_of_queue(ticket));
        unstarted.extend(strangers.into_iter().map(|(ticket, _)| ticket));
        let before = unstarted.len();
        unstarted.extend(self.destinations.values_mut().flat_map(|one| one.take_from_line(is_of_queue)));
        self.lined -= unstarted.len() - before;
        for ticket in &unstarted {
            self.let_go(ticket);
        }
        unstarted
    }

    /// Takes jobs out of lines that move more slowly than they promised, and starts what may start.
    pub fn sweep(&mut self, now: Instant) -> Vec<Placement<J>> {
        self.learn_from_running(now);
        self.free_slots_of_the_patient(now);
        let limits = self.bounds.limits();
        let mut overdue = Vec::new();
        for destination in self.destinations.values_mut() {
            for ticket in destination.take_overdue(now) {
                let wait = destination.next_opening(limits, ticket.patience, now);
                overdue.push((ticket, wait));
            }
        }
        self.lined -= overdue.len();
        let mut moves = Vec::new();
        for (ticket, wait) in overdue {
            self.let_go(&ticket);
            moves.push(Placement::Defer(ticket, wait));
        }
        self.pump(now, &mut moves);
        self.send_strangers_away(now, &mut moves);
        moves
    }

    fn learn_from_running(&mut self, now: Instant) {
        let mut oldest: HashMap<&Arc<str>, Instant> = HashMap::new();
        for run in self.running.values() {
            let started = oldest.entry(&run.destination).or_insert(run.started);
            *started = (*started).min(run.started);
        }
        for (key, started) in oldest {
            if let Some(destination) = self.destinations.get_mut(key) {
                destination.learn_from_running(started, now);
            }
        }
    }

    fn free_slots_of_the_patient(&mut self, now: Instant) {
        let mut room = self.bounds.max_patient - self.patient;
        for run in self.running.values_mut().filter(|run| !run.is_patient) {
            if room == 0 {
                break;
            }
            let after = if run.is_stranger { STRANGER_PATIENT_AFTER } else { PATIENT_AFTER };
            if now.saturating_duration_since(run.started) >= after {
                run.is_patient = true;
                self.patient += 1;
                self.strangers -= usize::from(run.is_stranger);
                room -= 1;
            }
        }
    }

    /// Notes a job that was sent away for its destination's limit. A suspect was sent away for its own sake: room at its
    /// destination is no reason to call it back.
    pub(crate) fn remember(&mut self, ticket: &Ticket<J>, job: SentAway, now: Instant) {
        if ticket.suspect || self.remembered >= MAX_REMEMBERED {
            return;
        }
        let destination = self.destination(&ticket.destination, now);
        let before = destination.remembered();
        destination.remember(job, now);
        let after = destination.remembered();
        self.remembered = self.remembered + after - before;
    }

    /// Takes jobs of a queue that were sent away and could start now.
    pub(crate) fn take_recalled(&mut self, queue: u16, now: Instant) -> Vec<SentAway> {
        let (most, limits) = (self.free_slots(), self.bounds.limits());
        let mut recalled = Vec::new();
        for destination in self.destinations.values_mut().filter(|one| one.remembered() > 0) {
            if recalled.len() >= most {
                break;
            }
            let before = destination.remembered();
            recalled.extend(destination.take_recalled(queue, limits, now));
            self.remembered -= before - destination.remembered();
        }
        recalled
    }

    /// Takes all jobs of a queue that were sent away: whoever goes on without this worker shall not wait for its guesses.
    pub(crate) fn take_sent_away(&mut self, queue: u16) -> Vec<SentAway> {
        let taken: Vec<_> =
            self.destinations.values_mut().flat_map(|one| one.take_sent_away(queue)).collect();
        self.remembered -= taken.len();
        taken
    }

    /// What is of interest of its destinations, those that are held back first; at most so many.
    pub(crate) fn survey(&self, most: usize, now: Instant) -> Vec<DestinationView> {
        let limits = self.bounds.limits();
        let mut of_interest: Vec<_> =
            self.destinations.iter().filter(|(_, one)| one.is_of_interest(limits, now)).collect();
        of_interest.sort_by_key(|(_, one)| !one.is_held_back(limits));
        let views = of_interest.into_iter().take(most);
        views.map(|(key, one)| one.view(key, limits, now)).collect()
    }

    /// Forgets what a destination has shown, or all of them; their jobs may come back at once.
    pub(crate) fn reset(&mut self, name: Option<&str>) -> usize {
        let mut reset = 0;
        for (key, destination) in &mut self.destinations {
            if name.is_none_or(|name| name == destination::name(key)) {
                destination.reset();
                reset += 1;
            }
        }
        reset
    }

    /// Jobs of a queue whose requests are under way.
    pub fn in_flight(&self, queue: u16) -> usize {
        self.running.keys().filter(|id| id.queue == queue).count()
    }

    /// Jobs of a queue whose settlement isn't written yet.
    pub fn unsettled(&self, queue: u16) -> usize {
        self.finished[usize::from(queue)].len()
    }
}

/// Until some of the strangers' slots are free again; not the same for all, so that they don't come back together.
fn wait_of_strangers(entry: EntryId) -> Duration {
    let spread = STRANGER_PATIENT_AFTER.as_millis() as u64;
    let mixed = entry.millis.wrapping_mul(31).wrapping_add(entry.sequence) % spread;
    STRANGER_PATIENT_AFTER + Duration::from_millis(mixed)
}

#[cfg(test)]
mod tests;
