//! What a queue holds, for those who look on: its attempt log, its dead letters, its workers. Changes nothing but by
//! [`add`], and never touches a lease.

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::queue_name::QueueName;
use redis::{RedisError, Value};

use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::keys::QueueKeys;
use crate::link::Link;

/// Most entries that one call reads; who wants more asks again, after the last one.
pub const PAGE: usize = 500;

/// What a queue's attempt log says of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedAttempt {
    /// The job's id.
    pub job: String,
    /// The event's id, which the receiver sees.
    pub event_id: String,
    /// Number of the attempt: 1, 2, …
    pub attempt: u32,
    /// `delivered`, `retried` or `dead`.
    pub outcome: String,
    /// Status of the answer, 0 where none came.
    pub status: u16,
}

/// What a dead letter says of its end; the job's own fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    /// The job's id.
    pub job: String,
    /// Why it died: a word of contract section 3.
    pub reason: String,
    /// Status of the last answer, 0 where none came or none was asked for.
    pub status: u16,
}

/// A worker as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWorker {
    /// Its consumer name.
    pub consumer: String,
    /// Its process id, on its own machine; 0 where it doesn't say.
    pub pid: u32,
    /// Its version, or empty.
    pub version: String,
    /// When it started, epoch ms.
    pub started_at: Option<u64>,
    /// Its slots.
    pub concurrency: u64,
}

/// Adds a job, as any producer does. An error may mean that only the reply was lost: repeating it may add the job twice.
pub async fn add(link: &mut Link, queue: &QueueName, fields: &[(&str, &str)]) -> Result<EntryId, StoreError> {
    let mut command = redis::cmd("XADD");
    command.arg(queue.as_str()).arg("*");
    for (name, value) in fields {
        command.arg(name).arg(value);
    }
    let operation = || format!("add a job to {queue}");
    let reply = link.send(&command, operation).await?;
    let id = bytes(reply).and_then(|id| EntryId::parse(&id));
    id.ok_or_else(|| StoreError::new(operation(), odd_reply("XADD gave no id")))
}

/// The process id of the server that answers commands there; fails while it still reads its files.
pub async fn server_pid(link: &mut Link) -> Result<u32, StoreError> {
    link.send(&redis::cmd("PING"), || "ping Redis".to_owned()).await?;
    let operation = || "ask Redis for its process id".to_owned();
    let reply = link.send(redis::cmd("INFO").arg("server"), operation).await?;
    let text = String::from_utf8_lossy(&text_of(reply)).into_owned();
    let pid = text.lines().find_map(|line| line.strip_prefix("process_id:")?.trim().parse().ok());
    pid.ok_or_else(|| StoreError::new(operation(), odd_reply("INFO names no process id")))
}

/// The id of the newest entry of a stream; `0-0` where there is none.
pub async fn newest_entry(link: &mut Link, stream: &str) -> Result<EntryId, StoreError> {
    let mut command = redis::cmd("XREVRANGE");
    command.arg(stream).arg("+").arg("-").arg("COUNT").arg(1);
    let reply = link.send(&command, || format!("read the end of {stream}")).await?;
    Ok(entries(reply).pop().map_or(EntryId { millis: 0, sequence: 0 }, |(id, _)| id))
}

/// The attempts logged after that entry of the log, at most [`PAGE`], oldest first, each with its entry's id.
pub async fn attempts_after(
    link: &mut Link,
    keys: &QueueKeys,
    after: EntryId,
) -> Result<Vec<(EntryId, LoggedAttempt)>, StoreError> {
    let page = page_after(link, &keys.attempts, after).await?;
    Ok(page.into_iter().map(|(id, fields)| (id, read_attempt(&fields))).collect())
}

/// The dead letters after that one, at most [`PAGE`], oldest first, each with its entry's id.
pub async fn dead_letters_after(
    link: &mut Link,
    keys: &QueueKeys,
    after: EntryId,
) -> Result<Vec<(EntryId, DeadLetter)>, StoreError> {
    let page = page_after(link, &keys.dead, after).await?;
    Ok(page.into_iter().map(|(id, fields)| (id, read_dead_letter(&fields))).collect())
}

/// The workers that have told of themselves and haven't been taken off the list.
pub async fn known_workers(link: &mut Link, keys: &QueueKeys) -> Result<Vec<KnownWorker>, StoreError> {
    let command = redis::cmd("HGETALL").arg(&keys.workers).clone();
    let reply = link.send(&command, || format!("list the workers of {}", keys.stream)).await?;
    let Value::Array(flat) = reply else { return Ok(Vec::new()) };
    Ok(pairs(flat).iter().map(read_worker).collect())
}

async fn page_after(
    link: &mut Link,
    stream: &str,
    after: EntryId,
) -> Result<Vec<(EntryId, Vec<Field>)>, StoreError> {
    let mut command = redis::cmd("XRANGE");
    command.arg(stream).arg(format!("({after}")).arg("+").arg("COUNT").arg(PAGE);
    Ok(entries(link.send(&command, || format!("read {stream} after {after}")).await?))
}

pub(crate) fn entries(reply: Value) -> Vec<(EntryId, Vec<Field>)> {
    let Value::Array(items) = reply else { return Vec::new() };
    items.into_iter().filter_map(entry).collect()
}

fn entry(item: Value) -> Option<(EntryId, Vec<Field>)> {
    let Value::Array(parts) = item else { return None };
    let mut parts = parts.into_iter();
    let id = EntryId::parse(&bytes(parts.next()?)?)?;
    let Value::Array(flat) = parts.next()? else { return None };
    Some((id, pairs(flat)))
}

fn read_attempt(fields: &[Field]) -> LoggedAttempt {
    LoggedAttempt {
        job: text(fields, "job"),
        event_id: text(fields, "eventId"),
        attempt: text(fields, "attempt").parse().unwrap_or(0),
        outcome: text(fields, "outcome"),
        status: text(fields, "status").parse().unwrap_or(0),
    }
}

fn read_dead_letter(fields: &[Field]) -> DeadLetter {
    DeadLetter {
        job: text(fields, "_id"),
        reason: text(fields, "_reason"),
        status: text(fields, "_status").parse().unwrap_or(0),
    }
}

fn read_worker((consumer, about): &Field) -> KnownWorker {
    let about: serde_json::Value = serde_json::from_slice(about).unwrap_or_default();
    let pid = about["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    KnownWorker {
        consumer: String::from_utf8_lossy(consumer).into_owned(),
        pid,
        version: about["version"].as_str().unwrap_or_default().to_owned(),
        started_at: about["startedAt"].as_u64(),
        concurrency: about["concurrency"].as_u64().unwrap_or(0),
    }
}

/// The last field of that name: a dead letter's own come after the job's.
pub(crate) fn text(fields: &[Field], name: &str) -> String {
    let found = fields.iter().rev().find(|(given, _)| given == name.as_bytes());
    found.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned())
}

fn text_of(reply: Value) -> Vec<u8> {
    match reply {
        Value::VerbatimString { text, .. } => text.into_bytes(),
        other => bytes(other).unwrap_or_default(),
    }
}

fn odd_reply(what: &'static str) -> RedisError {
    RedisError::from((redis::ErrorKind::UnexpectedReturnType, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_value(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn reply(id: &str, fields: &[&str]) -> Value {
        let fields = fields.iter().map(|text| text_value(text)).collect();
        Value::Array(vec![Value::Array(vec![text_value(id), Value::Array(fields)])])
    }

    #[test]
    fn a_dead_letter_is_read_by_the_fields_that_the_worker_wrote() {
        let written =
            ["to", "http://x", "_reason", "forged", "_id", "7-0", "_reason", "gone", "_status", "410"];
        let (id, fields) = entries(reply("9-1", &written)).pop().unwrap();
        assert_eq!(id, EntryId { millis: 9, sequence: 1 });
        let expected = DeadLetter { job: "7-0".into(), reason: "gone".into(), status: 410 };
        assert_eq!(read_dead_letter(&fields), expected);
    }

    #[test]
    fn an_attempt_with_odd_fields_is_read_as_far_as_it_can_be() {
        let written = ["job", "7-0", "eventId", "e", "attempt", "2", "outcome", "retried", "status", "many"];
        let (_, fields) = entries(reply("9-1", &written)).pop().unwrap();
        let expected = LoggedAttempt {
            job: "7-0".into(),
            event_id: "e".into(),
            attempt: 2,
            outcome: "retried".into(),
            status: 0,
        };
        assert_eq!(read_attempt(&fields), expected);
    }

    #[test]
    fn replies_that_are_no_entries_are_left_out() {
        assert!(entries(Value::Nil).is_empty());
        assert!(entries(Value::Array(vec![Value::Int(1), Value::Array(vec![text_value("x")])])).is_empty());
    }

    #[test]
    fn a_worker_that_says_nothing_of_its_process_has_none() {
        let worker = |about: &str| read_worker(&(b"host-1".to_vec(), about.as_bytes().to_vec())).pid;
        assert_eq!(worker(r#"{"name":"host-1","pid":4711}"#), 4711);
        assert_eq!((worker("{}"), worker("no json"), worker(r#"{"pid":-1}"#)), (0, 0, 0));
    }
}
