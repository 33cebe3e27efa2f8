//! The last failed attempts of a queue, kept up to date by what the log has got since: it is read once only.

use std::collections::VecDeque;

use postrider_core::entry_id::EntryId;
use postrider_store::attempts::{self, Attempt, AttemptFilter, Order};
use postrider_store::fault::StoreError;
use postrider_store::inspect::newest_entry;
use postrider_store::keys::QueueKeys;
use postrider_store::link::Link;

/// How many are kept: more than a screen shows.
pub(super) const MOST: usize = 100;

/// Records of the log that are read at a look. Where a second brings more, the newest are looked for anew.
const MOST_NEWS: usize = 1_000;

/// The last failures.
#[derive(Debug, Default)]
pub(super) struct Failures {
    seen: Option<EntryId>,
    newest_first: VecDeque<Attempt>,
}

impl Failures {
    /// The newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.newest_first.iter()
    }

    /// Reads what the log has got since.
    pub(super) async fn catch_up(&mut self, link: &mut Link, keys: &QueueKeys) -> Result<(), StoreError> {
        let Some(seen) = self.seen else { return self.begin(link, keys).await };
        let all = AttemptFilter::default();
        let news = attempts::page(link, keys, &all, Order::OldestFirst, Some(seen), MOST_NEWS).await?;
        self.seen = news.items.last().map(|attempt| attempt.entry).or(self.seen);
        self.add(news.items.into_iter().filter(|attempt| attempt.outcome != "delivered"));
        if news.next.is_some() {
            self.seen = None;
        }
        Ok(())
    }

    /// Looks from the end of the log backwards, as far as one page of each kind goes.
    async fn begin(&mut self, link: &mut Link, keys: &QueueKeys) -> Result<(), StoreError> {
        let seen = newest_entry(link, &keys.attempts).await?;
        let mut found = Vec::new();
        for outcome in ["retried", "dead"] {
            let filter = AttemptFilter { outcome: Some(outcome.to_owned()), ..AttemptFilter::default() };
            found.extend(attempts::page(link, keys, &filter, Order::NewestFirst, None, MOST).await?.items);
        }
        found.retain(|attempt| attempt.entry <= seen);
        found.sort_by_key(|attempt| attempt.entry);
        self.newest_first.clear();
        self.add(found.into_iter());
        self.seen = Some(seen);
        Ok(())
    }

    fn add(&mut self, oldest_first: impl Iterator<Item = Attempt>) {
        oldest_first.for_each(|attempt| self.newest_first.push_front(attempt));
        self.newest_first.truncate(MOST);
    }
}
