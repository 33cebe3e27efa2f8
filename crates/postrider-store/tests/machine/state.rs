//! What Redis holds, as plain values: the model keeps one such world, and every look at Redis gives another. That they
//! are equal is most of what this test states.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use postrider_core::entry_id::EntryId;

/// Stands for an id that Redis makes up, until it has been seen.
pub(crate) const NEW: EntryId = EntryId { millis: u64::MAX, sequence: u64::MAX };

/// Any bytes, shown short: a counterexample with a large body must stay readable.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(pub(crate) Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(80)];
        write!(f, "\"{}\"", shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            write!(f, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

/// A field of an entry.
pub(crate) type Field = (Text, Text);

/// A moment in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This one.
    At(i64),
    /// What Redis' clock said during the last step and so much more, rounded up or down: known after a look.
    Soon { plus: i64, up: bool },
}

/// Redis' clock during a step.
pub(crate) const NOW: Moment = Moment::Soon { plus: 0, up: false };

impl Moment {
    /// Its number; one that isn't known yet is later than all.
    pub(crate) fn millis(self) -> i64 {
        match self {
            Self::At(millis) => millis,
            Self::Soon { .. } => i64::MAX,
        }
    }

    /// Later by so much, where it is known.
    pub(crate) fn shifted(self, millis: i64) -> Self {
        match self {
            Self::At(at) => Self::At(at + millis),
            soon @ Self::Soon { .. } => soon,
        }
    }
}

/// An entry of a stream that is worked on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    /// All fields; the state in a `_job` of ours without its `due`.
    pub(crate) fields: Vec<Field>,
    /// The `due` of `_job`.
    pub(crate) due: Option<Moment>,
}

/// A pending entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) deliveries: u32,
}

/// The consumer group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// Id of the last entry that was handed out.
    pub(crate) last: EntryId,
    pub(crate) pending: BTreeMap<EntryId, Lease>,
    pub(crate) consumers: BTreeSet<String>,
}

/// What is kept of a waiting job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// The entry that it was, the hook that it is held for, and the job.
    Job { origin: EntryId, hook: Option<String>, fields: Vec<Field>, due: Moment },
    /// Written by another version, or damaged.
    Unreadable(Text),
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) fields: Vec<Field>,
    pub(crate) died: Moment,
}

/// An entry of the attempt log, as far as the script decides it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) job: String,
    pub(crate) number: String,
    pub(crate) outcome: String,
    pub(crate) worker: String,
    pub(crate) at: Moment,
}

/// One queue and its satellites.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueueState {
    /// Whether the stream's key is there.
    pub(crate) exists: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) group: Option<Group>,
    pub(crate) retry: BTreeMap<String, Moment>,
    pub(crate) records: BTreeMap<String, Record>,
    /// Hooks with held jobs, and when each is to be looked at.
    pub(crate) held: BTreeMap<String, Moment>,
    /// Held jobs of each hook and their ages.
    pub(crate) lists: BTreeMap<String, BTreeMap<String, i64>>,
    pub(crate) dead: Vec<Letter>,
    pub(crate) attempts: Vec<Attempt>,
    /// Counters of all minutes together, by outcome.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) seen: BTreeMap<String, Moment>,
    pub(crate) workers: BTreeSet<String>,
    /// Satellites that are of another type than they should be, by name.
    pub(crate) broken: BTreeSet<String>,
}

/// How a hook fares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Health {
    pub(crate) failures: u64,
    pub(crate) since: Moment,
    pub(crate) told: bool,
}

/// The hooks of the one owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registry {
    pub(crate) records: BTreeMap<String, Text>,
    pub(crate) latest: BTreeMap<String, Text>,
    pub(crate) health: BTreeMap<String, Health>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct World {
    /// Jobs and events.
    pub(crate) queues: [QueueState; 2],
    pub(crate) hooks: Registry,
}

impl World {
    /// One line for each thing that is anywhere.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.hooks.lines();
        for (name, queue) in ["jobs", "events"].into_iter().zip(&self.queues) {
            lines.extend(queue.lines().into_iter().map(|line| format!("{name}: {line}")));
        }
        lines
    }
}

impl QueueState {
    fn lines(&self) -> Vec<String> {
        let (keys, group) = ((self.exists, &self.broken), self.group.as_ref());
        let mut lines = vec![format!("there, broken: {keys:?}"), format!("group: {group:?}")];
        lines.extend(self.entries.iter().map(|entry| format!("{entry:?}")));
        lines.extend(self.retry.iter().map(|waiting| format!("waiting: {waiting:?}")));
        lines.extend(self.records.iter().map(|record| format!("record: {record:?}")));
        lines.extend(self.held.iter().map(|hook| format!("hook with held jobs: {hook:?}")));
        lines.extend(self.lists.iter().map(|list| format!("held: {list:?}")));
        lines.extend(self.dead.iter().map(|letter| format!("{letter:?}")));
        lines.extend(self.attempts.iter().map(|attempt| format!("{attempt:?}")));
        lines.extend(self.counts.iter().map(|count| format!("count: {count:?}")));
        lines.extend(self.seen.iter().map(|beat| format!("beat: {beat:?}")));
        lines.extend(self.workers.iter().map(|worker| format!("worker: {worker:?}")));
        lines
    }
}

impl Registry {
    fn lines(&self) -> Vec<String> {
        let records = self.records.iter().map(|hook| format!("hook: {hook:?}"));
        let latest = self.latest.iter().map(|latest| format!("latest: {latest:?}"));
        records.chain(latest).chain(self.health.iter().map(|health| format!("health: {health:?}"))).collect()
    }
}
