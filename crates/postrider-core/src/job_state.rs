//! What the workers remember about a job between its stays in the stream: the field `_job`.

use std::fmt;

use crate::entry_id::EntryId;
use crate::time::{Timestamp, parse_whole};
use crate::trace::{SpanId, parse_span_id};

/// The name of the field; every other name that starts with `_` is dropped on reading.
pub const STATE_FIELD: &[u8] = b"_job";

/// The state of a job, written as `1 first=<entry id> attempts=2 crashes=0 deferred=<epoch ms> due=<epoch ms>`,
/// with `span=<16 hex digits>` while traces are told.
///
/// The leading number is the version. A reader takes every version and skips keys that it doesn't know, so that old
/// and new workers can share a queue; a key whose meaning changes needs a new name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// The stream entry that the producer added: gives the job's id and time where it has none of its own.
    pub first_entry: Option<EntryId>,
    /// Attempts made so far.
    pub attempts: u32,
    /// How often the job was lost with its worker before it last left the stream.
    pub crashes: u32,
    /// Since when the job has waited for its destination, without an attempt.
    pub deferred: Option<Timestamp>,
    /// When the job was last due; the settle script appends it to what `to_string` gives.
    pub due: Option<Timestamp>,
    /// The span of the latest attempt, where its trace is told: the next one is linked to it.
    pub span: Option<SpanId>,
}

impl JobState {
    /// Reads the field's value; `None` when a worker can't have written it.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(value).ok()?.split(' ');
        parse_whole(words.next()?.as_bytes())?;
        let mut state = Self::default();
        for word in words {
            let (key, value) = word.split_once('=')?;
            let number = || parse_whole(value.as_bytes()).and_then(|number| u32::try_from(number).ok());
            match key {
                "first" => state.first_entry = Some(EntryId::parse(value.as_bytes())?),
                "attempts" => state.attempts = number()?,
                "crashes" => state.crashes = number()?,
                "deferred" => state.deferred = Some(Timestamp::parse(value.as_bytes())?),
                "due" => state.due = Some(Timestamp::parse(value.as_bytes())?),
                // A trace is worth no job: what can't be read is left out.
                "span" => state.span = parse_span_id(value.as_bytes()),
                _ => {}
            }
        }
        Some(state)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1")?;
        if let Some(first) = self.first_entry {
            write!(f, " first={first}")?;
        }
        write!(f, " attempts={}", self.attempts)?;
        if self.crashes > 0 {
            write!(f, " crashes={}", self.crashes)?;
        }
        if let Some(deferred) = self.deferred {
            write!(f, " deferred={deferred}")?;
        }
        if let Some(span) = self.span {
            write!(f, " span={:016x}", u64::from_be_bytes(span))?;
        }
        if let Some(due) = self.due {
            write!(f, " due={due}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newer_writer_does_not_stop_an_older_reader() {
        let state = JobState::parse(b"7 attempts=3 colour=blue").unwrap();
        assert_eq!(state, JobState { attempts: 3, ..JobState::default() });
    }

    #[test]
    fn a_span_that_cannot_be_read_costs_only_a_link() {
        for bad in ["", "0000000000000000", "00f067aa0ba902bG", "00F067AA0BA902B7", "00f067aa0ba902b7a"] {
            let state = JobState::parse(format!("1 attempts=2 span={bad}").as_bytes()).unwrap();
            assert_eq!((state.attempts, state.span), (2, None), "{bad}");
        }
    }

    #[test]
    fn what_no_worker_wrote_is_refused() {
        for bad in [&b""[..], b"x", b"1 attempts", b"1 attempts=-1", b"1 first=abc", b"1 due=nan", b"\xff"] {
            assert_eq!(JobState::parse(bad), None);
        }
    }

    proptest! {
        #[test]
        fn states_survive_being_written_and_read(
            first in any::<Option<(u64, u64)>>(), attempts: u32, crashes: u32,
            deferred in any::<Option<u64>>(), due in any::<Option<u64>>(), span in any::<Option<std::num::NonZeroU64>>(),
        ) {
            let state = JobState {
                first_entry: first.map(|(millis, sequence)| EntryId { millis, sequence }),
                attempts,
                crashes,
                deferred: deferred.map(Timestamp::from_millis),
                due: due.map(Timestamp::from_millis),
                span: span.map(|span| span.get().to_be_bytes()),
            };
            prop_assert_eq!(JobState::parse(state.to_string().as_bytes()), Some(state));
        }
    }
}
