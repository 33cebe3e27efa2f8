//! Records of registered hooks that can't be read: their jobs would end as `unknown_hook`.

use postrider_core::hook::record::HookRecord;
use redis::Value;

use super::asking::Asking;
use super::finding::{Code, Finding, counted};
use super::walks::{Tally, count};
use crate::entry::pairs;
use crate::fault::StoreError;
use crate::hooks::Owners;
use crate::keys::hooks_key;

/// Owners whose hooks are looked at: a sample.
const MAX_OWNERS: u64 = 1000;

/// An owner with more hooks is left out: they would be read in one go.
const MAX_HOOKS: u64 = 1000;

pub(super) async fn examine(asking: &mut Asking<'_>) -> Result<Vec<Finding>, StoreError> {
    let (mut owners, mut looked, mut bad) = (Owners::new(), 0, Tally::default());
    loop {
        let next = owners.next(asking.link()).await;
        let Some(Some(owner)) = asking.unless_refused(next)? else { break };
        if looked == MAX_OWNERS {
            break;
        }
        looked += 1;
        look(asking, &owner, &mut bad).await?;
    }
    Ok(vec![judge(looked, &bad)])
}

async fn look(asking: &mut Asking<'_>, owner: &str, bad: &mut Tally) -> Result<(), StoreError> {
    let key = hooks_key(owner);
    let hooks = asking.ask(redis::cmd("HLEN").arg(&key), "count the hooks of an owner").await?;
    if hooks.as_ref().is_none_or(|hooks| count(hooks) > MAX_HOOKS) {
        return Ok(());
    }
    let reply = asking.ask(redis::cmd("HGETALL").arg(&key), "read the hooks of an owner").await?;
    let Some(Value::Array(flat)) = reply else { return Ok(()) };
    for (hook, record) in pairs(flat) {
        if HookRecord::parse(&record).is_none() {
            bad.add(&[owner.as_bytes(), b"/", &hook].concat());
        }
    }
    Ok(())
}

fn judge(looked: u64, bad: &Tally) -> Finding {
    let owners = counted(looked, "owner", "owners");
    if bad.count == 0 {
        return Finding::ok(Code::Hooks, format!("the hooks of {owners} can be read"));
    }
    let text = format!(
        "{} of {owners} can't be read, as {}: jobs for them end dead (unknown_hook) unless they bring their own URL",
        counted(bad.count, "hook", "hooks"),
        bad.named.join(", ")
    );
    Finding::warning(Code::Hooks, text).remedy("register them anew: postrider hooks delete, then create")
}
