//! `settle.lua`: a job's end, or its way to wait, in one step.

use crate::guard::{Guard, Rules};
use crate::redis::{Consumer, Dead, Entry, EntryId, Holder, Memory, Reason, Redis, Waiting};
use crate::scripts::Turns;

/// Where a job is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Success,
    Retry,
    Bury(Reason),
    GiveBack,
}

/// One job's part of a settle call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settlement {
    pub(crate) me: Consumer,
    pub(crate) entry: EntryId,
    pub(crate) id: u8,
    pub(crate) verdict: Verdict,
    pub(crate) attempts: u8,
    pub(crate) crashes: u8,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is done, as asked or as a dead duplicate.
    Applied,
    /// It is another's.
    Refused,
    /// It was settled before.
    Gone,
    /// Without [`Guard::NewHomeFirst`]: the old home is left.
    Half,
}

impl Redis {
    /// `settle.lua` for one job.
    pub(crate) fn settle(&mut self, asked: Settlement, rules: Rules, turns: &mut Turns) -> Settled {
        let holder = self.holder(asked.entry, asked.me);
        match asked.verdict {
            Verdict::Success => self.deliver(asked, holder, rules),
            _ if holder == Holder::Other && rules.keep(guard_of_owner(asked.verdict)) => Settled::Refused,
            _ => self.move_on(asked, rules, turns),
        }
    }

    fn deliver(&mut self, asked: Settlement, holder: Holder, rules: Rules) -> Settled {
        let waits = self.waiting(asked.id).copied();
        let its_wait = waits.filter(|waiting| waiting.origin == asked.entry);
        if self.entry(asked.entry).is_some() || its_wait.is_some() {
            self.told.add(asked.entry.job);
        }
        if holder == Holder::Other && !rules.keep(Guard::SuccessIsAnyones) {
            return Settled::Refused;
        }
        if self.leave(asked.entry).is_some() {
            self.done.add(asked.entry.job);
            return Settled::Applied;
        }
        let ended = if rules.keep(Guard::SuccessKnowsItsEntry) { its_wait } else { waits };
        match ended {
            Some(waiting) if rules.keep(Guard::SuccessEndsTheWait) => {
                self.stop_waiting(waiting.id);
                self.done.add(asked.entry.job);
                Settled::Applied
            }
            _ => Settled::Gone,
        }
    }

    fn move_on(&mut self, asked: Settlement, rules: Rules, turns: &mut Turns) -> Settled {
        let Some(entry) = self.entry(asked.entry).copied() else {
            if rules.keep(Guard::SettlingTwiceIsOnce) {
                return Settled::Gone;
            }
            self.write_new_home(asked, Memory::default(), rules, turns);
            return Settled::Applied;
        };
        self.leave(asked.entry);
        if !rules.keep(Guard::NewHomeFirst) {
            return Settled::Half;
        }
        self.write_new_home(asked, entry.memory, rules, turns);
        Settled::Applied
    }

    /// Where the job is from now on.
    pub(crate) fn write_new_home(
        &mut self,
        asked: Settlement,
        known: Memory,
        rules: Rules,
        turns: &mut Turns,
    ) {
        let job = asked.entry.job;
        match asked.verdict {
            Verdict::Success => {}
            Verdict::GiveBack => {
                // Only what is counted goes along: a loss that no start has counted yet is forgotten.
                let killed = known.killed.min(asked.crashes);
                let memory = Memory { attempts: asked.attempts, crashes: asked.crashes, killed, ..known };
                self.add(job, memory, turns);
            }
            Verdict::Bury(reason) => self.bury(job, reason, known.taken),
            Verdict::Retry if self.waiting(asked.id).is_some() && rules.keep(Guard::OneWaitsPerId) => {
                self.bury(job, Reason::Duplicate, known.taken);
            }
            Verdict::Retry => {
                let memory = Memory { attempts: asked.attempts, ..Memory::default() };
                self.wait(Waiting { id: asked.id, origin: asked.entry, memory });
            }
        }
    }

    fn bury(&mut self, job: u8, reason: Reason, taken: u8) {
        self.dead.push(Dead { job, reason, taken });
        self.dead.sort_unstable();
    }

    fn wait(&mut self, waiting: Waiting) {
        self.stop_waiting(waiting.id);
        self.waiting.push(waiting);
        self.waiting.sort_unstable();
    }

    pub(crate) fn stop_waiting(&mut self, id: u8) -> Option<Waiting> {
        let index = self.waiting.iter().position(|waiting| waiting.id == id)?;
        Some(self.waiting.remove(index))
    }

    fn leave(&mut self, id: EntryId) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.remove(index))
    }
}

fn guard_of_owner(verdict: Verdict) -> Guard {
    match verdict {
        Verdict::Retry => Guard::RetryIsTheOwners,
        Verdict::GiveBack => Guard::GiveBackIsTheOwners,
        Verdict::Success | Verdict::Bury(_) => Guard::BurialIsTheOwners,
    }
}
