//! What is done with hooks, for whoever asks in whatever shape: takes values, gives values, and knows no request. Whose hooks
//! the caller may touch has been checked before.

use std::time::Duration;

use postrider_core::fault::Fault;
use postrider_core::hook::Hook;
use postrider_core::hook::edit::{HookDraft, HookEdit, HookFaults};
use postrider_core::hook::field::{HookField, HookRules};
use postrider_core::hook::record::HookRecord;
use postrider_core::profile::Profile;
use postrider_core::sample::MisskeyEvent;
use postrider_core::secret::Secret;
use postrider_store::fault::StoreError;
use postrider_store::hooks::fresh::{fresh_id, fresh_secret};
use postrider_store::hooks::{self, Created, Registered, UpdateError};

use crate::api::Api;
use crate::call::now;
use crate::trial::{Trial, TrialFault, TrialReport};

/// Why it wasn't done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The owner has no hook of this id.
    Unknown,
    /// Its record can't be read.
    Unreadable,
    /// The owner has a hook of this id already.
    Taken,
    /// The owner has as many hooks as are allowed: so many.
    TooMany(usize),
    /// Others changed it again and again meanwhile.
    Contended,
    /// What was given breaks rules.
    Invalid(HookFaults),
    /// It can't be sent to.
    Unusable,
    /// Redis failed.
    Store(StoreError),
    /// The system gives no randomness; said in the log.
    NoRandomness,
}

/// A hook that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: HookRecord,
    pub(crate) registered: Registered,
}

/// What is sent to try a hook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) event: MisskeyEvent,
    /// Where to send it instead.
    pub(crate) url: Option<&'a str>,
    /// With which secret instead.
    pub(crate) secret: Option<&'a str>,
}

/// All hooks of an owner, by their ids; some may be unreadable.
pub(crate) async fn list(api: &Api, user: &str) -> Result<Vec<Registered>, Refusal> {
    Ok(hooks::list(&mut api.link().await, user).await?)
}

/// One hook.
pub(crate) async fn find(api: &Api, user: &str, hook: &str) -> Result<Found, Refusal> {
    let registered = hooks::show(&mut api.link().await, user, hook).await?.ok_or(Refusal::Unknown)?;
    let record = HookRecord::parse(&registered.json).ok_or(Refusal::Unreadable)?;
    Ok(Found { record, registered })
}

/// Registers a hook; without an id it gets a new one, and a secret where its profile can't do without. Gives its id and
/// its record, secret included.
pub(crate) async fn create(
    api: &Api,
    user: &str,
    id: Option<String>,
    fields: HookEdit,
) -> Result<(String, HookRecord), Refusal> {
    let id = match id {
        Some(id) => id,
        None => fresh_id(now()).map_err(|error| no_randomness(&error))?,
    };
    let fields = with_secret(fields, api.config.defaults.profile)?;
    let draft = HookDraft { id, user_id: user.to_owned(), fields };
    let record = HookRecord::create(&draft, &rules(api))?;
    let most = api.config.max_hooks_per_user;
    match hooks::create(&mut api.link().await, user, &draft.id, &record, most).await? {
        Created::Done => Ok((draft.id, record)),
        Created::Exists => Err(Refusal::Taken),
        Created::TooMany => Err(Refusal::TooMany(most)),
    }
}

/// A profile that can't do without a secret gets one.
fn with_secret(fields: HookEdit, default_profile: Profile) -> Result<HookEdit, Refusal> {
    let profile = fields.profile().unwrap_or(default_profile);
    if profile != Profile::Standard || fields.changes(HookField::Secret) {
        return Ok(fields);
    }
    let secret = fresh_secret(profile).map_err(|error| no_randomness(&error))?;
    Ok(fields.set(HookField::Secret, secret.reveal()))
}

/// Changes what the edit names. One whose switch is touched starts anew: earlier failures must not switch it off again.
pub(crate) async fn edit(api: &Api, user: &str, hook: &str, edit: &HookEdit) -> Result<(), Refusal> {
    if edit.changes(HookField::Active) {
        hooks::forget_failures(&mut api.link().await, user, hook).await?;
    }
    change(api, user, hook, |record, rules| record.edit(edit, rules, now())).await
}

/// Puts a new secret, or one that is made here, in the place of the current one, which signs on for `keep`.
pub(crate) async fn rotate(
    api: &Api,
    user: &str,
    hook: &str,
    secret: Option<&str>,
    keep: Duration,
) -> Result<(), Refusal> {
    let default_profile = api.config.defaults.profile;
    // Both forms are ready, since only the record tells which profile the hook has.
    let standard = fresh_secret(Profile::Standard).map_err(|error| no_randomness(&error))?;
    let plain = fresh_secret(Profile::Misskey).map_err(|error| no_randomness(&error))?;
    let rotated = |record: &HookRecord, rules: &HookRules<'_>| {
        let made = match record.profile().unwrap_or(default_profile) {
            Profile::Standard => &standard,
            _ => &plain,
        };
        record.rotate(secret.unwrap_or(made.reveal()), keep, rules, now())
    };
    change(api, user, hook, rotated).await
}

/// Removes a hook.
pub(crate) async fn delete(api: &Api, user: &str, hook: &str) -> Result<(), Refusal> {
    match hooks::delete(&mut api.link().await, user, hook).await? {
        true => Ok(()),
        false => Err(Refusal::Unknown),
    }
}

/// Sends a sample once, through all checks, whatever the hook's switch says.
pub(crate) async fn try_out(
    api: &Api,
    user: &str,
    hook: &str,
    sample: Sample<'_>,
) -> Result<TrialReport, Refusal> {
    let found = find(api, user, hook).await?;
    let usable = Hook::parse(&found.registered.json).map_err(|_| Refusal::Unusable)?;
    let secret = sample.secret.map(secret_of).transpose()?;
    let event_id = fresh_id(now()).map_err(|error| no_randomness(&error))?;
    let trial = Trial {
        user_id: user,
        hook_id: hook,
        event: sample.event,
        event_id: &event_id,
        url: sample.url,
        secret: secret.as_ref(),
        now: now(),
    };
    let config = &api.config;
    trial.send(usable, &config.defaults, &config.sender).await.map_err(|fault| match fault {
        // An owner who tries a hook knows its URL as `url`; a job has it as `to`.
        TrialFault::Invalid(fault) => Refusal::Invalid(as_of_hook(&fault).into()),
        TrialFault::Unusable => Refusal::Unusable,
    })
}

fn secret_of(text: &str) -> Result<Secret, Refusal> {
    let rule = "must be visible ASCII with spaces inside only";
    let fault = || Refusal::Invalid(Fault::of_field(b"secret", rule).into());
    Secret::parse(text.as_bytes()).ok_or_else(fault)
}

fn as_of_hook(fault: &Fault) -> Fault {
    match fault.sentence().strip_prefix("field 'to' ") {
        Some(rule) => Fault::of_field(b"url", rule),
        None => fault.clone(),
    }
}

async fn change(
    api: &Api,
    user: &str,
    hook: &str,
    change: impl Fn(&HookRecord, &HookRules<'_>) -> Result<HookRecord, HookFaults>,
) -> Result<(), Refusal> {
    let rules = rules(api);
    let changed = hooks::update(&mut api.link().await, user, hook, |record| change(record, &rules)).await;
    changed.map(drop).map_err(|error| match error {
        UpdateError::Unknown => Refusal::Unknown,
        UpdateError::Unreadable => Refusal::Unreadable,
        UpdateError::Refused(faults) => Refusal::Invalid(faults),
        UpdateError::Contended => Refusal::Contended,
        UpdateError::Store(error) => Refusal::Store(error),
    })
}

fn rules(api: &Api) -> HookRules<'_> {
    let config = &api.config;
    HookRules {
        addresses: &config.addresses,
        profiles: &config.defaults.profiles,
        default_profile: config.defaults.profile,
    }
}

fn no_randomness(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "the system gives no randomness");
    Refusal::NoRandomness
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HookFaults> for Refusal {
    fn from(faults: HookFaults) -> Self {
        Self::Invalid(faults)
    }
}
