//! The queue as the demo sees it: how many jobs are where, how many events are no jobs yet, and what is new in its attempt
//! log and its dead letters. Changes nothing.

use postrider_core::entry_id::EntryId;
use postrider_store::fault::StoreError;
use postrider_store::inspect::{self, DeadLetter, LoggedAttempt};
use postrider_store::link::Link;
use postrider_store::queue::{Queue, Sample};

/// How far both streams have been read.
#[derive(Debug)]
pub(crate) struct QueueView {
    attempts_read: EntryId,
    letters_read: EntryId,
}

/// What one look brought.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) sample: Sample,
    /// Events that haven't become jobs yet.
    pub(crate) events_left: u64,
    pub(crate) attempts: Vec<LoggedAttempt>,
    pub(crate) letters: Vec<DeadLetter>,
}

impl QueueView {
    /// Begins behind what earlier demos have left.
    pub(crate) async fn begin(link: &mut Link, queue: &Queue) -> Result<Self, StoreError> {
        let attempts_read = inspect::newest_entry(link, &queue.keys().attempts).await?;
        let letters_read = inspect::newest_entry(link, &queue.keys().dead).await?;
        Ok(Self { attempts_read, letters_read })
    }

    /// Looks once; of more news than a page, the rest comes next time.
    pub(crate) async fn look(
        &mut self,
        link: &mut Link,
        queue: &Queue,
        events: &Queue,
    ) -> Result<Seen, StoreError> {
        // In the order in which they move, so that none is missed between the questions.
        let left = events.sample(link).await?;
        let sample = queue.sample(link).await?;
        let attempts = inspect::attempts_after(link, queue.keys(), self.attempts_read).await?;
        let letters = inspect::dead_letters_after(link, queue.keys(), self.letters_read).await?;
        self.attempts_read = attempts.last().map_or(self.attempts_read, |(id, _)| *id);
        self.letters_read = letters.last().map_or(self.letters_read, |(id, _)| *id);
        let (attempts, letters) = (without_ids(attempts), without_ids(letters));
        let events_left = left.ready + left.leased + left.waiting;
        Ok(Seen { sample, events_left, attempts, letters })
    }
}

fn without_ids<T>(page: Vec<(EntryId, T)>) -> Vec<T> {
    page.into_iter().map(|(_, entry)| entry).collect()
}
