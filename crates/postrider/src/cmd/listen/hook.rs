//! The hook that is there for as long as `listen` runs: registered, removed, and what an earlier run has left behind.

use std::path::Path;
use std::process;

use anyhow::{Context, anyhow};
use postrider_core::hook::edit::{HookDraft, HookEdit};
use postrider_core::hook::field::{HookField, HookRules};
use postrider_core::hook::record::HookRecord;
use postrider_core::secret::Secret;
use postrider_core::time::Timestamp;
use postrider_store::hooks::fresh::fresh_id;
use postrider_store::hooks::{self, Created};
use postrider_store::link::Link;
use serde_json::Value;

use crate::cmd::operator::failed;
use crate::cmd::tell;
use crate::exit::Failure;
use crate::settings::Settings;

/// What such a hook is called, before the machine and the process.
const NAME: &str = "postrider listen, temporary:";

/// What is to be registered.
pub(super) struct Wanted<'a> {
    pub(super) user: &'a str,
    pub(super) url: &'a str,
    pub(super) on: &'a [String],
    pub(super) profile: Option<&'a str>,
    pub(super) secret: &'a Secret,
}

/// A registered one. It must be removed: nothing happens when it is dropped.
pub(super) struct TemporaryHook {
    link: Link,
    user: String,
    id: String,
}

impl TemporaryHook {
    /// Registers it, once those are removed that a killed process of this machine has left.
    pub(super) async fn register(
        settings: &Settings,
        mut link: Link,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        remove_abandoned(&mut link, wanted.user).await?;
        let id = fresh_id(now).context("the system gives no randomness")?;
        let fields = fields(wanted);
        let draft = HookDraft { id: id.clone(), user_id: wanted.user.to_owned(), fields };
        let rules = HookRules {
            addresses: &settings.addresses,
            profiles: &settings.delivery.profiles,
            default_profile: settings.delivery.profile,
        };
        let record = HookRecord::create(&draft, &rules).map_err(|faults| {
            Failure::Unfit(format!(
                "the hook is refused: {faults}. Workers on this machine need ssrf.allow = 127.0.0.1, given here too \
                 (--ssrf-allow); others need --url with an address that leads here"
            ))
        })?;
        let most = settings.keep.max_hooks_per_user;
        match hooks::create(&mut link, wanted.user, &id, &record, most).await.map_err(failed)? {
            Created::Done => Ok(Self { link, user: wanted.user.to_owned(), id }),
            Created::Exists => Err(anyhow!("hook {id} of user {:?} is there already", wanted.user).into()),
            Created::TooMany => Err(anyhow!(
                "user {:?} has {most} hooks or more, as many as hooks.max_per_user allows: name another --user",
                wanted.user
            )
            .into()),
        }
    }

    /// `<userId>/<hookId>`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.user, self.id)
    }

    /// What removes it by hand.
    pub(super) fn removal(&self) -> String {
        format!("postrider hooks delete {} --user {}", self.id, self.user)
    }

    /// Removes it.
    pub(super) async fn remove(mut self) -> Result<(), Failure> {
        let removed = hooks::delete(&mut self.link, &self.user, &self.id).await;
        match removed {
            Ok(_) => {
                tell::note(&format!("hook {} is removed", self.name()));
                Ok(())
            }
            Err(error) => {
                tell::note(&format!("hook {} is left; remove it with `{}`", self.name(), self.removal()));
                Err(failed(error))
            }
        }
    }
}

fn fields(wanted: &Wanted<'_>) -> HookEdit {
    let fields = HookEdit::new()
        .set(HookField::Name, format!("{NAME} {} {}", host(), process::id()))
        .set(HookField::Url, wanted.url)
        .set(HookField::On, wanted.on.to_vec())
        .set(HookField::Secret, wanted.secret.reveal())
        .set(HookField::Active, true);
    match wanted.profile {
        Some(profile) => fields.set(HookField::Profile, profile),
        None => fields,
    }
}

/// Whoever was killed couldn't remove its own.
async fn remove_abandoned(link: &mut Link, user: &str) -> Result<(), Failure> {
    for hook in hooks::list(link, user).await.map_err(failed)? {
        let record: Value = serde_json::from_slice(&hook.json).unwrap_or_default();
        let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
        if is_abandoned(name, &host(), |pid| Path::new("/proc").join(pid).exists()) {
            hooks::delete(link, user, &hook.hook_id).await.map_err(failed)?;
            tell::note(&format!("removed hook {}, which a killed `postrider listen` had left", hook.hook_id));
        }
    }
    Ok(())
}

/// Whether a process of this machine has left it. Of other machines nobody here knows.
fn is_abandoned(name: &str, host: &str, is_running: impl Fn(&str) -> bool) -> bool {
    let place = name.strip_prefix(NAME).and_then(|place| place.trim_start().rsplit_once(' '));
    place.is_some_and(|(machine, pid)| machine == host && !is_running(pid))
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().chars().filter(char::is_ascii_graphic).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_of_this_machine_registered_is_abandoned() {
        let abandoned = |name: &str| is_abandoned(name, "host", |pid| pid == "7");
        assert!(abandoned("postrider listen, temporary: host 8"));
        for kept in
            ["postrider listen, temporary: host 7", "postrider listen, temporary: other 8", "my hook", ""]
        {
            assert!(!abandoned(kept), "{kept}");
        }
    }
}
