//! Who may start now: slots, lines and limits. Pure: no I/O, no clock of its own.
//!
//! A leased job is in one place at a time: *running* (it holds a slot), in its destination's *line* (it may start within
//! moments), in the *backlog* (it could start, but for a slot), among the *suspects* (it was lost with workers before and
//! is run one at a time), or *finished* (its settlement is on the way). Whatever can't wait here leaves the stream for
//! later.

mod id_hash;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;

use self::id_hash::IdHashing;
use crate::destination::{Destination, MAX_LINE_WAIT, SentAway};

/// Most entries that one read leases: more would only wait here instead of in Redis.
const MAX_READ: usize = 100;

/// Entries of the first read, and of the one after a giant.
const FIRST_READ: usize = 8;

/// Jobs that are remembered after they were sent away, over all destinations: a few megabytes of ids.
const MAX_REMEMBERED: usize = 20_000;

/// Destinations that are remembered; beyond it, idle ones are forgotten.
const MAX_DESTINATIONS: usize = 10_000;

/// A leased job on its way to its attempt. `J` is what the caller needs to make it.
#[derive(Debug)]
pub struct Ticket<J> {
    /// The leased entry.
    pub entry: EntryId,
    /// User id and hook id, or the URL's origin.
    pub destination: Arc<str>,
    /// Size of the job in memory.
    pub bytes: usize,
    /// Lost with a worker more than once: run one at a time.
    pub suspect: bool,
    /// The job.
    pub job: J,
}

/// The bounds of one worker.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// `worker.concurrency`: requests at a time.
    pub slots: usize,
    /// `destination.max_in_flight`: requests at a time to one destination.
    pub max_in_flight: usize,
    /// `worker.max_bytes`: bytes of jobs in memory.
    pub max_bytes: usize,
}

impl Bounds {
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
        self.slots + self.max_lined() + MAX_READ + self.max_unsettled()
    }
}

/// Most jobs that wait for their turn among the suspects; more leave the stream for a while.
const MAX_SUSPECTS: usize = 4;

/// How long they leave it.
const SUSPECT_WAIT: Duration = Duration::from_secs(5);

/// Whether a job's end tells how quick its destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A request was made.
    Learn,
    /// None was.
    Ignore,
}

/// Where an admitted job goes.
#[derive(Debug)]
pub enum Placement<J> {
    /// Start it now.
    Start(Ticket<J>),
    /// It is kept here and will be handed out when it may start.
    Kept,
    /// It can't start soon: back to waiting, for so long.
    Defer(Ticket<J>, Duration),
}

/// The state of one worker's slots.
#[derive(Debug)]
pub struct Dispatcher<J> {
    bounds: Bounds,
    reserved: usize,
    running: HashMap<EntryId, Running, IdHashing>,
    finished: HashSet<EntryId, IdHashing>,
    kept: HashSet<EntryId, IdHashing>,
    backlog: VecDeque<Ticket<J>>,
    suspects: VecDeque<Ticket<J>>,
    suspect_running: bool,
    destinations: HashMap<Arc<str>, Destination<Ticket<J>>>,
    lined: usize,
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
}

impl<J> Dispatcher<J> {
    /// A worker with all slots free.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            reserved: 0,
            running: HashMap::default(),
            finished: HashSet::default(),
            kept: HashSet::default(),
            backlog: VecDeque::new(),
            suspects: VecDeque::new(),
            suspect_running: false,
            destinations: HashMap::new(),
            lined: 0,
            bytes: 0,
            largest: 1024,
            stride: FIRST_READ,
            remembered: 0,
        }
    }

    /// Reserves slots for one read, as many as there is room for; 0: not now.
    pub fn reserve(&mut self) -> usize {
        let free = self.free_slots().saturating_sub(self.backlog.len());
        let line_room = self.bounds.max_lined().saturating_sub(self.lined);
        let can_settle = self.finished.len() < self.bounds.max_unsettled() / 2;
        let room =
            if can_settle { free.min(line_room).min(self.stride).min(self.room_in_bytes()) } else { 0 };
        self.reserved += room;
        room
    }

    /// Gives a reservation back: the read has ended, and its entries are admitted next.
    pub fn release(&mut self, reserved: usize) {
        self.reserved -= reserved.min(self.reserved);
        let is_small = self.largest.saturating_mul(MAX_READ) <= self.bounds.max_bytes;
        self.stride = if is_small { (self.stride * 2).min(MAX_READ) } else { FIRST_READ };
    }

    /// Slots that are neither used nor reserved.
    fn free_slots(&self) -> usize {
        self.bounds.slots.saturating_sub(self.running.len() + self.reserved)
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
    pub fn holds(&self, entry: EntryId) -> bool {
        self.running.contains_key(&entry) || self.kept.contains(&entry) || self.finished.contains(&entry)
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
        let max_in_flight = self.bounds.max_in_flight;
        let line_has_room = self.lined < self.bounds.max_lined();
        let destination = self.destination(&ticket.destination);
        if destination.in_flight() < max_in_flight {
            return Placement::Start(self.start(ticket, now));
        }
        if line_has_room && destination.expected_wait(max_in_flight) <= MAX_LINE_WAIT {
            self.kept.insert(ticket.entry);
            self.lined += 1;
            self.destination(&ticket.destination.clone()).line_up(ticket, now);
            return Placement::Kept;
        }
        let wait = destination.next_opening(max_in_flight, now);
        self.let_go(&ticket);
        Placement::Defer(ticket, wait)
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
        self.kept.insert(ticket.entry);
        place(self).push_back(ticket);
        Placement::Kept
    }

    /// The job leaves without having run; its settlement is next.
    fn let_go(&mut self, ticket: &Ticket<J>) {
        self.kept.remove(&ticket.entry);
        self.bytes -= ticket.bytes;
        self.finished.insert(ticket.entry);
    }

    fn destination(&mut self, key: &Arc<str>) -> &mut Destination<Ticket<J>> {
        if self.destinations.len() >= MAX_DESTINATIONS && !self.destinations.contains_key(key) {
            self.destinations.retain(|_, destination| !destination.is_idle());
        }
        self.destinations.entry(key.clone()).or_default()
    }

    fn start(&mut self, ticket: Ticket<J>, now: Instant) -> Ticket<J> {
        self.kept.remove(&ticket.entry);
        self.suspect_running |= ticket.suspect;
        self.destination(&ticket.destination).start();
        let (destination, bytes, suspect) = (ticket.destination.clone(), ticket.bytes, ticket.suspect);
        self.running.insert(ticket.entry, Running { destination, bytes, suspect, started: now });
        ticket
    }

    /// Notes that a running job has its settlement: its slot is free. Gives the jobs that may start now, or must leave.
    pub fn finish(&mut self, entry: EntryId, now: Instant, pace: Pace) -> Vec<Placement<J>> {
        let Some(run) = self.running.remove(&entry) else { return Vec::new() };
        self.finished.insert(entry);
        self.bytes -= run.bytes;
        self.suspect_running &= !run.suspect;
        let took = (pace == Pace::Learn).then(|| now.saturating_duration_since(run.started));
        self.destination(&run.destination).finish(took);
        let mut moves = Vec::new();
        if let Some(ticket) = self.next_in_line(&run.destination, now) {
            moves.push(Placement::Start(ticket));
        }
        self.pump(now, &mut moves);
        moves
    }

    fn next_in_line(&mut self, key: &Arc<str>, now: Instant) -> Option<Ticket<J>> {
        while self.free_slots() > 0 {
            let destination = self.destinations.get_mut(key)?;
            if destination.in_flight() >= self.bounds.max_in_flight {
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

    /// Hands out of suspects and backlog what may start, now that there is room.
    fn pump(&mut self, now: Instant, moves: &mut Vec<Placement<J>>) {
        while self.free_slots() > 0 {
            let next = if self.suspect_running { None } else { self.suspects.pop_front() };
            let Some(ticket) = next.or_else(|| self.backlog.pop_front()) else { break };
            match self.place(ticket, now) {
                Placement::Kept => {}
                moved => moves.push(moved),
            }
        }
    }

    /// Notes that a job's settlement is written, or that the job isn't this worker's any more.
    pub fn settled(&mut self, entry: EntryId) {
        self.finished.remove(&entry);
    }

    /// Notes an entry that is settled without ever running (an entry that can't be read, say).
    pub fn hold_finished(&mut self, entry: EntryId) {
        self.finished.insert(entry);
    }

    /// Takes all jobs that haven't started, to give them back: this worker drains, is paused, or can't be sure any more
    /// that they are its own.
    pub fn give_back_unstarted(&mut self) -> Vec<Ticket<J>> {
        let mut unstarted: Vec<_> = self.backlog.drain(..).chain(self.suspects.drain(..)).collect();
        unstarted.extend(self.destinations.values_mut().flat_map(Destination::take_line));
        self.lined = 0;
        for ticket in &unstarted {
            self.let_go(ticket);
        }
        unstarted
    }

    /// Takes jobs out of lines that move more slowly than they promised, and starts what may start.
    pub fn sweep(&mut self, now: Instant) -> Vec<Placement<J>> {
        self.learn_from_running(now);
        let max_in_flight = self.bounds.max_in_flight;
        let mut overdue = Vec::new();
        for destination in self.destinations.values_mut() {
            for ticket in destination.take_overdue(now) {
                overdue.push((ticket, destination.next_opening(max_in_flight, now)));
            }
        }
        self.lined -= overdue.len();
        let mut moves = Vec::new();
        for (ticket, wait) in overdue {
            self.let_go(&ticket);
            moves.push(Placement::Defer(ticket, wait));
        }
        self.pump(now, &mut moves);
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
                destination.learn_from_running(now.saturating_duration_since(started));
            }
        }
    }

    /// Notes a job that was sent away for its destination's limit. A suspect was sent away for its own sake: room at its
    /// destination is no reason to call it back.
    pub(crate) fn remember(&mut self, ticket: &Ticket<J>, job: SentAway) {
        if ticket.suspect || self.remembered >= MAX_REMEMBERED {
            return;
        }
        if self.destination(&ticket.destination).remember(job) {
            self.remembered += 1;
        }
    }

    /// Takes jobs that were sent away and could start now.
    pub(crate) fn take_recalled(&mut self) -> Vec<SentAway> {
        let most = self.free_slots();
        let max_in_flight = self.bounds.max_in_flight;
        let mut recalled = Vec::new();
        for destination in self.destinations.values_mut() {
            if recalled.len() >= most {
                break;
            }
            recalled.extend(destination.take_recalled(max_in_flight));
        }
        self.remembered -= recalled.len();
        recalled
    }

    /// Takes all jobs that were sent away: whoever goes on without this worker shall not wait for its guesses.
    pub(crate) fn take_sent_away(&mut self) -> Vec<SentAway> {
        self.remembered = 0;
        self.destinations.values_mut().flat_map(Destination::take_sent_away).collect()
    }

    /// Jobs whose requests are under way.
    pub fn in_flight(&self) -> usize {
        self.running.len()
    }

    /// Jobs whose settlement isn't written yet.
    pub fn unsettled(&self) -> usize {
        self.finished.len()
    }
}

#[cfg(test)]
mod tests;
