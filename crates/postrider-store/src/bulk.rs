//! Bulk operations: many letters or waiting jobs, a slice at a time. How far one has come is written in the same step as the
//! slice, so that it can be stopped, killed and resumed, and two that carry on with the same one do nothing twice.

pub mod count;
pub mod entrusted;

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use postrider_core::entry_id::EntryId;
use postrider_core::time::Timestamp;
use redis::Value;

use crate::attempts::{self, Order};
use crate::dead::{self, Fate, append_ids};
use crate::entry::{bytes, pairs};
use crate::fault::StoreError;
use crate::filter::Filter;
use crate::inspect::newest_entry;
use crate::keys::QueueKeys;
use crate::link::Link;
use crate::retries::{self, Act, Place, Waiting};
use crate::script::NamedScript;

/// How long the record of a bulk operation is kept after its last step.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Pages of letters that are looked at for one slice, where few of them are meant.
const LOOKS_A_SLICE: usize = 5;

static START: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("bulk_start", include_str!("scripts/bulk_start.lua")));
static SWITCH: LazyLock<NamedScript> =
    LazyLock::new(|| NamedScript::new("bulk_switch", include_str!("scripts/bulk_switch.lua")));

/// What a bulk operation does, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With dead letters.
    Dead(Fate),
    /// With waiting jobs.
    Waiting(Act),
}

/// Whether a bulk operation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is more to do.
    Running,
    /// There is more to do, but nobody shall.
    Stopped,
    /// Everything is done.
    Finished,
}

/// A bulk operation, as far as it has come.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// To which.
    pub filter: Filter,
    /// Whether it goes on.
    pub state: State,
    /// Letters or jobs that it was to move.
    pub matched: u64,
    /// Of these, those that it did.
    pub done: u64,
    /// Of these, those that stayed.
    pub failed: u64,
    /// Most that it moves, where there is such a limit.
    pub limit: Option<u64>,
    /// Who began it.
    pub started_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When its last step was.
    pub updated_at: Timestamp,
    /// The newest letter at the start: what dies later isn't meant.
    upper: EntryId,
    /// Where it stands.
    cursor: String,
}

/// How a bulk operation begins.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// Who begins it.
    pub by: &'a str,
    /// Most letters or jobs that it moves: it stops before a slice that would be beyond. None for as many as there are.
    pub limit: Option<u64>,
    /// Whether it is the workers' to carry on, should nobody else do so ([`entrusted`]).
    pub is_entrusted: bool,
}

impl Kind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dead(Fate::Replay) => "replay",
            Self::Dead(Fate::Purge) => "purge",
            Self::Waiting(Act::Promote) => "promote",
            Self::Waiting(Act::Cancel) => "cancel",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Dead(Fate::Replay),
            Self::Dead(Fate::Purge),
            Self::Waiting(Act::Promote),
            Self::Waiting(Act::Cancel),
        ];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Bulk {
    /// Whether so many more are more than it may move.
    fn is_beyond(&self, more: usize) -> bool {
        more > 0 && self.limit.is_some_and(|limit| self.matched.saturating_add(more as u64) > limit)
    }
}

impl State {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Stopped, Self::Finished].into_iter().find(|state| state.as_str() == word)
    }
}

/// Notes a bulk operation that begins; [`step`] carries it on.
pub async fn start(
    link: &mut Link,
    keys: &QueueKeys,
    kind: Kind,
    filter: &Filter,
    begin: Begin<'_>,
) -> Result<Bulk, StoreError> {
    let started_at = attempts::now(link).await?;
    let (upper, cursor) = match kind {
        Kind::Dead(_) => (newest_entry(link, &keys.dead).await?, "0-0".to_owned()),
        Kind::Waiting(_) => {
            (EntryId { millis: started_at.as_millis(), sequence: u64::MAX }, Place::start().to_string())
        }
    };
    let bulk = Bulk {
        id: new_id(started_at),
        kind,
        filter: filter.clone(),
        state: State::Running,
        matched: 0,
        done: 0,
        failed: 0,
        limit: begin.limit,
        started_by: begin.by.to_owned(),
        started_at,
        updated_at: started_at,
        upper,
        cursor,
    };
    let mut call = START.call(2);
    call.arg(keys.bulk_of(&bulk.id)).arg(&keys.bulk).arg(KEPT.as_secs());
    call.arg(if begin.is_entrusted { &bulk.id } else { "" });
    call.arg("kind").arg(kind.as_str()).arg("filter").arg(filter.to_json().to_string());
    call.arg("state").arg("running").arg("upper").arg(upper.to_string()).arg("cursor").arg(&bulk.cursor);
    call.arg("startedBy").arg(begin.by).arg("startedAt").arg(started_at.as_millis());
    if let Some(limit) = begin.limit {
        call.arg("limit").arg(limit);
    }
    link.run(&START, &call, || format!("begin a bulk operation on {}", keys.stream)).await?;
    Ok(bulk)
}

/// Ordered by time, and not to be guessed.
fn new_id(at: Timestamp) -> String {
    let mut random = [0; 6];
    // Without random bytes two that begin in one millisecond would share a record, and the second would do nothing.
    let _ = getrandom::fill(&mut random);
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{random}", at.as_millis())
}

/// A bulk operation as it stands; none where there is none of this id, or its record can't be read.
pub async fn read(link: &mut Link, keys: &QueueKeys, id: &str) -> Result<Option<Bulk>, StoreError> {
    let command = redis::cmd("HGETALL").arg(keys.bulk_of(id)).clone();
    let reply = link.send(&command, || format!("read bulk operation {id} of {}", keys.stream)).await?;
    let Value::Array(flat) = reply else { return Ok(None) };
    let lossy = |text: Vec<u8>| String::from_utf8_lossy(&text).into_owned();
    let facts = pairs(flat).into_iter().map(|(name, value)| (lossy(name), lossy(value))).collect();
    Ok(read_facts(id, &facts))
}

fn read_facts(id: &str, facts: &HashMap<String, String>) -> Option<Bulk> {
    let number = |name| facts.get(name).and_then(|n| n.parse().ok()).unwrap_or(0);
    let started_at = Timestamp::from_millis(number("startedAt"));
    Some(Bulk {
        id: id.to_owned(),
        kind: Kind::parse(facts.get("kind")?)?,
        filter: Filter::of_json(facts.get("filter")?)?,
        state: State::parse(facts.get("state")?)?,
        matched: number("matched"),
        done: number("done"),
        failed: number("failed"),
        limit: facts.get("limit").and_then(|n| n.parse().ok()),
        started_by: facts.get("startedBy").cloned().unwrap_or_default(),
        started_at,
        updated_at: Timestamp::from_millis(number("updatedAt")).max(started_at),
        upper: EntryId::parse(facts.get("upper")?.as_bytes())?,
        cursor: facts.get("cursor")?.clone(),
    })
}

/// Does one slice, and gives what stays, job id and why. Call again, with what [`read`] gives, until it isn't running.
pub async fn step(
    link: &mut Link,
    keys: &QueueKeys,
    bulk: &Bulk,
) -> Result<Vec<(String, String)>, StoreError> {
    if bulk.state != State::Running {
        return Ok(Vec::new());
    }
    match bulk.kind {
        Kind::Dead(fate) => step_letters(link, keys, bulk, fate).await,
        Kind::Waiting(act) => step_waiting(link, keys, bulk, act).await,
    }
}

async fn step_letters(
    link: &mut Link,
    keys: &QueueKeys,
    bulk: &Bulk,
    fate: Fate,
) -> Result<Vec<(String, String)>, StoreError> {
    let Chosen { ids, cursor, is_end } = choose(link, keys, bulk).await?;
    if bulk.is_beyond(ids.len()) {
        stop(link, keys, &bulk.id).await?;
        return Ok(Vec::new());
    }
    let key = keys.bulk_of(&bulk.id);
    let mut call = dead::slice_call(keys, fate, Some(&key));
    call.arg(&bulk.cursor).arg(cursor).arg(u8::from(is_end)).arg(KEPT.as_secs());
    append_ids(&mut call, &ids);
    Ok(dead::run_slice(link, keys, &call).await?.2.stays)
}

/// The letters of one slice.
struct Chosen {
    ids: Vec<EntryId>,
    /// The last letter that was looked at for them.
    cursor: String,
    is_end: bool,
}

async fn choose(link: &mut Link, keys: &QueueKeys, bulk: &Bulk) -> Result<Chosen, StoreError> {
    let mut chosen = Chosen { ids: Vec::new(), cursor: bulk.cursor.clone(), is_end: false };
    let mut after = EntryId::parse(bulk.cursor.as_bytes());
    for _ in 0..LOOKS_A_SLICE {
        let look = dead::look(link, keys, &bulk.filter, Order::OldestFirst, after, dead::MOST_AT_ONCE);
        let (letters, is_end) = look.await?;
        for letter in &letters {
            if letter.entry > bulk.upper {
                chosen.is_end = true;
                return Ok(chosen);
            }
            if chosen.ids.len() == dead::MOST_AT_ONCE {
                return Ok(chosen);
            }
            after = Some(letter.entry);
            chosen.cursor = letter.entry.to_string();
            chosen.ids.extend(bulk.filter.admits(letter).then_some(letter.entry));
        }
        if is_end {
            chosen.is_end = true;
            return Ok(chosen);
        }
        if chosen.ids.len() == dead::MOST_AT_ONCE {
            return Ok(chosen);
        }
    }
    Ok(chosen)
}

async fn step_waiting(
    link: &mut Link,
    keys: &QueueKeys,
    bulk: &Bulk,
    act: Act,
) -> Result<Vec<(String, String)>, StoreError> {
    let after = Place::parse(&bulk.cursor).unwrap_or_else(Place::start);
    let look = retries::look(link, keys, &after, retries::MOST_AT_ONCE).await?;
    let cursor = look.jobs.last().map_or(after, |(_, place)| place.clone());
    // What began to wait after the start isn't meant.
    let is_meant = |waiting: &Waiting| {
        waiting.entry.is_none_or(|entry| entry <= bulk.upper) && bulk.filter.admits(waiting)
    };
    let meant: Vec<&Waiting> =
        look.jobs.iter().map(|(waiting, _)| waiting).filter(|waiting| is_meant(waiting)).collect();
    if bulk.is_beyond(meant.len()) {
        stop(link, keys, &bulk.id).await?;
        return Ok(Vec::new());
    }
    let key = keys.bulk_of(&bulk.id);
    let mut call = retries::slice_call(keys, act, Some(&key));
    call.arg(&bulk.cursor).arg(cursor.to_string()).arg(u8::from(look.is_end)).arg(KEPT.as_secs());
    for waiting in meant {
        call.arg(&waiting.job).arg(waiting.entry.map_or_else(String::new, |entry| entry.to_string()));
    }
    Ok(retries::run_slice(link, keys, &call).await?.2.stays)
}

/// Stops a bulk operation between two slices; none where there is none.
pub async fn stop(link: &mut Link, keys: &QueueKeys, id: &str) -> Result<Option<State>, StoreError> {
    switch(link, keys, id, State::Stopped).await
}

/// Lets one that was stopped go on, without a limit; [`step`] carries it on.
pub async fn resume(link: &mut Link, keys: &QueueKeys, id: &str) -> Result<Option<State>, StoreError> {
    switch(link, keys, id, State::Running).await
}

async fn switch(link: &mut Link, keys: &QueueKeys, id: &str, to: State) -> Result<Option<State>, StoreError> {
    let mut call = SWITCH.call(1);
    call.arg(keys.bulk_of(id)).arg(to.as_str()).arg(KEPT.as_secs());
    let reply = link.run(&SWITCH, &call, || format!("switch bulk operation {id} of {}", keys.stream)).await?;
    Ok(bytes(reply).and_then(|word| State::parse(&String::from_utf8_lossy(&word))))
}
