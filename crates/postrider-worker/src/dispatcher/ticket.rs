//! A leased job inside the dispatcher, and what is told of it to the outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::entry_id::EntryId;

use crate::destination::Change;

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
    pub(super) fn is_overdue(&self) -> bool {
        self.patience.is_zero()
    }
}

/// Where an admitted job goes.
#[derive(Debug)]
pub enum Placement<J> {
    /// Start it now.
    Start(Ticket<J>),
    /// It is kept here and will be handed out when it may start.
    Kept,
    /// Likewise, when its destination's rate lets it: see [`super::Dispatcher::open_lines`].
    KeptUntil,
    /// It can't start soon: back to waiting, for so long.
    Defer(Ticket<J>, Duration),
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) destination: Arc<str>,
    pub(super) bytes: usize,
    pub(super) suspect: bool,
    pub(super) started: Instant,
    /// Its destination was a stranger when it was started.
    pub(super) is_stranger: bool,
    pub(super) is_patient: bool,
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
