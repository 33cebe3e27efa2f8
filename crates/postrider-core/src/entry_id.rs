//! The id of a stream entry.

use std::fmt;

use crate::time::{Timestamp, parse_whole};

/// `<milliseconds>-<sequence>`; ordered as numbers, so that `-10` comes after `-9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The time at which Redis (or an operator, with an id of their own) added the entry.
    pub millis: u64,
    /// Counts the entries of one millisecond.
    pub sequence: u64,
}

impl EntryId {
    /// Reads the form that Redis writes.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        Some(Self { millis: parse_whole(&text[..dash])?, sequence: parse_whole(&text[dash + 1..])? })
    }

    /// When the entry was added.
    pub fn time(self) -> Timestamp {
        Timestamp::from_millis(self.millis)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_numbers() {
        let id = |text: &str| EntryId::parse(text.as_bytes()).unwrap();
        assert!(id("5-10") > id("5-9") && id("10-0") > id("9-99"));
        assert_eq!(id("1500000000000-7").to_string(), "1500000000000-7");
    }

    #[test]
    fn other_texts_are_no_ids() {
        for bad in ["", "-", "1", "1-", "-1", "1-2-3", "a-1", "1-+2"] {
            assert_eq!(EntryId::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
