//! `postrider hooks list`: an owner's hooks, or all, a page in memory at a time.

use postrider_core::hook::Hook;
use postrider_core::hook::filter::HookFilter;
use postrider_core::hook::record::{Detail, HookRecord};
use postrider_store::hooks::{self, Owners, Registered};
use serde_json::{Map, Value, json};

use super::Desk;
use super::print::Rows;
use crate::args::{List, ListHooks};
use crate::exit::Failure;
use crate::redis;

impl Desk<'_> {
    pub(super) async fn list(&mut self, args: ListHooks) -> Result<(), Failure> {
        let filter = filter_of(&args);
        let mut rows = Rows::new(args.json);
        match args.user {
            Some(user) => self.list_of(&user, &filter, &mut rows).await?,
            None => {
                let mut owners = Owners::new();
                while let Some(user) =
                    owners.next(&mut self.link).await.map_err(|error| redis::failure(&error))?
                {
                    self.list_of(&user, &filter, &mut rows).await?;
                }
            }
        }
        rows.end()
    }

    async fn list_of(&mut self, user: &str, filter: &HookFilter, rows: &mut Rows) -> Result<(), Failure> {
        let found = hooks::list(&mut self.link, user).await.map_err(|error| redis::failure(&error))?;
        let is_meant =
            |hook: &&Registered| filter.matches(&hook.hook_id, Hook::parse(&hook.json).ok().as_ref());
        found.iter().filter(is_meant).try_for_each(|hook| rows.add(&shown(user, hook)))
    }
}

fn filter_of(args: &ListHooks) -> HookFilter {
    let texts = |list: &Option<List>| list.as_ref().map_or_else(Vec::new, |List(texts)| texts.clone());
    let active = match (args.active, args.inactive) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    HookFilter { active, on: texts(&args.on), ids: texts(&args.id) }
}

/// One that can't be read is listed by its ids, so that it can be deleted.
fn shown(user: &str, hook: &Registered) -> Map<String, Value> {
    match HookRecord::parse(&hook.json) {
        Some(record) => record.shown(user, &hook.hook_id, hook.latest, Detail::Listed),
        None => {
            let ids = json!({ "id": hook.hook_id, "userId": user, "unreadable": true });
            ids.as_object().cloned().unwrap_or_default()
        }
    }
}
