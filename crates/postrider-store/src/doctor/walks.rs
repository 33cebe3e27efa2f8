//! Leftovers, found page by page: each page is one look of a millisecond or two, however many jobs there are.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use postrider_core::queue_name::QueueName;
use redis::Value;

use crate::entry::{bytes, integer};
use crate::fault::StoreError;
use crate::keys::{GROUP, QueueKeys};
use crate::link::Link;
use crate::script::NamedScript;

/// Longest walk over one queue; a million jobs take about ten seconds.
const MAX_WALK: Duration = Duration::from_secs(60);

/// Ids on a page at most.
const MAX_PAGE: u64 = 500;

/// Ids on the first page, before anything is known of their size; a job has a megabyte at most.
const FIRST_PAGE: u64 = 20;

/// Bytes that a page may make Redis look at.
const PAGE_BYTES: u64 = 2 << 20;

/// Ids that are named in a finding.
const MAX_NAMED: usize = 3;

macro_rules! script {
    ($constant:ident, $name:literal) => {
        static $constant: LazyLock<NamedScript> =
            LazyLock::new(|| NamedScript::new($name, include_str!(concat!("../scripts/", $name, ".lua"))));
    };
}

script!(WAITING, "doctor_waiting");
script!(RECORDS, "doctor_records");
script!(STREAM, "doctor_stream");

/// What is wrong with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// A waiting id without a job.
    NoJob,
    /// A waiting job that can't be read.
    Unreadable,
    /// A waiting job that never falls due.
    NeverDue,
    /// A held job that is missing on the list of its hook.
    Unlisted,
    /// A job in the hash of waiting ones whose id isn't in the set.
    NoId,
    /// An entry that was handed out and is pending for nobody.
    Skipped,
    /// A lease whose entry is gone.
    Gone,
}

impl Fault {
    fn of_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"no_job" => Self::NoJob,
            b"unreadable" => Self::Unreadable,
            b"never_due" => Self::NeverDue,
            b"unlisted" => Self::Unlisted,
            b"skipped" => Self::Skipped,
            b"gone" => Self::Gone,
            _ => return None,
        })
    }
}

/// What one look found: what is wrong, and with which id.
pub(super) type Page = Vec<(Fault, Vec<u8>)>;

/// How many, and some of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) named: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, id: &[u8]) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(String::from_utf8_lossy(id).escape_debug().to_string());
        }
    }
}

/// How many ids the next page may have.
#[derive(Clone, Copy, Debug)]
struct PageSize(u64);

impl PageSize {
    fn learn(&mut self, seen: u64, bytes: u64) {
        if let Some(average) = bytes.checked_div(seen) {
            self.0 = (PAGE_BYTES / average.max(1)).clamp(1, MAX_PAGE);
        }
    }
}

/// A walk over the waiting jobs: all ids for their jobs, then, where there are more jobs than ids, all jobs for their ids.
pub(super) struct WaitingWalk {
    place: Place,
    page: PageSize,
    with_job: u64,
    ends: Instant,
}

enum Place {
    Ids(Vec<u8>),
    Records(Vec<u8>),
    End,
}

impl WaitingWalk {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Ids(b"0".to_vec()),
            page: PageSize(FIRST_PAGE),
            with_job: 0,
            ends: Instant::now() + MAX_WALK,
        }
    }

    /// Whether it was given up for its length.
    pub(super) fn is_cut_short(&self) -> bool {
        !matches!(self.place, Place::End)
    }

    /// What is wrong on the next page; none at the end.
    pub(super) async fn next(
        &mut self,
        link: &mut Link,
        keys: &QueueKeys,
    ) -> Result<Option<Page>, StoreError> {
        if Instant::now() > self.ends {
            return Ok(None);
        }
        match &self.place {
            Place::Ids(cursor) => {
                let cursor = cursor.clone();
                self.ids(link, keys, &cursor).await.map(Some)
            }
            Place::Records(cursor) => {
                let cursor = cursor.clone();
                self.records(link, keys, &cursor).await.map(Some)
            }
            Place::End => Ok(None),
        }
    }

    async fn ids(&mut self, link: &mut Link, keys: &QueueKeys, cursor: &[u8]) -> Result<Page, StoreError> {
        let mut call = WAITING.call(3);
        call.arg(&keys.retry).arg(&keys.retry_jobs).arg(&keys.held);
        call.arg(cursor).arg(self.page.0).arg(PAGE_BYTES);
        let reply =
            link.run(&WAITING, &call, || format!("look at the waiting jobs of {}", keys.stream)).await?;
        let mut parts = parts(reply);
        let (next, looked, bytes, with_job) =
            (word(&mut parts), number(&mut parts), number(&mut parts), number(&mut parts));
        self.page.learn(looked, bytes);
        self.with_job += with_job;
        self.place = if next != b"0" {
            Place::Ids(next)
        } else if self.records_of(link, keys).await? > self.with_job {
            Place::Records(b"0".to_vec())
        } else {
            Place::End
        };
        Ok(faults(parts))
    }

    async fn records_of(&self, link: &mut Link, keys: &QueueKeys) -> Result<u64, StoreError> {
        let command = redis::cmd("HLEN").arg(&keys.retry_jobs).clone();
        let reply = link.send(&command, || format!("count the waiting jobs of {}", keys.stream)).await?;
        Ok(count(&reply))
    }

    async fn records(
        &mut self,
        link: &mut Link,
        keys: &QueueKeys,
        cursor: &[u8],
    ) -> Result<Page, StoreError> {
        let mut call = RECORDS.call(2);
        call.arg(&keys.retry).arg(&keys.retry_jobs).arg(cursor).arg(self.page.0);
        let reply =
            link.run(&RECORDS, &call, || format!("look at the waiting jobs of {}", keys.stream)).await?;
        let mut parts = parts(reply);
        let (next, _looked) = (word(&mut parts), number(&mut parts));
        self.place = if next == b"0" { Place::End } else { Place::Records(next) };
        Ok(parts.filter_map(bytes).map(|id| (Fault::NoId, id)).collect())
    }
}

/// A walk over what was handed out of the stream.
pub(super) struct StreamWalk {
    last: Vec<u8>,
    after: Option<Vec<u8>>,
    page: PageSize,
    ends: Instant,
}

impl StreamWalk {
    /// `last`: the last id that was handed out.
    pub(super) fn new(last: &str) -> Self {
        Self {
            last: last.as_bytes().to_vec(),
            after: Some(b"0-0".to_vec()),
            page: PageSize(FIRST_PAGE),
            ends: Instant::now() + MAX_WALK,
        }
    }

    /// Whether it was given up for its length.
    pub(super) fn is_cut_short(&self) -> bool {
        self.after.is_some()
    }

    /// What is wrong on the next page; none at the end.
    pub(super) async fn next(
        &mut self,
        link: &mut Link,
        queue: &QueueName,
    ) -> Result<Option<Page>, StoreError> {
        let Some(after) = self.after.as_ref().filter(|_| Instant::now() <= self.ends) else {
            return Ok(None);
        };
        let mut call = STREAM.call(1);
        call.arg(queue.as_str()).arg(GROUP).arg(&self.last).arg(after).arg(self.page.0);
        let reply = link.run(&STREAM, &call, || format!("look at the leases of {queue}")).await?;
        let mut parts = parts(reply);
        let (next, looked, bytes) = (word(&mut parts), number(&mut parts), number(&mut parts));
        self.page.learn(looked, bytes);
        self.after = Some(next).filter(|next| !next.is_empty());
        Ok(Some(faults(parts)))
    }
}

fn parts(reply: Value) -> std::vec::IntoIter<Value> {
    match reply {
        Value::Array(parts) => parts.into_iter(),
        _ => Vec::new().into_iter(),
    }
}

fn word(parts: &mut std::vec::IntoIter<Value>) -> Vec<u8> {
    parts.next().and_then(bytes).unwrap_or_default()
}

fn number(parts: &mut std::vec::IntoIter<Value>) -> u64 {
    parts.next().as_ref().map_or(0, count)
}

pub(super) fn count(reply: &Value) -> u64 {
    integer(reply).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

fn faults(mut parts: std::vec::IntoIter<Value>) -> Page {
    let mut page = Vec::new();
    while let (Some(what), Some(id)) = (parts.next().and_then(bytes), parts.next().and_then(bytes)) {
        page.extend(Fault::of_word(&what).map(|fault| (fault, id)));
    }
    page
}
