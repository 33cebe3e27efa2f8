//! Where one job is, what it has been through, and ending it wherever it can be ended.
//!
//! - [`log`]: its attempts.

mod log;

use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::job::is_job_id;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use redis::Value;

use crate::attempts::{Attempt, Order, range};
use crate::dead::{self, Letter};
use crate::entry::{bytes, integer};
use crate::fault::{FaultClass, StoreError};
use crate::filter::{Filter, created_at, first_text, origin_of};
use crate::inspect::text;
use crate::keys::{GROUP, QueueKeys};
use crate::link::Link;
use crate::retries::{self, Act, Waiting};
use crate::rows::{self, Row, STEP};
use crate::script::NamedScript;

static CANCEL_READY: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("cancel_ready", include_str!("scripts/cancel_ready.lua")));
static WAITING_CONTENT: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("waiting_content", include_str!("scripts/waiting_content.lua")));

/// How far to look for what no key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Entries of the stream, from each end: for jobs that don't bear the id of their entry.
    pub stream: usize,
    /// The newest dead letters: for those that their list doesn't have.
    pub dead: usize,
    /// Records of the attempt log.
    pub log: usize,
    /// Whether to look on where a job's attempts are found already: a replayed job had others before.
    pub is_thorough: bool,
}

impl Reach {
    /// For who waits for the answer among many: some tens of milliseconds, in short steps.
    pub const NEAR: Self = Self { stream: 500, dead: 500, log: 1_500, is_thorough: false };

    /// For an operator who wants to know: a second or two.
    pub const FAR: Self = Self { stream: 10_000, dead: 10_000, log: 100_000, is_thorough: true };
}

/// Where a job is.
#[derive(Clone, Debug)]
pub enum Whereabouts {
    /// In the stream, and nobody has read it.
    Ready(Box<Enqueued>),
    /// In the stream, and a worker has it.
    Leased {
        /// What it is.
        job: Box<Enqueued>,
        /// The worker.
        worker: String,
        /// For how long.
        since: Duration,
        /// How often it was handed out.
        deliveries: u32,
    },
    /// Waiting.
    Waiting(Box<Waiting>),
    /// Dead.
    Dead(Box<Letter>),
    /// Delivered, as the attempt log says.
    Delivered,
    /// Not found.
    Unknown {
        /// Whether all was looked at.
        looked_everywhere: bool,
    },
}

/// A job in the stream, without what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its entry.
    pub entry: EntryId,
    /// Its size.
    pub bytes: u64,
    /// What workers know of it.
    pub state: JobState,
    /// When its event happened.
    pub created_at: Option<Timestamp>,
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

/// A job's life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Where it is now.
    pub now: Whereabouts,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Whether these are all that the log has.
    pub log_is_whole: bool,
}

/// What asking for the end of a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It has ended.
    Done,
    /// It is being sent.
    Leased,
    /// It is dead already.
    Dead,
    /// There is no such job, as far as was looked.
    Unknown,
}

/// Where a job is, and what it has been through.
pub async fn life(link: &mut Link, keys: &QueueKeys, job: &str, reach: Reach) -> Result<Life, StoreError> {
    let now = find(link, keys, job, reach).await?;
    let (attempts, log_is_whole) = log::attempts_of(link, keys, job, &now, reach).await?;
    let now = match now {
        Whereabouts::Unknown { .. } if attempts.last().is_some_and(|last| last.outcome == "delivered") => {
            Whereabouts::Delivered
        }
        now => now,
    };
    Ok(Life { now, attempts, log_is_whole })
}

/// Where a job is. A job that moves meanwhile may be missed; where it may have moved to is looked at once more.
pub async fn find(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    reach: Reach,
) -> Result<Whereabouts, StoreError> {
    if let Some(waiting) = retries::find(link, keys, job).await? {
        return Ok(Whereabouts::Waiting(Box::new(waiting)));
    }
    let (enqueued, is_all_of_stream) = in_stream(link, keys, job, reach.stream).await?;
    if let Some(enqueued) = enqueued {
        return lease_of(link, keys, enqueued).await;
    }
    let (letter, are_all_letters) = dead::seek(link, keys, job, reach.dead).await?;
    if let Some(letter) = letter {
        return Ok(Whereabouts::Dead(Box::new(letter)));
    }
    let waiting = retries::find(link, keys, job).await?;
    let unknown = Whereabouts::Unknown { looked_everywhere: is_all_of_stream && are_all_letters };
    Ok(waiting.map_or(unknown, |waiting| Whereabouts::Waiting(Box::new(waiting))))
}

/// What a job carries; none where it is nowhere.
pub async fn content(
    link: &mut Link,
    keys: &QueueKeys,
    now: &Whereabouts,
) -> Result<Option<Vec<u8>>, StoreError> {
    let fields = match now {
        Whereabouts::Ready(job) | Whereabouts::Leased { job, .. } => {
            rows::whole(link, &keys.stream, job.entry).await?
        }
        Whereabouts::Dead(letter) => rows::whole(link, &keys.dead, letter.entry).await?,
        Whereabouts::Waiting(waiting) => {
            let mut call = WAITING_CONTENT.call(1);
            call.arg(&keys.retry_jobs).arg(&waiting.job);
            let operation = || format!("read waiting job {} of {}", waiting.job, keys.stream);
            return Ok(bytes(link.run(&WAITING_CONTENT, &call, operation).await?));
        }
        Whereabouts::Delivered | Whereabouts::Unknown { .. } => None,
    };
    let content = fields.and_then(|fields| fields.into_iter().find(|(name, _)| name == b"content"));
    Ok(content.map(|(_, content)| content))
}

/// A job in the stream, and whether all of the stream was looked at for it.
async fn in_stream(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    most: usize,
) -> Result<(Option<Enqueued>, bool), StoreError> {
    let first = EntryId::parse(job.as_bytes());
    if let Some(entry) = first {
        let row = rows::one(link, &keys.stream, entry).await?.filter(|row| id_of(row) == job);
        if row.is_some() {
            return Ok((row.map(|row| enqueued(&row)), true));
        }
    }
    // An entry that a job was later comes behind its first.
    let since = first.map(EntryId::time);
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let (found, is_end) = walk(link, keys, job, (order, since), most).await?;
        if found.is_some() || is_end {
            return Ok((found, true));
        }
    }
    Ok((None, false))
}

async fn walk(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    (order, since): (Order, Option<Timestamp>),
    most: usize,
) -> Result<(Option<Enqueued>, bool), StoreError> {
    let span = Filter { since, ..Filter::default() };
    let mut after = None;
    for _ in 0..most.div_ceil(STEP) {
        let (rows, is_end) = rows::page(link, &keys.stream, range(&span, order, after), STEP).await?;
        after = rows.last().map(|row| row.entry);
        let found = rows.into_iter().find(|row| id_of(row) == job);
        if found.is_some() || is_end {
            return Ok((found.map(|row| enqueued(&row)), true));
        }
    }
    Ok((None, false))
}

/// The id of the job that an entry is: its own, else that of its first entry.
fn id_of(row: &Row) -> String {
    let own = first_text(&row.fields, "id");
    if is_job_id(own.as_bytes()) { own } else { first_entry(row).to_string() }
}

fn first_entry(row: &Row) -> EntryId {
    state_of(row).first_entry.unwrap_or(row.entry)
}

fn state_of(row: &Row) -> JobState {
    JobState::parse(text(&row.fields, "_job").as_bytes()).unwrap_or_default()
}

fn enqueued(row: &Row) -> Enqueued {
    let fields = &row.fields;
    Enqueued {
        entry: row.entry,
        bytes: row.bytes,
        state: state_of(row),
        created_at: created_at(fields, Some(first_entry(row).time())),
        event_type: first_text(fields, "type"),
        event_id: first_text(fields, "eventId"),
        user_id: first_text(fields, "userId"),
        hook_id: first_text(fields, "hookId"),
        destination: origin_of(fields),
    }
}

async fn lease_of(link: &mut Link, keys: &QueueKeys, job: Enqueued) -> Result<Whereabouts, StoreError> {
    let entry = job.entry.to_string();
    let job = Box::new(job);
    let mut command = redis::cmd("XPENDING");
    command.arg(&keys.stream).arg(GROUP).arg(&entry).arg(&entry).arg(1);
    let reply = link.send(&command, || format!("ask who has entry {entry} of {}", keys.stream)).await;
    let reply = match reply {
        // Without a group, nobody has anything.
        Err(error) if error.class() == FaultClass::NoGroup => return Ok(Whereabouts::Ready(job)),
        reply => reply?,
    };
    let Value::Array(mut pending) = reply else { return Ok(Whereabouts::Ready(job)) };
    let Some(Value::Array(lease)) = pending.pop() else { return Ok(Whereabouts::Ready(job)) };
    let number = |at: usize| lease.get(at).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let worker = lease.get(1).cloned().and_then(bytes).unwrap_or_default();
    Ok(Whereabouts::Leased {
        job,
        worker: String::from_utf8_lossy(&worker).into_owned(),
        since: Duration::from_millis(number(2)),
        deliveries: u32::try_from(number(3)).unwrap_or(u32::MAX),
    })
}

/// Ends a job that waits or is ready.
pub async fn cancel(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    reach: Reach,
) -> Result<Cancelled, StoreError> {
    match find(link, keys, job, reach).await? {
        Whereabouts::Waiting(_) => {
            let moved = retries::act_on(link, keys, Act::Cancel, &[job]).await?;
            Ok(if moved.done == 1 { Cancelled::Done } else { Cancelled::Unknown })
        }
        Whereabouts::Ready(job) => cancel_ready(link, keys, job.entry).await,
        Whereabouts::Leased { .. } => Ok(Cancelled::Leased),
        Whereabouts::Dead(_) => Ok(Cancelled::Dead),
        Whereabouts::Delivered | Whereabouts::Unknown { .. } => Ok(Cancelled::Unknown),
    }
}

async fn cancel_ready(link: &mut Link, keys: &QueueKeys, entry: EntryId) -> Result<Cancelled, StoreError> {
    let mut call = CANCEL_READY.call(2);
    call.arg(&keys.stream).arg(&keys.stats).arg(GROUP).arg(entry.to_string());
    let reply = link.run(&CANCEL_READY, &call, || format!("cancel entry {entry} of {}", keys.stream)).await?;
    Ok(match integer(&reply) {
        Some(1) => Cancelled::Done,
        Some(0) => Cancelled::Leased,
        _ => Cancelled::Unknown,
    })
}
