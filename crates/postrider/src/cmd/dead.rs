//! `postrider dead`: dead letters.

use std::collections::BTreeMap;

use anyhow::anyhow;
use postrider_core::entry_id::EntryId;
use postrider_core::time::Timestamp;
use postrider_store::attempts::Order;
use postrider_store::bulk::Kind;
use postrider_store::dead::{self, Fate, Letter, Moved};
use postrider_store::filter::Filter;
use postrider_store::jobs::Reach;
use serde_json::{Map, Value, json};

use super::operator::{Desk, block_on, failed, hook, or_dash, print_content, some};
use super::{bulk, tell};
use crate::args::{DeadWork, GroupBy, ListDead, MoveDead, ShowDead, WhichDead};
use crate::exit::Failure;
use crate::progress;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, work: DeadWork) -> Result<(), Failure> {
    match work {
        DeadWork::List(args) => block_on(list(Desk::at(settings, &args.queue)?, args)),
        DeadWork::Show(args) => block_on(show(Desk::at(settings, &args.queue)?, args)),
        DeadWork::Replay(args) => block_on(change(Desk::at(settings, &args.queue)?, Fate::Replay, args)),
        DeadWork::Purge(args) => block_on(change(Desk::at(settings, &args.queue)?, Fate::Purge, args)),
    }
}

async fn filter(desk: &mut Desk, which: &WhichDead) -> Result<Filter, Failure> {
    let filter = Filter { reason: which.reason.clone(), ..which.receiver.filter() };
    Ok(which.time.narrow(filter, desk.now().await?))
}

async fn list(mut desk: Desk, args: ListDead) -> Result<(), Failure> {
    if args.recount {
        let bar = progress::of_unknown();
        let show = |counted: u64| bar.set_message(format!("counted {counted} dead letters"));
        let counted = dead::recount_and_tell(&mut desk.link, &desk.keys, show).await;
        bar.finish_and_clear();
        let counted = counted.map_err(failed)?;
        tell::note(&format!("counted {counted} dead letters anew"));
    }
    if let Some(by) = args.by {
        return groups(&mut desk, by, args.json).await;
    }
    let mut after = args.cursor.as_deref().map(cursor).transpose()?;
    let filter = filter(&mut desk, &args.which).await?;
    let mut letters = Vec::new();
    loop {
        let most = args.limit.max(1) - letters.len();
        let page = dead::page(&mut desk.link, &desk.keys, &filter, Order::NewestFirst, after, most);
        let page = page.await.map_err(failed)?;
        letters.extend(page.items);
        after = page.next;
        if after.is_none() || letters.len() >= args.limit {
            break;
        }
    }
    print_letters(&letters, args.json)?;
    if let Some(after) = after {
        tell::note(&format!("there may be more: --cursor {after}"));
    }
    Ok(())
}

fn cursor(text: &str) -> Result<EntryId, Failure> {
    EntryId::parse(text.as_bytes())
        .ok_or_else(|| Failure::Unfit("--cursor: expected an entry id such as 1764324000123-0".into()))
}

fn print_letters(letters: &[Letter], json: bool) -> Result<(), Failure> {
    if json {
        return tell::json_lines(&letters.iter().map(object).collect::<Vec<_>>());
    }
    if letters.is_empty() {
        tell::note("no dead letters");
        return Ok(());
    }
    let heads = ["DIED", "JOB", "REASON", "STATUS", "ATTEMPTS", "HOOK", "DESTINATION", "ERROR"];
    let row = |letter: &Letter| {
        vec![
            letter.died_at.to_rfc3339(),
            letter.job.clone(),
            letter.reason.clone(),
            letter.status.to_string(),
            letter.attempts.to_string(),
            hook(&letter.user_id, &letter.hook_id),
            or_dash(&letter.destination),
            letter.error.clone(),
        ]
    };
    let rows = std::iter::once(heads.map(str::to_owned).to_vec()).chain(letters.iter().map(row));
    tell::table(&rows.collect::<Vec<_>>())
}

/// A letter as programs see it.
pub(super) fn object(letter: &Letter) -> Map<String, Value> {
    let object = json!({
        "id": letter.job,
        "entry": letter.entry.to_string(),
        "reason": letter.reason,
        "status": letter.status,
        "error": letter.error,
        "attempts": letter.attempts,
        "diedAt": letter.died_at.as_millis(),
        "createdAt": letter.created_at.map(Timestamp::as_millis),
        "type": some(&letter.event_type),
        "eventId": some(&letter.event_id),
        "userId": some(&letter.user_id),
        "hookId": some(&letter.hook_id),
        "destination": some(&letter.destination),
        "bytes": letter.bytes,
    });
    object.as_object().cloned().unwrap_or_default()
}

async fn groups(desk: &mut Desk, by: GroupBy, json: bool) -> Result<(), Failure> {
    let groups = match by {
        GroupBy::Destination => by_destination(desk).await?,
        GroupBy::Reason | GroupBy::Hook => {
            let counts = dead::counts(&mut desk.link, &desk.keys, usize::MAX).await.map_err(failed)?;
            let mut groups = BTreeMap::new();
            for ((reason, hook), count) in counts.groups {
                let name = if matches!(by, GroupBy::Reason) { reason } else { hook };
                *groups.entry(name).or_default() += count;
            }
            groups
        }
    };
    let mut groups: Vec<(String, u64)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let head = match by {
        GroupBy::Reason => "reason",
        GroupBy::Hook => "hook",
        GroupBy::Destination => "destination",
    };
    if json {
        let object = |(name, count): &(String, u64)| {
            Map::from_iter([(head.to_owned(), some(name)), ("count".to_owned(), json!(count))])
        };
        return tell::json_lines(&groups.iter().map(object).collect::<Vec<_>>());
    }
    let heads = vec![head.to_uppercase(), "COUNT".to_owned()];
    let rows = groups.iter().map(|(name, count)| vec![or_dash(name), count.to_string()]);
    tell::table(&std::iter::once(heads).chain(rows).collect::<Vec<_>>())
}

/// The only grouping that no counter knows.
async fn by_destination(desk: &mut Desk) -> Result<BTreeMap<String, u64>, Failure> {
    let (mut groups, mut after, mut looked_at) = (BTreeMap::new(), None, 0);
    let bar = progress::of_unknown();
    loop {
        let open = Filter::default();
        let page = dead::page(&mut desk.link, &desk.keys, &open, Order::NewestFirst, after, 500);
        let page = page.await.map_err(failed)?;
        for letter in page.items {
            looked_at += 1;
            *groups.entry(letter.destination).or_default() += 1;
        }
        bar.set_message(format!("looked at {looked_at} dead letters"));
        after = page.next;
        if after.is_none() {
            bar.finish_and_clear();
            return Ok(groups);
        }
    }
}

async fn show(mut desk: Desk, args: ShowDead) -> Result<(), Failure> {
    let letter = dead::find(&mut desk.link, &desk.keys, &args.id, Reach::FAR.dead).await.map_err(failed)?;
    let letter = letter.ok_or_else(|| anyhow!(
            "no dead letter of job {} in {}; `postrider dead list` shows those there are, `postrider job {}` where the job is",
            args.id, desk.queue, args.id
        ))?;
    let fields = dead::read_whole(&mut desk.link, &desk.keys, letter.entry).await.map_err(failed)?;
    let content = fields.unwrap_or_default().into_iter().find(|(name, _)| name == b"content");
    let content = content.map(|(_, content)| content);
    if args.content {
        return print_content(&content.unwrap_or_default());
    }
    let mut object = object(&letter);
    object.insert("contentBytes".into(), json!(content.map(|content| content.len())));
    if args.json { tell::json_lines(&[object]) } else { tell::key_lines(&[object]) }
}

async fn change(mut desk: Desk, fate: Fate, args: MoveDead) -> Result<(), Failure> {
    let kind = Kind::Dead(fate);
    if args.ids.is_empty() {
        let filter = filter(&mut desk, &args.which).await?;
        return bulk::run(&mut desk, kind, &filter, &args.how).await;
    }
    let (mut letters, mut missing) = (Vec::new(), Vec::new());
    for id in &args.ids {
        match dead::find(&mut desk.link, &desk.keys, id, Reach::FAR.dead).await.map_err(failed)? {
            Some(letter) => letters.push(letter.entry),
            None => missing.push((id.clone(), "there is no dead letter of this job".to_owned())),
        }
    }
    if args.how.dry_run {
        return bulk::would(kind, letters.len() as u64, args.how.json);
    }
    let moved = dead::move_letters(&mut desk.link, &desk.keys, fate, &letters).await.map_err(failed)?;
    let moved = Moved { done: moved.done, stays: missing.into_iter().chain(moved.stays).collect() };
    bulk::tell_moved(kind, &moved, args.how.json)
}
