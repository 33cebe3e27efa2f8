//! `postrider hooks test`: a sample sent to a hook, once. Writes nothing to Redis.

use anyhow::{Context, anyhow};
use postrider_admin::trial::{Trial, TrialFault};
use postrider_core::delivery::Defaults;
use postrider_core::endpoint::Endpoint;
use postrider_core::fault::Fault;
use postrider_core::hook::Hook;
use postrider_store::hooks::fresh::fresh_id;

use super::{Desk, print, typed};
use crate::args::{HookName, TestHook};
use crate::exit::Failure;
use crate::outgoing;

impl Desk<'_> {
    /// One attempt; ends well only if it was accepted.
    pub(super) async fn try_out(&mut self, args: TestHook) -> Result<(), Failure> {
        let secret = typed::secret_of(args.secret)?;
        check_url(args.url.as_deref())?;
        let found = self.find(&args.name).await?;
        let hook = Hook::parse(&found.json).map_err(|fault| unusable(&args.name, &fault))?;
        let event_id = fresh_id(self.now).context("the system gives no randomness")?;
        let trial = Trial {
            user_id: &args.name.user,
            hook_id: &args.name.hook,
            event: args.event,
            event_id: &event_id,
            url: args.url.as_deref(),
            secret: secret.as_ref(),
            now: self.now,
        };
        let sender = outgoing::sender(self.settings, 0)?;
        let report = trial.send(hook, &self.defaults(), &sender).await.map_err(not_sent)?;
        print::one(&report.to_json(), args.json)?;
        match report.is_accepted() {
            true => Ok(()),
            false => Err(Failure::Failed(anyhow!("the sample was not accepted: {}", report.error()))),
        }
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            profile: self.settings.delivery.profile,
            timeout: self.settings.delivery.timeout,
            max_attempts: 1,
            profiles: self.settings.delivery.profiles.clone(),
        }
    }
}

fn not_sent(fault: TrialFault) -> Failure {
    Failure::Failed(fault.into())
}

fn unusable(name: &HookName, fault: &Fault) -> Failure {
    Failure::Failed(anyhow!(
        "the record of hook {:?} of user {:?} can't be used: {fault}",
        name.hook,
        name.user
    ))
}

/// Told of the flag, before a job would tell of its field.
fn check_url(url: Option<&str>) -> Result<(), Failure> {
    let parsed = url.map(|url| Endpoint::parse(url.as_bytes())).transpose();
    parsed.map(drop).map_err(|rule| Failure::Unfit(format!("--url {rule}")))
}
