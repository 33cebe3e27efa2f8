//! What Redis holds of one queue.

/// An entry of the stream: which job it is, and how often the job had been added before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EntryId {
    pub(crate) job: u8,
    pub(crate) turn: u8,
}

/// A consumer: a worker has a new name at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Consumer {
    pub(crate) worker: u8,
    pub(crate) life: u8,
}

impl Consumer {
    /// The name that it has where the two workers have each other's.
    pub(crate) fn rename(&mut self) {
        self.worker = 1 - self.worker;
    }
}

/// What travels with a job: its field `_job`, and what only the model knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Memory {
    pub(crate) attempts: u8,
    pub(crate) crashes: u8,
    /// How often it was taken over from a lost worker, since its last attempt was settled.
    pub(crate) taken: u8,
    /// How often it was lost after it had been started, since then.
    pub(crate) killed: u8,
}

/// To whom an entry was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lease {
    Unread,
    Pending {
        owner: Consumer,
        deliveries: u8,
        /// Whether the owner, or an owner before it, has started it since it was last taken over.
        started: bool,
    },
    /// It was read before, and is on no pending list: nothing hands it out any more.
    Nobody,
}

/// One entry of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    pub(crate) memory: Memory,
    pub(crate) lease: Lease,
}

/// A waiting job, under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Waiting {
    pub(crate) id: u8,
    /// The entry that it was.
    pub(crate) origin: EntryId,
    pub(crate) memory: Memory,
}

/// Why a job is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    Exhausted,
    Poison,
    Duplicate,
}

/// A dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Dead {
    pub(crate) job: u8,
    pub(crate) reason: Reason,
    /// How often it had been taken over.
    pub(crate) taken: u8,
}

/// A set of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Jobs(u8);

impl Jobs {
    pub(crate) fn add(&mut self, job: u8) {
        self.0 |= 1 << job;
    }

    pub(crate) fn has(self, job: u8) -> bool {
        self.0 & (1 << job) != 0
    }
}

/// One queue. Lists are kept sorted, so that worlds which don't differ are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Redis {
    pub(crate) has_group: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) dead: Vec<Dead>,
    /// The last heartbeat of each worker: a number that changes with each beat.
    pub(crate) beats: Vec<(Consumer, u8)>,
    /// Jobs that a producer has added.
    pub(crate) accepted: Jobs,
    /// Jobs that were settled as delivered.
    pub(crate) done: Jobs,
    /// Jobs whose success was reported while the entry that was sent, or the wait that came of it, was there.
    pub(crate) told: Jobs,
}

/// Who holds an entry, as one worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Me,
    Other,
    Nobody,
}

impl Redis {
    /// The entry of this id.
    pub(crate) fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn entry_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// The consumer for which the entry is pending.
    pub(crate) fn owner(&self, id: EntryId) -> Option<Consumer> {
        match self.entry(id)?.lease {
            Lease::Pending { owner, .. } => Some(owner),
            Lease::Unread | Lease::Nobody => None,
        }
    }

    /// Who holds the entry, as `me` sees it.
    pub(crate) fn holder(&self, id: EntryId, me: Consumer) -> Holder {
        match self.owner(id) {
            Some(owner) if owner == me => Holder::Me,
            Some(_) => Holder::Other,
            None => Holder::Nobody,
        }
    }

    /// The entries that are pending for a consumer.
    pub(crate) fn pending(&self, of: Consumer) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| matches!(entry.lease, Lease::Pending { owner, .. } if owner == of))
    }

    /// The consumer's last heartbeat.
    pub(crate) fn beat(&self, of: Consumer) -> Option<u8> {
        self.beats.iter().find(|(consumer, _)| *consumer == of).map(|(_, beat)| *beat)
    }

    /// What waits under this id.
    pub(crate) fn waiting(&self, id: u8) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.id == id)
    }

    /// In how many states the job is.
    pub(crate) fn states_of(&self, job: u8) -> usize {
        self.entries.iter().filter(|entry| entry.id.job == job).count()
            + self.waiting.iter().filter(|waiting| waiting.origin.job == job).count()
            + self.dead.iter().filter(|dead| dead.job == job).count()
            + usize::from(self.done.has(job))
    }

    /// Whether the job is done or dead, and nothing else.
    pub(crate) fn has_ended(&self, job: u8) -> bool {
        let is_dead = self.dead.iter().any(|dead| dead.job == job);
        self.states_of(job) == 1 && (is_dead || self.done.has(job))
    }

    /// Gives each of the two workers the other's name.
    pub(crate) fn rename_workers(&mut self) {
        for entry in &mut self.entries {
            if let Lease::Pending { owner, .. } = &mut entry.lease {
                owner.rename();
            }
        }
        self.entries.sort_unstable();
        self.beats.iter_mut().for_each(|(consumer, _)| consumer.rename());
        self.beats.sort_unstable();
    }
}
