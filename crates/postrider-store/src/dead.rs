//! Dead letters: looked at, counted, replayed, removed. What they carry stays in Redis, but for [`read_whole`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use postrider_core::job_state::JobState;
use postrider_core::time::Timestamp;
use redis::{Cmd, Value};

use crate::attempts::{Order, Page, range};
use crate::entry::{bytes, integer, pairs};
use crate::fault::StoreError;
use crate::filter::{Facts, Filter, created_at, first_text, origin_of};
use crate::inspect::text;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::rows::{self, MOST_COST, Row, STEP};
use crate::script::NamedScript;

/// Most letters that one call moves.
pub const MOST_AT_ONCE: usize = 100;

/// Most letters that one call looks at: some 17 ms, in steps of [`STEP`].
pub const MOST_LOOKED_AT: usize = 1_000;

/// Letters that are counted anew in one step: more costly than a look.
const RECOUNT_STEP: usize = 100;

/// Groups that are read at once, about.
const GROUPS_AT_ONCE: usize = 500;

static SLICE: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("dead_slice", include_str!("scripts/dead_slice.lua")));
static RECOUNT: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("dead_recount", include_str!("scripts/dead_recount.lua")));

/// A dead letter without what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its place among the dead.
    pub entry: EntryId,
    /// Its size.
    pub bytes: u64,
    /// The job's id.
    pub job: String,
    /// Why it died.
    pub reason: String,
    /// Status of the last answer, 0 where none came or none was asked for.
    pub status: u16,
    /// A sentence.
    pub error: String,
    /// Attempts made.
    pub attempts: u32,
    /// When it died.
    pub died_at: Timestamp,
    /// When its event happened, where that is known.
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

/// What is done with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They become ready jobs again, which pass all checks.
    Replay,
    /// They are removed for good.
    Purge,
}

/// What became of letters or jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many were moved.
    pub done: u64,
    /// Those that stay: job id and why.
    pub stays: Vec<(String, String)>,
}

/// How many dead letters there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By reason and hook: `<user id>/<hook id>`, or nothing where there is none.
    pub groups: BTreeMap<(String, String), u64>,
    /// Whether these are all groups.
    pub is_whole: bool,
}

/// A page of up to `most` letters, behind `after` in the order that is asked for.
pub async fn page(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    order: Order,
    after: Option<EntryId>,
    most: usize,
) -> Result<Page<Letter>, StoreError> {
    let (mut items, mut after, mut looked_at) = (Vec::new(), after, 0);
    while looked_at < MOST_LOOKED_AT {
        let step = if filter.is_open() { STEP.min(most) } else { STEP };
        let (letters, is_end) = look(link, keys, filter, order, after, step).await?;
        looked_at += STEP;
        for letter in letters {
            after = Some(letter.entry);
            if filter.admits(&letter) {
                items.push(letter);
            }
            if items.len() >= most {
                return Ok(Page { items, next: after });
            }
        }
        if is_end {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: after })
}

/// The letters next in line, whether they are meant or not; and whether these are all. The filter's times bound it.
pub(crate) async fn look(
    link: &mut Link,
    keys: &QueueKeys,
    filter: &Filter,
    order: Order,
    after: Option<EntryId>,
    most: usize,
) -> Result<(Vec<Letter>, bool), StoreError> {
    let (rows, is_end) = rows::page(link, &keys.dead, range(filter, order, after), most).await?;
    Ok((rows.into_iter().map(read_letter).collect(), is_end))
}

/// The newest letter of a job: by the index, else by a look at the newest, `most` of them at most.
pub async fn find(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    most: usize,
) -> Result<Option<Letter>, StoreError> {
    Ok(seek(link, keys, job, most).await?.0)
}

/// As [`find`], and whether there is nowhere else to look.
pub(crate) async fn seek(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
    most: usize,
) -> Result<(Option<Letter>, bool), StoreError> {
    if let Some(letter) = find_listed(link, keys, job).await? {
        return Ok((Some(letter), true));
    }
    let mut after = None;
    for _ in 0..most.div_ceil(STEP) {
        let (letters, is_end) = look(link, keys, &Filter::default(), Order::NewestFirst, after, STEP).await?;
        after = letters.last().map(|letter| letter.entry);
        let found = letters.into_iter().find(|letter| letter.job == job);
        if found.is_some() || is_end {
            return Ok((found, true));
        }
    }
    Ok((None, false))
}

/// By the index.
pub(crate) async fn find_listed(
    link: &mut Link,
    keys: &QueueKeys,
    job: &str,
) -> Result<Option<Letter>, StoreError> {
    let command = redis::cmd("HGET").arg(&keys.dead_ids).arg(job).clone();
    let known = link.send(&command, || format!("look for {job} among the dead of {}", keys.stream)).await?;
    let Some(entry) = bytes(known).and_then(|id| EntryId::parse(&id)) else { return Ok(None) };
    let row = rows::one(link, &keys.dead, entry).await?;
    // The index is a hint: letters come and go by hand too.
    Ok(row.map(read_letter).filter(|letter| letter.job == job))
}

/// Everything that a letter holds, secrets included: for who may see them.
pub async fn read_whole(
    link: &mut Link,
    keys: &QueueKeys,
    entry: EntryId,
) -> Result<Option<Vec<Field>>, StoreError> {
    rows::whole(link, &keys.dead, entry).await
}

/// Replays or removes letters, by their places: at most [`MOST_AT_ONCE`] in each step. One that is gone counts for nothing.
pub async fn move_letters(
    link: &mut Link,
    keys: &QueueKeys,
    fate: Fate,
    letters: &[EntryId],
) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    let mut rest = letters;
    while !rest.is_empty() {
        let step = &rest[..rest.len().min(MOST_AT_ONCE)];
        let mut call = slice_call(keys, fate, None);
        call.arg("").arg("").arg(0).arg(0);
        append_ids(&mut call, step);
        let (_, looked_at, more) = run_slice(link, keys, &call).await?;
        moved.done += more.done;
        moved.stays.extend(more.stays);
        rest = &rest[looked_at.clamp(1, step.len())..];
    }
    Ok(moved)
}

/// Removes letters that died before `before`, oldest first, at most `most`; gives how many.
pub async fn trim(
    link: &mut Link,
    keys: &QueueKeys,
    before: Timestamp,
    most: usize,
) -> Result<u64, StoreError> {
    let until = Timestamp::from_millis(before.as_millis().saturating_sub(1));
    let filter = Filter { until: Some(until), ..Filter::default() };
    let (letters, _) = look(link, keys, &filter, Order::OldestFirst, None, most).await?;
    let ids: Vec<EntryId> = letters.iter().map(|letter| letter.entry).collect();
    Ok(move_letters(link, keys, Fate::Purge, &ids).await?.done)
}

/// How many letters there are, as the counters say; `most` groups of them, about.
pub async fn counts(link: &mut Link, keys: &QueueKeys, most: usize) -> Result<Counts, StoreError> {
    let (mut groups, mut cursor) = (BTreeMap::new(), "0".to_owned());
    while groups.len() < most {
        let mut command = redis::cmd("HSCAN");
        command.arg(&keys.dead_counts).arg(&cursor).arg("COUNT").arg(GROUPS_AT_ONCE);
        let reply = link.send(&command, || format!("read the counters of {}", keys.dead)).await?;
        let Value::Array(mut parts) = reply else { break };
        if let Some(Value::Array(flat)) = parts.pop() {
            groups.extend(pairs(flat).into_iter().filter_map(read_group));
        }
        let next = parts.pop().and_then(bytes).unwrap_or_default();
        if next == b"0" {
            return Ok(Counts { groups, is_whole: true });
        }
        cursor = String::from_utf8_lossy(&next).into_owned();
    }
    Ok(Counts { groups, is_whole: false })
}

fn read_group((field, count): Field) -> Option<((String, String), u64)> {
    let field = String::from_utf8_lossy(&field).into_owned();
    let (reason, hook) = field.split_once(' ')?;
    let count = std::str::from_utf8(&count).ok()?.parse().ok()?;
    Some(((reason.to_owned(), hook.to_owned()), count))
}

impl Counts {
    /// How many letters there are in all.
    pub fn total(&self) -> u64 {
        self.groups.values().sum()
    }

    /// How many of them a filter admits; none where the counters can't tell.
    pub(crate) fn admitted(&self, filter: &Filter) -> Option<u64> {
        if !can_be_grouped(filter) {
            return None;
        }
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let is_of_hook = |hook: &str| {
            // A group without a hook may have owners, and ids with a slash could be split in two ways.
            let (user, hook) = hook.split_once('/').filter(|(_, hook)| !hook.contains('/'))?;
            Some(fits(&filter.user_id, user) && fits(&filter.hook_id, hook))
        };
        let by_hook = filter.user_id.is_some() || filter.hook_id.is_some();
        let mut admitted = 0;
        for ((_, hook), count) in self.groups.iter().filter(|((reason, _), _)| fits(&filter.reason, reason)) {
            if !by_hook || is_of_hook(hook)? {
                admitted += count;
            }
        }
        Some(admitted)
    }
}

/// Whether groups by reason and hook could tell how many a filter admits.
pub(crate) fn can_be_grouped(filter: &Filter) -> bool {
    filter.destination.is_none() && filter.since.is_none() && filter.until.is_none()
}

/// How many letters there are in all, as the stream says.
pub async fn total(link: &mut Link, keys: &QueueKeys) -> Result<u64, StoreError> {
    let reply = link.send(redis::cmd("XLEN").arg(&keys.dead), || format!("count {}", keys.dead)).await?;
    Ok(integer(&reply).and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Counts all letters anew, a step at a time; those that leave meanwhile may be counted wrong by as many. Gives how many it counted.
pub async fn recount(link: &mut Link, keys: &QueueKeys) -> Result<u64, StoreError> {
    recount_and_tell(link, keys, |_| {}).await
}

/// The same, and tells after each step how many it has counted.
pub async fn recount_and_tell(
    link: &mut Link,
    keys: &QueueKeys,
    tell: impl Fn(u64),
) -> Result<u64, StoreError> {
    let (mut behind, mut counted) = (String::new(), 0);
    loop {
        let mut call = RECOUNT.call(1);
        call.arg(&keys.dead).arg(&behind).arg(RECOUNT_STEP).arg(MOST_COST);
        let reply = link.run(&RECOUNT, &call, || format!("count {} anew", keys.dead)).await?;
        let Value::Array(mut parts) = reply else { return Ok(counted) };
        counted += parts.pop().as_ref().and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        tell(counted);
        match parts.pop().and_then(bytes).filter(|last| !last.is_empty()) {
            Some(last) => behind = String::from_utf8_lossy(&last).into_owned(),
            None => return Ok(counted),
        }
    }
}

/// The field of the counters that a letter of these fields belongs to.
pub(crate) fn counter_of(reason: &str, fields: &[Field]) -> String {
    let (user, hook) = (first_text(fields, "userId"), first_text(fields, "hookId"));
    let has_hook = fields.iter().any(|(name, _)| name == b"hookId");
    let hook = if has_hook { format!("{user}/{hook}") } else { String::new() };
    format!("{reason} {}", if hook.len() <= 257 { hook.as_str() } else { "" })
}

/// When a job was first added, where nothing else in its letter will tell: it has an id of its own and no time.
pub(crate) fn time_to_keep(entry: EntryId, fields: &[Field]) -> Option<u64> {
    let has = |wanted: &[u8]| fields.iter().any(|(name, _)| name == wanted);
    let state = JobState::parse(text(fields, "_job").as_bytes()).unwrap_or_default();
    (has(b"id") && !has(b"createdAt")).then(|| state.first_entry.unwrap_or(entry).millis)
}

/// Begins a call of the slice script.
pub(crate) fn slice_call(keys: &QueueKeys, fate: Fate, bulk: Option<&str>) -> Cmd {
    let mut call = SLICE.call(3 + usize::from(bulk.is_some()));
    call.arg(&keys.stream).arg(&keys.dead).arg(&keys.retry_jobs).arg(bulk);
    call.arg(match fate {
        Fate::Replay => "replay",
        Fate::Purge => "purge",
    });
    call.arg(MOST_COST);
    call
}

pub(crate) fn append_ids(call: &mut Cmd, ids: &[EntryId]) {
    for id in ids {
        call.arg(id.to_string());
    }
}

/// Whether the bulk operation stood where the caller thought; how many were looked at; what became of them.
pub(crate) async fn run_slice(
    link: &mut Link,
    keys: &QueueKeys,
    call: &Cmd,
) -> Result<(bool, usize, Moved), StoreError> {
    let reply = link.run(&SLICE, call, || format!("move dead letters of {}", keys.stream)).await?;
    Ok(read_moved(reply))
}

pub(crate) fn read_moved(reply: Value) -> (bool, usize, Moved) {
    let Value::Array(mut parts) = reply else { return (false, 0, Moved::default()) };
    let stays = pairs(parts.split_off(3.min(parts.len())));
    let number = |at: usize| parts.get(at).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let lossy = |text: Vec<u8>| String::from_utf8_lossy(&text).into_owned();
    let stays = stays.into_iter().map(|(job, why)| (lossy(job), lossy(why))).collect();
    (number(0) == 1, usize::try_from(number(2)).unwrap_or(0), Moved { done: number(1), stays })
}

fn read_letter(row: Row) -> Letter {
    let Row { entry, bytes, fields } = row;
    let number = |name| text(&fields, name).parse::<u64>().ok();
    let job = text(&fields, "_id");
    let kept = number("_createdAt").map(Timestamp::from_millis);
    Letter {
        entry,
        bytes,
        reason: text(&fields, "_reason"),
        status: number("_status").and_then(|n| u16::try_from(n).ok()).unwrap_or(0),
        error: text(&fields, "_error"),
        attempts: number("_attempts").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        died_at: number("_diedAt").map_or_else(|| entry.time(), Timestamp::from_millis),
        created_at: created_at(&fields, kept.or_else(|| EntryId::parse(job.as_bytes()).map(EntryId::time))),
        event_type: first_text(&fields, "type"),
        event_id: first_text(&fields, "eventId"),
        user_id: first_text(&fields, "userId"),
        hook_id: first_text(&fields, "hookId"),
        destination: origin_of(&fields),
        job,
    }
}

impl Facts for Letter {
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
        &self.reason
    }
    fn time(&self) -> Timestamp {
        // A time range goes by the place in the stream, which is all that a walk can be bounded by.
        self.entry.time()
    }
}
