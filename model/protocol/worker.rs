//! What one worker knows: its process, its heartbeats, and the jobs that it has.

use crate::redis::{Consumer, Entry, EntryId, Lease, Reason, Waiting};
use crate::settle::{Settlement, Verdict};

/// Beats are accepted.
pub(crate) const HEARD: u8 = 0;

/// So long without an accepted beat that a worker trusts itself no more (0.6 × `worker.dead_after`).
pub(crate) const FENCED: u8 = 1;

/// So long that others may take it for dead (`worker.dead_after`).
pub(crate) const SILENT: u8 = 2;

/// How a worker's process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Process {
    Up,
    /// It is stopped and does nothing; its reader's connection lives on.
    Paused,
    Down,
}

/// How far a job is that a worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    Unstarted,
    InFlight,
    /// Its settlement is on the way.
    Settling(Verdict),
    /// Without `NewHomeFirst`: it has left its old home and its new one isn't written.
    Half(Verdict),
}

/// A job that a worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) entry: EntryId,
    pub(crate) attempts: u8,
    pub(crate) crashes: u8,
    pub(crate) deliveries: u8,
    /// It comes from a lost worker, and that isn't counted yet.
    pub(crate) from_lost: bool,
    /// It was leased before a gap in the beats.
    pub(crate) is_doubtful: bool,
    pub(crate) stage: Stage,
}

impl Held {
    pub(crate) fn of(entry: &Entry, from_lost: bool) -> Self {
        let deliveries = match entry.lease {
            Lease::Pending { deliveries, .. } => deliveries,
            Lease::Unread | Lease::Nobody => 1,
        };
        Self {
            entry: entry.id,
            attempts: entry.memory.attempts,
            crashes: entry.memory.crashes,
            deliveries,
            from_lost,
            is_doubtful: false,
            stage: Stage::Unstarted,
        }
    }

    /// How often the job was lost with a worker, as far as it has been counted.
    pub(crate) fn counted_crashes(&self) -> u8 {
        self.crashes + self.deliveries - 1
    }

    /// What settle is asked for.
    pub(crate) fn settlement(&self, me: Consumer, id: u8, verdict: Verdict) -> Settlement {
        let (attempts, crashes) = match verdict {
            Verdict::GiveBack => (self.attempts, self.counted_crashes()),
            Verdict::Success | Verdict::Retry | Verdict::Bury(_) => (self.attempts + 1, 0),
        };
        Settlement { me, entry: self.entry, id, verdict, attempts, crashes }
    }

    /// What is done after the receiver refused it.
    pub(crate) fn verdict_of_failure(&self, max_attempts: u8) -> Verdict {
        let is_last = self.attempts + 1 >= max_attempts;
        if is_last { Verdict::Bury(Reason::Exhausted) } else { Verdict::Retry }
    }
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    pub(crate) process: Process,
    /// How often it has been started.
    pub(crate) life: u8,
    /// How long ago it sent a beat that it knows to be accepted, by its own clock.
    pub(crate) silence: u8,
    /// How long the other has seen no beat of it, while its own were accepted all the time.
    pub(crate) watched: u8,
    /// How many beats it has sent after a silence. Those in between change nothing here.
    pub(crate) beats: u8,
    /// It can't reach Redis.
    pub(crate) is_cut_off: bool,
    pub(crate) is_draining: bool,
    /// Redis may still answer the read that it waited in when it was paused or cut off.
    pub(crate) has_read_waiting: bool,
    pub(crate) held: Vec<Held>,
    /// Without `PromotionIsOneStep`: a job that it has taken out of the waiting and not added to the stream.
    pub(crate) carried: Option<Waiting>,
    /// Consumers that it found dead, and the last beat of each.
    pub(crate) lost: Vec<(Consumer, Option<u8>)>,
}

impl Worker {
    /// A process that has started just now, and hasn't beaten.
    pub(crate) fn started(life: u8) -> Self {
        Self {
            process: Process::Up,
            life,
            silence: SILENT,
            watched: HEARD,
            beats: 0,
            is_cut_off: false,
            is_draining: false,
            has_read_waiting: false,
            held: Vec::new(),
            carried: None,
            lost: Vec::new(),
        }
    }

    /// No process.
    pub(crate) fn down(life: u8) -> Self {
        Self { process: Process::Down, silence: HEARD, ..Self::started(life) }
    }

    /// What can be said of it without naming workers: two that differ in this can be told apart whatever they are called.
    pub(crate) fn standing(&self) -> impl Ord {
        let state = (self.process, self.life, self.silence, self.watched, self.beats);
        (state, self.is_cut_off, self.is_draining, self.has_read_waiting, self.held.clone(), self.carried)
    }

    /// Whether it runs and reaches Redis.
    pub(crate) fn reaches_redis(&self) -> bool {
        self.process == Process::Up && !self.is_cut_off
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.silence >= FENCED
    }

    pub(crate) fn holds(&self, entry: EntryId) -> bool {
        self.held.iter().any(|held| held.entry == entry)
    }

    /// Whether a request for this entry was started here already.
    pub(crate) fn has_started(&self, entry: EntryId) -> bool {
        let is_started = |held: &Held| !matches!(held.stage, Stage::Unstarted);
        self.held.iter().any(|held| held.entry == entry && is_started(held))
    }

    pub(crate) fn keep(&mut self, held: Held) {
        self.held.push(held);
        self.held.sort_unstable();
    }
}
