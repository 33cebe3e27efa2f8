//! Mending what can be mended without asking: each page is one step in Redis, judged again as it is at that moment, so that it
//! can be repeated, stopped, and run beside living workers.

use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::queue_name::QueueName;
use redis::Value;

use super::Patient;
use super::asking::Asking;
use super::finding::{Cure, Finding};
use super::queue::{group, now};
use super::walks::{Page, StreamWalk, WaitingWalk, count};
use super::workers::{Silent, workers_of};
use crate::entry::integer;
use crate::fault::StoreError;
use crate::keys::{GROUP, QueueKeys};
use crate::link::Link;
use crate::script::NamedScript;

/// Who holds entries that were skipped until a worker takes them over: a consumer without a heartbeat.
const NOBODY: &str = "doctor";

/// Consumers that are removed in one step.
const CONSUMERS_PER_STEP: usize = 100;

macro_rules! script {
    ($constant:ident, $name:literal) => {
        static $constant: LazyLock<NamedScript> =
            LazyLock::new(|| NamedScript::new($name, include_str!(concat!("../scripts/", $name, ".lua"))));
    };
}

script!(WAITING, "doctor_mend_waiting");
script!(STREAM, "doctor_mend_stream");
script!(CONSUMERS, "doctor_mend_consumers");

/// What was mended in one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// The queue.
    pub queue: String,
    /// Waiting ids without a job that were removed.
    pub ids_removed: u64,
    /// Waiting jobs that will be sent again.
    pub jobs_restored: u64,
    /// Waiting jobs that can't be read and are dead letters now.
    pub jobs_buried: u64,
    /// Entries that were skipped and will be sent.
    pub entries_returned: u64,
    /// Leases without an entry that were given up.
    pub leases_dropped: u64,
    /// Consumers that were removed.
    pub consumers_removed: u64,
}

impl Mended {
    /// Whether there was nothing to mend.
    pub fn is_nothing(&self) -> bool {
        *self == Self { queue: self.queue.clone(), ..Self::default() }
    }
}

/// Mends what was found, and tells what was done, by queue.
pub async fn mend(
    link: &mut Link,
    patient: &Patient,
    findings: &[Finding],
) -> Result<Vec<Mended>, StoreError> {
    let mut all = Vec::new();
    for queue in patient.streams() {
        let wants = |cure| {
            findings.iter().any(|one| one.cure == Some(cure) && one.queue.as_deref() == Some(queue.as_str()))
        };
        let mut mended = Mended { queue: queue.to_string(), ..Mended::default() };
        let keys = QueueKeys::new(queue);
        if wants(Cure::Waiting) {
            waiting(link, &keys, &mut mended).await?;
        }
        if wants(Cure::Stream) {
            stream(link, queue, &mut mended).await?;
        }
        if wants(Cure::Consumers) {
            consumers(link, &keys, patient.dead_after, &mut mended).await?;
        }
        all.extend(Some(mended).filter(|mended| !mended.is_nothing()));
    }
    Ok(all)
}

async fn waiting(link: &mut Link, keys: &QueueKeys, mended: &mut Mended) -> Result<(), StoreError> {
    let mut walk = WaitingWalk::new();
    while let Some(page) = walk.next(link, keys).await? {
        if page.is_empty() {
            continue;
        }
        let mut call = WAITING.call(4);
        call.arg(&keys.retry).arg(&keys.retry_jobs).arg(&keys.held).arg(&keys.dead);
        append_ids(&mut call, &page);
        let reply = link.run(&WAITING, &call, || format!("mend waiting jobs of {}", keys.stream)).await?;
        let [removed, restored, buried] = counts(&reply);
        mended.ids_removed += removed;
        mended.jobs_restored += restored;
        mended.jobs_buried += buried;
    }
    Ok(())
}

async fn stream(link: &mut Link, queue: &QueueName, mended: &mut Mended) -> Result<(), StoreError> {
    let Some(group) = group(&mut Asking::new(link), queue.as_str()).await? else { return Ok(()) };
    let mut walk = StreamWalk::new(&group.last);
    while let Some(page) = walk.next(link, queue).await? {
        if page.is_empty() {
            continue;
        }
        let mut call = STREAM.call(1);
        call.arg(queue.as_str()).arg(GROUP).arg(NOBODY);
        append_ids(&mut call, &page);
        let reply = link.run(&STREAM, &call, || format!("mend leases of {queue}")).await?;
        let [returned, dropped] = counts(&reply);
        mended.entries_returned += returned;
        mended.leases_dropped += dropped;
    }
    Ok(())
}

async fn consumers(
    link: &mut Link,
    keys: &QueueKeys,
    dead_after: Duration,
    mended: &mut Mended,
) -> Result<(), StoreError> {
    let mut asking = Asking::new(link);
    let now = now(&mut asking).await?;
    let silent = workers_of(&mut asking, keys, now, dead_after, true).await?.silent;
    let idle: Vec<&Silent> = silent.iter().filter(|one| one.pending == 0).collect();
    for step in idle.chunks(CONSUMERS_PER_STEP) {
        let mut call = CONSUMERS.call(3);
        call.arg(&keys.stream).arg(&keys.workers).arg(&keys.seen).arg(GROUP);
        for one in step {
            call.arg(&one.name).arg(&one.beat);
        }
        let reply = link.run(&CONSUMERS, &call, || format!("remove consumers of {}", keys.stream)).await?;
        mended.consumers_removed += count(&reply);
    }
    Ok(())
}

fn append_ids(call: &mut redis::Cmd, page: &Page) {
    for (_, id) in page {
        call.arg(id);
    }
}

fn counts<const N: usize>(reply: &Value) -> [u64; N] {
    let at = |index: usize| match reply {
        Value::Array(parts) => parts.get(index).and_then(integer).and_then(|count| u64::try_from(count).ok()),
        _ => None,
    };
    std::array::from_fn(|index| at(index).unwrap_or(0))
}
