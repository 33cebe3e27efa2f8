//! The attempt log, for those who look for something in it: page by page, each call bounded.

use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::time::Timestamp;
use redis::Value;

use crate::entry::integer;
use crate::fault::StoreError;
use crate::filter::{Facts, Filter};
use crate::inspect::{entries, text};
use crate::keys::QueueKeys;
use crate::link::Link;

/// Most entries that one call looks at: some ten milliseconds of Redis' time, in steps of [`STEP`].
pub const MOST_LOOKED_AT: usize = 2_000;

/// Entries that are read at once: each has up to some kilobytes of an answer.
pub(crate) const STEP: usize = 250;

/// One attempt, as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its place in the log.
    pub entry: EntryId,
    /// The job's id.
    pub job: String,
    /// What the receiver de-duplicates by.
    pub event_id: String,
    /// The hook's id, or empty.
    pub hook_id: String,
    /// Its owner, or empty.
    pub user_id: String,
    /// Scheme, host and port.
    pub destination: String,
    /// Number of the attempt: 1, 2, …
    pub attempt: u32,
    /// `delivered`, `retried` or `dead`.
    pub outcome: String,
    /// Status of the answer, 0 where none came.
    pub status: u16,
    /// How long it took.
    pub millis: u64,
    /// When it was settled.
    pub at: Timestamp,
    /// The worker that made it.
    pub worker: String,
    /// What went wrong, or empty.
    pub error: String,
    /// First bytes of a failed answer, without the job's secrets.
    pub response: String,
}

/// Which attempts are meant. The reason of the common part isn't looked at.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// Hook, destination and time.
    pub common: Filter,
    /// The job's id.
    pub job: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
    /// `delivered`, `retried` or `dead`.
    pub outcome: Option<String>,
    /// Status of the answer.
    pub status: Option<u16>,
}

/// Which way to go through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the end.
    NewestFirst,
    /// From the beginning.
    OldestFirst,
}

/// Some of a list, and where it goes on.
#[derive(Clone, Debug)]
pub struct Page<T, C = EntryId> {
    /// What was found; may be empty though there is more to look at.
    pub items: Vec<T>,
    /// After what the next page begins; none at the end.
    pub next: Option<C>,
}

/// A page of up to `most` attempts, behind `after` in the order that is asked for.
pub async fn page(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &AttemptFilter,
    order: Order,
    after: Option<EntryId>,
    most: usize,
) -> Result<Page<Attempt>, StoreError> {
    let (mut items, mut after, mut looked_at) = (Vec::new(), after, 0);
    while looked_at < MOST_LOOKED_AT {
        let step = step(link, keys, &filter.common, order, after).await?;
        let is_last = step.len() < STEP;
        looked_at += STEP;
        for attempt in step {
            after = Some(attempt.entry);
            if filter.admits(&attempt) {
                items.push(attempt);
            }
            if items.len() >= most {
                return Ok(Page { items, next: after });
            }
        }
        if is_last {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: after })
}

/// Removes what is older than `max_age` by Redis' clock, whole nodes of the log at a time.
pub async fn trim(link: &mut Link, keys: &QueueKeys, max_age: Duration) -> Result<u64, StoreError> {
    let oldest = now(link).await?.as_millis().saturating_sub(max_age.as_millis() as u64);
    let mut command = redis::cmd("XTRIM");
    command.arg(&keys.attempts).arg("MINID").arg("~").arg(oldest);
    let reply = link.send(&command, || format!("trim {}", keys.attempts)).await?;
    Ok(integer(&reply).and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Redis' clock.
pub async fn now(link: &mut Link) -> Result<Timestamp, StoreError> {
    let reply = link.send(&redis::cmd("TIME"), || "ask Redis for the time".to_owned()).await?;
    let Value::Array(parts) = reply else { return Ok(Timestamp::default()) };
    let part = |at: usize| parts.get(at).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    Ok(Timestamp::from_millis(part(0) * 1000 + part(1) / 1000))
}

/// The attempts next in line, [`STEP`] of them; fewer only at the end.
pub(crate) async fn step(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    order: Order,
    after: Option<EntryId>,
) -> Result<Vec<Attempt>, StoreError> {
    let (command, from, to) = range(filter, order, after);
    let mut command = redis::cmd(command);
    command.arg(&keys.attempts).arg(from).arg(to).arg("COUNT").arg(STEP);
    let found = entries(link.send(&command, || format!("read {}", keys.attempts)).await?);
    Ok(found.into_iter().map(|(entry, fields)| read(entry, &fields)).collect())
}

/// Command, beginning and end of a walk that goes on behind an entry.
pub(crate) fn range(filter: &Filter, order: Order, after: Option<EntryId>) -> (&'static str, String, String) {
    let (first, last) = filter.span();
    let behind = |open: EntryId| after.map_or_else(|| open.to_string(), |after| format!("({after}"));
    match order {
        // An entry before the span would widen it.
        Order::OldestFirst if after.is_some_and(|after| after < first) => {
            ("XRANGE", first.to_string(), last.to_string())
        }
        Order::OldestFirst => ("XRANGE", behind(first), last.to_string()),
        Order::NewestFirst if after.is_some_and(|after| after > last) => {
            ("XREVRANGE", last.to_string(), first.to_string())
        }
        Order::NewestFirst => ("XREVRANGE", behind(last), first.to_string()),
    }
}

fn read(entry: EntryId, fields: &[Field]) -> Attempt {
    let number = |name| text(fields, name).parse::<u64>().unwrap_or(0);
    Attempt {
        entry,
        job: text(fields, "job"),
        event_id: text(fields, "eventId"),
        hook_id: text(fields, "hookId"),
        user_id: text(fields, "userId"),
        destination: text(fields, "destination"),
        attempt: u32::try_from(number("attempt")).unwrap_or(0),
        outcome: text(fields, "outcome"),
        status: u16::try_from(number("status")).unwrap_or(0),
        millis: number("ms"),
        at: Timestamp::from_millis(number("at")),
        worker: text(fields, "worker"),
        error: text(fields, "error"),
        response: text(fields, "response"),
    }
}

impl AttemptFilter {
    /// Whether this attempt is meant.
    pub fn admits(&self, attempt: &Attempt) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.job, &attempt.job)
            && fits(&self.event_id, &attempt.event_id)
            && fits(&self.outcome, &attempt.outcome)
            && self.status.is_none_or(|status| status == attempt.status)
            && Filter { reason: None, ..self.common.clone() }.admits(attempt)
    }
}

impl Facts for Attempt {
    fn user_id(&self) -> &str {
        &self.user_id
    }
    fn hook_id(&self) -> &str {
        &self.hook_id
    }
    fn destination(&self) -> &str {
        &self.destination
    }
    fn reason(&self) -> &str {
        ""
    }
    fn time(&self) -> Timestamp {
        self.at
    }
}
