//! `postrider hooks`: the registry, against Redis directly.
//!
//! - [`typed`]: from flags to what is to be set; [`change`]: setting it; [`list`]: many hooks.
//! - [`print`]: how hooks are shown; [`trial`]: a sample sent to one.

mod change;
mod list;
mod print;
mod trial;
pub(super) mod typed;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use postrider_core::hook::field::HookRules;
use postrider_core::hook::record::{Detail, HookRecord};
use postrider_core::time::Timestamp;
use postrider_store::hooks::{self, Registered};
use postrider_store::link::Link;

use crate::args::{HookName, HooksWork};
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(settings: &Settings, work: HooksWork) -> Result<(), Failure> {
    let link = Link::new(redis::connector(&settings.redis)?);
    let desk = Desk { settings, link, now: wall_clock() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(desk.serve(work))
}

/// What every command works with.
struct Desk<'a> {
    settings: &'a Settings,
    link: Link,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    async fn serve(mut self, work: HooksWork) -> Result<(), Failure> {
        match work {
            HooksWork::List(args) => self.list(args).await,
            HooksWork::Show(args) => self.show(&args.name, Detail::Alone, args.json).await,
            HooksWork::Reveal(args) => self.show(&args.name, Detail::Revealed, args.json).await,
            HooksWork::Create(args) => self.create(*args).await,
            HooksWork::Update(args) => self.update(*args).await,
            HooksWork::Delete(args) => self.delete(&args.name, args.json).await,
            HooksWork::Enable(args) => self.enable(&args.name, args.json).await,
            HooksWork::Disable(args) => self.disable(args).await,
            HooksWork::Rotate(args) => self.rotate(args).await,
            HooksWork::Test(args) => self.try_out(args).await,
        }
    }

    async fn show(&mut self, name: &HookName, detail: Detail, json: bool) -> Result<(), Failure> {
        let found = self.find(name).await?;
        let record = HookRecord::parse(&found.json).ok_or_else(|| unreadable(name))?;
        print::one(&record.shown(&name.user, &name.hook, found.latest, detail), json)
    }

    async fn find(&mut self, name: &HookName) -> Result<Registered, Failure> {
        let found = hooks::show(&mut self.link, &name.user, &name.hook).await;
        found.map_err(|error| redis::failure(&error))?.ok_or_else(|| unknown(name))
    }

    fn rules(&self) -> HookRules<'a> {
        HookRules {
            addresses: &self.settings.addresses,
            profiles: &self.settings.delivery.profiles,
            default_profile: self.settings.delivery.profile,
        }
    }
}

fn unknown(name: &HookName) -> Failure {
    Failure::Failed(anyhow!(
        "user {:?} has no hook {:?}; `postrider hooks list --user {}` shows those there are",
        name.user,
        name.hook,
        name.user.escape_debug()
    ))
}

fn unreadable(name: &HookName) -> Failure {
    Failure::Failed(anyhow!(
        "the record of hook {:?} of user {:?} can't be read; delete it and register the hook anew",
        name.hook,
        name.user
    ))
}

fn wall_clock() -> Timestamp {
    Timestamp::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
