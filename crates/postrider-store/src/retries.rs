//! Waiting jobs: looked at, made due, ended. What they carry stays in Redis.

use std::sync::LazyLock;

use postrider_core::entry_id::EntryId;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use redis::{Cmd, Value};

use crate::attempts::Page;
use crate::dead::{Moved, read_moved};
use crate::entry::{bytes, integer, pairs};
use crate::fault::StoreError;
use crate::filter::{Facts, Filter, created_at, first_text, origin_of};
use crate::inspect::text;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::presence::{moment, number};
use crate::rows::{MOST_COST, STEP};
use crate::script::NamedScript;
use crate::settlement::HookName;

/// Most waiting jobs that one call looks at: some 10 ms of Redis' time, in steps of [`STEP`].
pub const MOST_LOOKED_AT: usize = 1_000;

/// Most jobs that one call moves.
pub const MOST_AT_ONCE: usize = 100;

static PAGE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("waiting_page", include_str!("scripts/waiting_page.lua")));
static SLICE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("waiting_slice", include_str!("scripts/waiting_slice.lua")));

/// A waiting job without what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The job's id.
    pub job: String,
    /// When it falls due; where it is held, when it expires.
    pub due: Timestamp,
    /// The entry that it was when it last left the stream; none where the record can't be read.
    pub entry: Option<EntryId>,
    /// The inactive hook that it is held for.
    pub held_for: Option<HookName>,
    /// The size of its record.
    pub bytes: u64,
    /// What workers know of it.
    pub state: JobState,
    /// When its event happened, where that is known.
    pub created_at: Option<Timestamp>,
    /// Its own limit of attempts.
    pub max_attempts: Option<u32>,
    /// The event's type, or empty.
    pub event_type: String,
    /// The event's id, where the job brought one, else empty.
    pub event_id: String,
    /// The hook's owner, or empty.
    pub user_id: String,
    /// The hook's id, or empty.
    pub hook_id: String,
    /// Scheme, host and port of the job's own URL, or empty.
    pub destination: String,
}

/// A place among the waiting jobs: due time, then id, both as Redis has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    due: String,
    job: Vec<u8>,
}

/// What is done with waiting jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// They fall due now; held ones stay as they are.
    Promote,
    /// They end.
    Cancel,
}

impl Place {
    /// Before all.
    pub fn start() -> Self {
        Self { due: "-inf".to_owned(), job: Vec::new() }
    }

    /// Before all that a filter may mean.
    fn start_of(filter: &Filter) -> Self {
        filter.since.map_or_else(Self::start, |since| Self { due: since.to_string(), job: Vec::new() })
    }

    /// Reads what [`Self::to_string`](ToString) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (due, job) = text.split_once(' ')?;
        due.parse::<f64>().ok().filter(|due| !due.is_nan())?;
        Some(Self { due: due.to_owned(), job: unescaped(job)? })
    }
}

impl std::fmt::Display for Place {
    /// Ids of jobs are plain; whatever else somebody has put there can be passed by too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.due)?;
        self.job.iter().try_for_each(|byte| match byte {
            b'!'..=b'~' if *byte != b'%' => write!(f, "{}", char::from(*byte)),
            _ => write!(f, "%{byte:02x}"),
        })
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}

/// A page of up to `most` waiting jobs by when they fall due, behind `after`.
pub async fn page(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    after: Option<Place>,
    most: usize,
) -> Result<Page<Waiting, Place>, StoreError> {
    let (mut items, mut looked_at) = (Vec::new(), 0);
    let mut after = after.unwrap_or_else(|| Place::start_of(filter));
    while looked_at < MOST_LOOKED_AT {
        let step = if filter.is_open() { STEP.min(most) } else { STEP };
        let look = look(link, keys, &after, step).await?;
        looked_at += STEP;
        for (waiting, place) in look.jobs {
            if filter.until.is_some_and(|until| waiting.due > until) {
                return Ok(Page { items, next: None });
            }
            after = place;
            if filter.admits(&waiting) {
                items.push(waiting);
            }
            if items.len() >= most {
                return Ok(Page { items, next: Some(after) });
            }
        }
        if look.is_end {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: Some(after) })
}

pub(crate) struct Look {
    pub(crate) jobs: Vec<(Waiting, Place)>,
    pub(crate) is_end: bool,
}

pub(crate) async fn look(
    link: &mut Link,
    keys: &QueueKeys,
    after: &Place,
    most: usize,
) -> Result<Look, StoreError> {
    let mut call = PAGE.call(2);
    call.arg(&keys.retry).arg(&keys.retry_jobs).arg(&after.due).arg(&after.job);
    call.arg(most).arg(MOST_COST);
    let reply = link.run(&PAGE, &call, || format!("read {}", keys.retry)).await?;
    let Value::Array(parts) = reply else { return Ok(Look { jobs: Vec::new(), is_end: true }) };
    let mut parts = parts.into_iter().skip(1);
    let is_end = parts.next().as_ref().and_then(integer) != Some(0);
    Ok(Look { jobs: parts.filter_map(read_waiting).collect(), is_end })
}

/// One waiting job.
pub async fn find(link: &mut Link, keys: &QueueKeys, job: &str) -> Result<Option<Waiting>, StoreError> {
    let at = Place { due: "at".to_owned(), job: job.as_bytes().to_vec() };
    let found = look(link, keys, &at, 1).await?.jobs.pop();
    Ok(found.map(|(waiting, _)| waiting))
}

/// Makes jobs due now, or ends them, by their ids.
pub async fn act_on(link: &mut Link, keys: &QueueKeys, act: Act, jobs: &[&str]) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    let mut rest = jobs;
    while !rest.is_empty() {
        let step = &rest[..rest.len().min(MOST_AT_ONCE)];
        let mut call = slice_call(keys, act, None);
        call.arg("").arg("").arg(0).arg(0);
        for job in step {
            call.arg(job).arg("");
        }
        let (_, looked_at, more) = run_slice(link, keys, &call).await?;
        moved.done += more.done;
        moved.stays.extend(more.stays);
        rest = &rest[looked_at.clamp(1, step.len())..];
    }
    Ok(moved)
}

/// How many jobs wait.
pub async fn total(link: &mut Link, keys: &QueueKeys) -> Result<u64, StoreError> {
    let reply = link.send(redis::cmd("ZCARD").arg(&keys.retry), || format!("count {}", keys.retry)).await?;
    Ok(integer(&reply).and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

pub(crate) fn slice_call(keys: &QueueKeys, act: Act, bulk: Option<&str>) -> Cmd {
    let mut call = SLICE.call(4 + usize::from(bulk.is_some()));
    call.arg(&keys.retry).arg(&keys.retry_jobs).arg(&keys.held).arg(&keys.stats).arg(bulk);
    call.arg(match act {
        Act::Promote => "promote",
        Act::Cancel => "cancel",
    });
    call.arg(MOST_COST);
    call
}

pub(crate) async fn run_slice(
    link: &mut Link,
    keys: &QueueKeys,
    call: &Cmd,
) -> Result<(bool, usize, Moved), StoreError> {
    let reply = link.run(&SLICE, call, || format!("move waiting jobs of {}", keys.stream)).await?;
    Ok(read_moved(reply))
}

fn read_waiting(item: Value) -> Option<(Waiting, Place)> {
    let Value::Array(parts) = item else { return None };
    let mut parts = parts.into_iter();
    let lossy = |value: Value| bytes(value).map(|text| String::from_utf8_lossy(&text).into_owned());
    let id = bytes(parts.next()?)?;
    let score = parts.next()?;
    let due = moment(number(&score).unwrap_or(0));
    let job = String::from_utf8_lossy(&id).into_owned();
    let place = Place { due: lossy(score)?, job: id };
    let entry = EntryId::parse(&bytes(parts.next()?)?);
    let held_for = HookName::parse(&lossy(parts.next()?)?);
    let size = u64::try_from(integer(&parts.next()?)?).ok()?;
    let fields = pairs(parts.collect());
    let state = JobState::parse(text(&fields, "_job").as_bytes()).unwrap_or_default();
    let waiting = Waiting {
        created_at: created_at(&fields, state.first_entry.or(entry).map(EntryId::time)),
        job,
        due,
        entry,
        held_for,
        bytes: size,
        state,
        max_attempts: first_text(&fields, "maxAttempts").parse().ok(),
        event_type: first_text(&fields, "type"),
        event_id: first_text(&fields, "eventId"),
        user_id: first_text(&fields, "userId"),
        hook_id: first_text(&fields, "hookId"),
        destination: origin_of(&fields),
    };
    Some((waiting, place))
}

impl Facts for Waiting {
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
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_and_read_whatever_stands_there() {
        for job in [&b"1764324000123-0"[..], b"", b"a b%c", b"\xff\x80", "\u{e9}".as_bytes()] {
            let place = Place { due: "1764324000123".into(), job: job.to_vec() };
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
        assert_eq!(Place::parse("7 mine").unwrap().to_string(), "7 mine");
    }

    #[test]
    fn what_no_page_gave_is_no_place() {
        for bad in ["", "7", "x mine", "NaN mine", "at mine", "7 %", "7 %x1", "7 %\u{e9}"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
