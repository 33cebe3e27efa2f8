//! Entries of a stream without what they carry: content and secrets stay in Redis.

use std::sync::LazyLock;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use redis::Value;

use crate::entry::{bytes, integer, pairs};
use crate::fault::StoreError;
use crate::inspect::entries;
use crate::link::Link;
use crate::script::NamedScript;

/// What one step of a script may cost, of which a byte that it reads costs 1, and a field 100: with [`STEP`], a few milliseconds of
/// Redis' time, in which it serves no worker.
pub(crate) const MOST_COST: usize = 1 << 20;

/// Entries, letters or waiting jobs that one step of a script looks at.
pub(crate) const STEP: usize = 250;

static PAGE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("stream_page", include_str!("scripts/stream_page.lua")));

/// One entry.
pub(crate) struct Row {
    pub(crate) entry: EntryId,
    /// The size of all its fields.
    pub(crate) bytes: u64,
    /// Those that may be seen, a URL among them, of which no more may be shown than its origin.
    pub(crate) fields: Vec<Field>,
}

/// Where to read: `XRANGE` or `XREVRANGE`, where it begins, and where it ends.
pub(crate) type Range = (&'static str, String, String);

/// The entries next in line, at most `most`, and whether these are all.
pub(crate) async fn page(
    link: &mut Link,
    stream: &str,
    (command, from, to): Range,
    most: usize,
) -> Result<(Vec<Row>, bool), StoreError> {
    let mut call = PAGE.call(1);
    call.arg(stream).arg(command).arg(from).arg(to).arg(most).arg(MOST_COST);
    let reply = link.run(&PAGE, &call, || format!("read {stream}")).await?;
    let Value::Array(parts) = reply else { return Ok((Vec::new(), true)) };
    let mut parts = parts.into_iter();
    let is_end = parts.next().as_ref().and_then(integer) != Some(0);
    Ok((parts.filter_map(row).collect(), is_end))
}

/// One entry, if it is there.
pub(crate) async fn one(link: &mut Link, stream: &str, entry: EntryId) -> Result<Option<Row>, StoreError> {
    let (rows, _) = page(link, stream, ("XRANGE", entry.to_string(), entry.to_string()), 1).await?;
    Ok(rows.into_iter().next())
}

/// Everything that an entry holds, secrets included: for who may see them.
pub(crate) async fn whole(
    link: &mut Link,
    stream: &str,
    entry: EntryId,
) -> Result<Option<Vec<Field>>, StoreError> {
    let mut command = redis::cmd("XRANGE");
    command.arg(stream).arg(entry.to_string()).arg(entry.to_string());
    let reply = link.send(&command, || format!("read entry {entry} of {stream}")).await?;
    Ok(entries(reply).pop().map(|(_, fields)| fields))
}

fn row(item: Value) -> Option<Row> {
    let Value::Array(parts) = item else { return None };
    let mut parts = parts.into_iter();
    let entry = EntryId::parse(&bytes(parts.next()?)?)?;
    let bytes = u64::try_from(integer(&parts.next()?)?).ok()?;
    Some(Row { entry, bytes, fields: pairs(parts.collect()) })
}
