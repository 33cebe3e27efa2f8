//! The attempts of one job. The log knows no jobs, only times: what is known of the job says where to look first.

use std::collections::{BTreeMap, HashSet};

use postrider_core::entry_id::EntryId;
use postrider_core::time::Timestamp;

use super::{Reach, Whereabouts};
use crate::attempts::{Attempt, Order, STEP, step};
use crate::fault::StoreError;
use crate::filter::Filter;
use crate::keys::QueueKeys;
use crate::link::Link;

/// A job that is named like an entry wasn't tried before that entry's time; so much is allowed for the clocks of producers who make
/// such names themselves.
const EARLIER_THAN_ITS_ID_MILLIS: u64 = 60_000;

/// Records that are looked at where an attempt is expected: what is settled in a second or so around it.
const LOOK_NEARBY: usize = 500;

/// What was found so far, by its place in the log.
struct Found<'a> {
    job: &'a str,
    attempts: BTreeMap<EntryId, Attempt>,
    /// How many attempts the job is known to have made.
    made: Option<u32>,
}

/// A job's attempts, oldest first, and whether these are all.
pub(super) async fn attempts_of(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    now: &Whereabouts,
    reach: Reach,
) -> Result<(Vec<Attempt>, bool), StoreError> {
    let mut found = Found { job, attempts: BTreeMap::new(), made: made(now) };
    // Both, though the first may show all attempts that it counts: a replay counts anew, and what came before it is its life too.
    for (order, from) in places(job, now) {
        found.look(link, keys, (order, from), LOOK_NEARBY).await?;
    }
    let mut is_whole = found.is_all();
    if !is_whole || reach.is_thorough {
        let since = EntryId::parse(job.as_bytes())
            .map(|first| Timestamp::from_millis(first.millis.saturating_sub(EARLIER_THAN_ITS_ID_MILLIS)));
        let span = Filter { since, ..Filter::default() };
        is_whole |= found.look(link, keys, (Order::NewestFirst, span), reach.log).await? || found.is_all();
    }
    Ok((found.attempts.into_values().collect(), is_whole))
}

/// Where attempts of a job are likely to be: its last one, then its first.
fn places(job: &str, now: &Whereabouts) -> Vec<(Order, Filter)> {
    let from = |time: Timestamp| (Order::OldestFirst, Filter { since: Some(time), ..Filter::default() });
    let until = |time: Timestamp| (Order::NewestFirst, Filter { until: Some(time), ..Filter::default() });
    let last = match now {
        // The entry that it was then; the attempt came soon after.
        Whereabouts::Waiting(waiting) => waiting.entry.map(|entry| from(entry.time())),
        // Logged with the letter.
        Whereabouts::Dead(letter) => Some(until(letter.entry.time())),
        _ => None,
    };
    last.into_iter().chain(EntryId::parse(job.as_bytes()).map(|first| from(first.time()))).collect()
}

/// How many attempts a job has made, where it says so itself.
fn made(now: &Whereabouts) -> Option<u32> {
    match now {
        Whereabouts::Ready(job) | Whereabouts::Leased { job, .. } => Some(job.state.attempts),
        Whereabouts::Waiting(waiting) => Some(waiting.state.attempts),
        Whereabouts::Dead(letter) => Some(letter.attempts),
        Whereabouts::Delivered | Whereabouts::Unknown { .. } => None,
    }
}

impl Found<'_> {
    /// Looks through so many records, until all is found; whether it came to the end of what there is.
    async fn look(
        &mut self,
        link: &mut Link,
        keys: &QueueKeys,
        (order, span): (Order, Filter),
        most: usize,
    ) -> Result<bool, StoreError> {
        let mut after = None;
        for _ in 0..most.div_ceil(STEP) {
            let records = step(link, keys, &span, order, after).await?;
            let is_end = records.len() < STEP;
            after = records.last().map(|record| record.entry).or(after);
            let own = records.into_iter().filter(|record| record.job == self.job);
            self.attempts.extend(own.map(|record| (record.entry, record)));
            if is_end {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether each attempt is there that the job has made, or that came before a last one.
    fn is_all(&self) -> bool {
        let ended = || self.attempts.values().rev().find(|last| last.outcome != "retried");
        let Some(made) = self.made.or_else(|| Some(ended()?.attempt)) else { return false };
        let numbers: HashSet<u32> = self.attempts.values().map(|attempt| attempt.attempt).collect();
        (1..=made).all(|number| numbers.contains(&number))
    }
}
