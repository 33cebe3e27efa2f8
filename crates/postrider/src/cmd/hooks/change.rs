//! Registering, editing and removing hooks.

use anyhow::{Context, anyhow};
use postrider_core::hook::edit::{HookDraft, HookEdit, HookFaults};
use postrider_core::hook::field::HookField;
use postrider_core::hook::record::{Detail, HookRecord};
use postrider_core::profile::Profile;
use postrider_core::secret::Secret;
use postrider_store::hooks::fresh::{fresh_id, fresh_secret};
use postrider_store::hooks::{self, Created, UpdateError};
use serde_json::Value;

use super::{Desk, print, typed, unknown, unreadable};
use crate::args::{CreateHook, DisableHook, HookName, List, RotateHook, UpdateHook};
use crate::exit::Failure;
use crate::redis;

const NO_RANDOMNESS: &str = "the system gives no randomness";

impl Desk<'_> {
    /// Shows the record with its secret: it may have been made just now.
    pub(super) async fn create(&mut self, args: CreateHook) -> Result<(), Failure> {
        let json = args.json;
        let draft = self.draft(args)?;
        let record = HookRecord::create(&draft, &self.rules()).map_err(|faults| refused(&faults))?;
        let most = self.settings.keep.max_hooks_per_user;
        let created = hooks::create(&mut self.link, &draft.user_id, &draft.id, &record, most).await;
        match created.map_err(|error| redis::failure(&error))? {
            Created::Done => {
                print::one(&record.shown(&draft.user_id, &draft.id, None, Detail::Revealed), json)
            }
            Created::Exists => Err(Failure::Failed(anyhow!(
                "field 'id' is taken: user {:?} has a hook {:?} already",
                draft.user_id,
                draft.id
            ))),
            Created::TooMany => Err(Failure::Failed(anyhow!(
                "user {:?} has {most} hooks or more, as many as hooks.max_per_user allows",
                draft.user_id
            ))),
        }
    }

    /// The secret is made here where the profile can't do without.
    fn draft(&self, args: CreateHook) -> Result<HookDraft, Failure> {
        let List(on) = args.on;
        let mut fields = typed::edit_of(args.fields)?
            .set(HookField::Url, args.url)
            .set(HookField::On, on)
            .set(HookField::Active, !args.inactive);
        let profile = fields.profile().unwrap_or(self.settings.delivery.profile);
        if profile == Profile::Standard && !fields.changes(HookField::Secret) {
            fields = fields.set(HookField::Secret, new_secret(profile)?.reveal());
        }
        let id = match args.id {
            Some(id) => id,
            None => fresh_id(self.now).context(NO_RANDOMNESS)?,
        };
        Ok(HookDraft { id, user_id: args.user, fields })
    }

    pub(super) async fn update(&mut self, args: UpdateHook) -> Result<(), Failure> {
        let mut edit = typed::edit_of(args.fields)?;
        if let Some(url) = args.url {
            edit = edit.set(HookField::Url, url);
        }
        if let Some(List(on)) = args.on {
            edit = edit.set(HookField::On, on);
        }
        let edit = args.unset.into_iter().fold(edit, |edit, field| edit.set(field, Value::Null));
        if edit.is_empty() {
            return Err(Failure::Unfit("nothing to change: name at least one field".into()));
        }
        self.edit(&args.name, &edit, args.json).await
    }

    pub(super) async fn enable(&mut self, name: &HookName, json: bool) -> Result<(), Failure> {
        // Before the switch: earlier failures must not switch it off again at once.
        let forgotten = hooks::forget_failures(&mut self.link, &name.user, &name.hook).await;
        forgotten.map_err(|error| redis::failure(&error))?;
        self.edit(name, &HookEdit::switch_on(), json).await
    }

    pub(super) async fn disable(&mut self, args: DisableHook) -> Result<(), Failure> {
        let edit = HookEdit::switch_off(args.reason.as_deref());
        self.edit(&args.name, &edit, args.json).await
    }

    /// Doesn't show the new secret: whoever makes one without typing it asks for it by `reveal`.
    pub(super) async fn rotate(&mut self, args: RotateHook) -> Result<(), Failure> {
        let typed = typed::secret_of(args.secret)?;
        let default_profile = self.settings.delivery.profile;
        // Both forms are ready, since only the record tells which profile the hook has.
        let made = [new_secret(Profile::Standard)?, new_secret(Profile::Misskey)?];
        let new = |record: &HookRecord| {
            let is_standard = record.profile().unwrap_or(default_profile) == Profile::Standard;
            typed.as_ref().unwrap_or(&made[usize::from(!is_standard)]).reveal()
        };
        let (rules, now) = (self.rules(), self.now);
        let rotated = |record: &HookRecord| record.rotate(new(record), args.keep, &rules, now);
        self.change(&args.name, args.json, rotated).await
    }

    pub(super) async fn delete(&mut self, name: &HookName, json: bool) -> Result<(), Failure> {
        let removed = hooks::delete(&mut self.link, &name.user, &name.hook).await;
        if removed.map_err(|error| redis::failure(&error))? {
            return print::removed(name, json);
        }
        Err(unknown(name))
    }

    async fn edit(&mut self, name: &HookName, edit: &HookEdit, json: bool) -> Result<(), Failure> {
        let (rules, now) = (self.rules(), self.now);
        self.change(name, json, |record| record.edit(edit, &rules, now)).await
    }

    /// Changes a record and shows it as it is now.
    async fn change(
        &mut self,
        name: &HookName,
        json: bool,
        change: impl Fn(&HookRecord) -> Result<HookRecord, HookFaults>,
    ) -> Result<(), Failure> {
        let changed = hooks::update(&mut self.link, &name.user, &name.hook, change).await;
        changed.map_err(|error| update_failure(error, name))?;
        self.show(name, Detail::Alone, json).await
    }
}

fn new_secret(profile: Profile) -> Result<Secret, Failure> {
    Ok(fresh_secret(profile).context(NO_RANDOMNESS)?)
}

fn refused(faults: &HookFaults) -> Failure {
    Failure::Unfit(faults.to_string())
}

fn update_failure(error: UpdateError, name: &HookName) -> Failure {
    match error {
        UpdateError::Unknown => unknown(name),
        UpdateError::Unreadable => unreadable(name),
        UpdateError::Refused(faults) => refused(&faults),
        UpdateError::Store(error) => redis::failure(&error),
        contended @ UpdateError::Contended => Failure::Failed(contended.into()),
    }
}
