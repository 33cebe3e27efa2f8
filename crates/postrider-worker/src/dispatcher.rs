//! Who may start now: slots, lines and limits. Pure: no I/O, no clock of its own.
//!
//! A leased job is in one place at a time: *running* (it holds a slot, until it has waited for its receiver for long), in its
//! destination's *line* (it may start within moments), among the *strangers* (its destination has never answered, and those
//! hold enough slots), in the *backlog* (it could start, but for a slot), among the *suspects* (it was lost with workers before
//! and is run one at a time), or *finished* (its settlement is on the way). Whatever can't wait here leaves the stream for later.

mod away;
mod bounds;
mod id_hash;
mod paused;
mod reading;
mod shares;
mod strangers;
mod ticket;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;

pub use self::bounds::Bounds;
use self::id_hash::IdHashing;
use self::paused::Paused;
use self::reading::FIRST_READ;
use self::shares::Shares;
pub use self::shares::{Order, Room};
pub(crate) use self::ticket::News;
use self::ticket::Running;
pub use self::ticket::{Finished, LeaseId, Placement, Ticket};
use crate::destination::{self, Answer, Destination, End, Limits, MAX_LINE_WAIT, Permit, take_where};

/// Destinations that are remembered; beyond it, idle ones are forgotten.
const MAX_DESTINATIONS: usize = 10_000;

/// Share of the memory for jobs that one destination's requests may take: a quarter.
const MAX_SHARE_OF_BYTES: usize = 4;

/// Pause between two looks for destinations that can be forgotten: while none can, each look costs and gains nothing.
const SCAN_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Most jobs that wait for their turn among the suspects; more leave the stream for a while.
const MAX_SUSPECTS: usize = 4;

/// How long they leave it.
const SUSPECT_WAIT: Duration = Duration::from_secs(5);

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
    paused: Paused,
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
            paused: Paused::none(weights.len()),
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
        if self.paused.has(ticket.id.queue, &ticket.destination) {
            return self.put_off(ticket);
        }
        if self.free_slots() == 0 {
            return self.keep(ticket, |state| &mut state.backlog);
        }
        if ticket.suspect && self.suspect_running {
            return self.set_suspect_aside(ticket);
        }
        let wait = match self.permit(&ticket, now) {
            Permit::Granted if self.is_one_stranger_too_many(&ticket.destination, now) => {
                self.kept.insert(ticket.id);
                self.strangers_line.push_back((ticket, now));
                return Placement::Kept;
            }
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
    pub(crate) fn finish(&mut self, id: LeaseId, now: Instant, answer: Answer, roll: f64) -> Finished<J> {
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
            for ticket in destination.take_overdue(limits, now) {
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

    /// Jobs of a queue whose requests are under way.
    pub fn in_flight(&self, queue: u16) -> usize {
        self.running.keys().filter(|id| id.queue == queue).count()
    }

    /// Jobs of a queue whose settlement isn't written yet.
    pub fn unsettled(&self, queue: u16) -> usize {
        self.finished[usize::from(queue)].len()
    }
}

#[cfg(test)]
mod tests;
