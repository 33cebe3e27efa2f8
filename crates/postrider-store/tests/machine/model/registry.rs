//! The hooks of the one owner.

use postrider_store::hooks::Created;
use postrider_store::notices::NoticeKind;

use crate::state::{Health, NOW, Registry, Text};

impl Registry {
    pub(crate) fn create(&mut self, hook: &str, record: &str, most: usize) -> Created {
        if self.records.contains_key(hook) {
            return Created::Exists;
        }
        if self.records.len() >= most {
            return Created::TooMany;
        }
        self.records.insert(hook.to_owned(), record.into());
        Created::Done
    }

    pub(crate) fn replace(&mut self, hook: &str, from: &str, to: &str) -> bool {
        let is_as_read = self.records.get(hook) == Some(&from.into());
        if is_as_read {
            self.records.insert(hook.to_owned(), to.into());
        }
        is_as_read
    }

    pub(crate) fn delete(&mut self, hook: &str) -> bool {
        self.latest.remove(hook);
        self.health.remove(hook);
        self.records.remove(hook).is_some()
    }

    /// Notes how attempts went; gives a change of the hook's health, and its failures in a row.
    pub(crate) fn note(
        &mut self,
        hook: &str,
        latest: Text,
        (succeeded, failures): (bool, u32),
        told_from: u64,
    ) -> (Option<NoticeKind>, u64) {
        if !self.records.contains_key(hook) {
            return (None, 0);
        }
        self.latest.insert(hook.to_owned(), latest);
        let before = self.health.remove(hook);
        let was_told = before.as_ref().is_some_and(|health| health.told);
        let (earlier, since) = match before {
            Some(health) if !succeeded => (health.failures, health.since),
            _ => (0, NOW),
        };
        let in_a_row = earlier + u64::from(failures);
        let still_told = was_told && !succeeded;
        let told = in_a_row > 0 && (still_told || in_a_row >= told_from);
        if in_a_row > 0 {
            self.health.insert(hook.to_owned(), Health { failures: in_a_row, since, told });
        }
        let change = match (still_told, told) {
            (false, true) => Some(NoticeKind::HookFailing),
            _ if was_told && succeeded => Some(NoticeKind::HookRecovered),
            _ => None,
        };
        (change, in_a_row)
    }
}
