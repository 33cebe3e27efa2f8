//! How many letters or jobs are meant: by the counters, where these can tell, else by a look at each, in pages.

use std::time::Duration;

use postrider_core::entry_id::EntryId;
use tokio::time::Instant;

use super::Kind;
use crate::attempts::Order;
use crate::dead;
use crate::fault::StoreError;
use crate::filter::Filter;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::retries::{self, Place};
use crate::rows::STEP;

/// Groups of letters that are added up; where there are more, the letters themselves are counted.
const MOST_GROUPS: usize = 10_000;

/// How many are meant of those that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Letters or jobs.
    pub matched: u64,
    /// Where to go on counting; none where all were looked at.
    pub next: Option<String>,
}

impl Counted {
    fn whole(matched: u64) -> Self {
        Self { matched, next: None }
    }
}

/// Counts all that are meant.
pub async fn count(
    link: &mut Link,
    keys: &QueueKeys,
    kind: Kind,
    filter: &Filter,
) -> Result<u64, StoreError> {
    let mut counted = count_for(link, keys, kind, filter, None, Duration::MAX).await?;
    let mut matched = counted.matched;
    while let Some(after) = counted.next {
        counted = count_for(link, keys, kind, filter, Some(&after), Duration::MAX).await?;
        matched += counted.matched;
    }
    Ok(matched)
}

/// Counts those behind `after`, a place that an earlier count gave, for about as long as `time`, and one step at the least.
/// An `after` that is no such place is as none.
pub async fn count_for(
    link: &mut Link,
    keys: &QueueKeys,
    kind: Kind,
    filter: &Filter,
    after: Option<&str>,
    time: Duration,
) -> Result<Counted, StoreError> {
    let began = Instant::now();
    if after.is_none()
        && let Some(matched) = known(link, keys, kind, filter).await?
    {
        return Ok(Counted::whole(matched));
    }
    let (mut matched, mut after) = (0, after.map(str::to_owned));
    loop {
        let step = match kind {
            Kind::Dead(_) => count_letters(link, keys, filter, after.as_deref()).await?,
            Kind::Waiting(_) => count_waiting(link, keys, filter, after.as_deref()).await?,
        };
        matched += step.matched;
        after = step.next;
        if after.is_none() || began.elapsed() >= time {
            return Ok(Counted { matched, next: after });
        }
    }
}

/// Without a look at each, where that can be told.
async fn known(
    link: &mut Link,
    keys: &QueueKeys,
    kind: Kind,
    filter: &Filter,
) -> Result<Option<u64>, StoreError> {
    match kind {
        Kind::Dead(_) if filter.is_open() => dead::total(link, keys).await.map(Some),
        Kind::Waiting(_) if filter.is_open() => retries::total(link, keys).await.map(Some),
        Kind::Dead(_) if dead::can_be_grouped(filter) => counted_by_groups(link, keys, filter).await,
        _ => Ok(None),
    }
}

/// By the counters, where they are right and can tell.
async fn counted_by_groups(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
) -> Result<Option<u64>, StoreError> {
    let counts = dead::counts(link, keys, MOST_GROUPS).await?;
    let is_right = counts.is_whole && counts.total() == dead::total(link, keys).await?;
    Ok(counts.admitted(filter).filter(|_| is_right))
}

/// One step.
async fn count_letters(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    after: Option<&str>,
) -> Result<Counted, StoreError> {
    let after = after.and_then(|place| EntryId::parse(place.as_bytes()));
    let (letters, is_end) = dead::look(link, keys, filter, Order::OldestFirst, after, STEP).await?;
    let matched = letters.iter().filter(|letter| filter.admits(*letter)).count() as u64;
    let last = letters.last().map(|letter| letter.entry).or(after);
    Ok(Counted { matched, next: last.filter(|_| !is_end).map(|entry| entry.to_string()) })
}

/// One step.
async fn count_waiting(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    after: Option<&str>,
) -> Result<Counted, StoreError> {
    let after = after.and_then(Place::parse).unwrap_or_else(Place::start);
    let look = retries::look(link, keys, &after, STEP).await?;
    let matched = look.jobs.iter().filter(|(waiting, _)| filter.admits(waiting)).count() as u64;
    let last = look.jobs.into_iter().next_back().map_or(after, |(_, place)| place);
    Ok(Counted { matched, next: (!look.is_end).then(|| last.to_string()) })
}
