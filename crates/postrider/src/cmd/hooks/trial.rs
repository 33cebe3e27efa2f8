//! `postrider hooks test`: a sample sent to a hook, once, whatever its switch and its events say. Writes nothing to Redis.

use std::time::Duration;

use anyhow::{Context, anyhow};
use postrider_core::delivery::{Defaults, Delivery, Refusal};
use postrider_core::endpoint::{Endpoint, EndpointCache};
use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::hook::Hook;
use postrider_core::job::{EntryKind, Field, Job, ParseContext};
use postrider_core::outcome::Outcome;
use postrider_core::secret::Secret;
use postrider_sender::{Attempt, Request};
use postrider_store::hooks::fresh::fresh_id;
use serde_json::{Map, Value, json};

use super::{Desk, print, typed};
use crate::args::{HookName, TestHook};
use crate::exit::Failure;
use crate::outgoing;

/// A sample is a few KiB; this is what a worker takes by default.
const MAX_SAMPLE_BYTES: usize = 1 << 20;

impl Desk<'_> {
    /// One attempt; ends well only if it was accepted.
    pub(super) async fn try_out(&mut self, args: TestHook) -> Result<(), Failure> {
        let secret = typed::secret_of(args.secret)?;
        check_url(args.url.as_deref())?;
        let found = self.find(&args.name).await?;
        let hook = Hook::parse(&found.json).map_err(|fault| unusable(&args.name, &fault))?;
        let content = args.event.sample(self.now).to_string();
        let event_id = fresh_id(self.now).context("the system gives no randomness")?;
        let fields = fields(
            &args.name,
            args.event.as_str(),
            &event_id,
            &content,
            args.url.as_deref(),
            secret.as_ref(),
        );
        let job = self.job(fields)?;
        let delivery = self.delivery(&job, hook)?;
        let attempt = self.attempt(&job, &delivery).await?;
        print::one(&report(&job, &delivery, &attempt), args.json)?;
        match attempt.outcome {
            Outcome::Accepted { .. } => Ok(()),
            _ => Err(Failure::Failed(anyhow!("the sample was not accepted: {}", attempt.error))),
        }
    }

    fn job(&self, fields: Vec<Field>) -> Result<Job, Failure> {
        let entry = EntryId { millis: self.now.as_millis(), sequence: 0 };
        let mut context = ParseContext {
            kind: EntryKind::Job,
            max_job_bytes: MAX_SAMPLE_BYTES,
            event_id_suffix: "".into(),
            endpoints: EndpointCache::default(),
        };
        let job = Job::parse(entry, fields, &mut context);
        job.map_err(|invalid| Failure::Failed(anyhow!(invalid.fault)))
    }

    /// As a worker with these settings would send it, but that the switch doesn't matter.
    fn delivery(&self, job: &Job, hook: Hook) -> Result<Delivery, Failure> {
        let defaults = Defaults {
            profile: self.settings.delivery.profile,
            timeout: self.settings.delivery.timeout,
            max_attempts: 1,
            profiles: self.settings.delivery.profiles.clone(),
        };
        let hook = Hook { active: true, ..hook };
        let mut endpoints = EndpointCache::default();
        Delivery::assemble(job, Some(&hook), &defaults, &mut endpoints, self.now).map_err(|refusal| {
            Failure::Failed(match refusal {
                Refusal::Invalid(fault) => anyhow!(fault),
                Refusal::UnknownHook | Refusal::Inactive => anyhow!("the hook can't be sent to"),
            })
        })
    }

    async fn attempt(&self, job: &Job, delivery: &Delivery) -> Result<Attempt, Failure> {
        let payload = self.settings.delivery.profiles.render(job, delivery, 1, self.now);
        let payload = payload.map_err(|fault| Failure::Failed(anyhow!(fault)))?;
        let sender = outgoing::sender(self.settings, 0)?;
        let request = Request {
            endpoint: delivery.endpoint.clone(),
            headers: payload.headers,
            body: payload.body,
            timeout: delivery.timeout,
        };
        Ok(sender.attempt(request).await)
    }
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

fn fields(
    name: &HookName,
    event_type: &str,
    event_id: &str,
    content: &str,
    url: Option<&str>,
    secret: Option<&Secret>,
) -> Vec<Field> {
    let given = [
        ("userId", Some(name.user.as_str())),
        ("hookId", Some(name.hook.as_str())),
        ("type", Some(event_type)),
        ("id", Some(event_id)),
        ("content", Some(content)),
        ("to", url),
        ("secret", secret.map(Secret::reveal)),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect()
}

/// What is told: of a failure its class only, since who may send a test could otherwise look into our network with it.
fn report(job: &Job, delivery: &Delivery, attempt: &Attempt) -> Map<String, Value> {
    let error = Some(attempt.error.as_str()).filter(|error| !error.is_empty());
    let report = json!({
        "hookId": job.hook_id,
        "userId": job.user_id,
        "type": job.event_type,
        "eventId": job.event_id,
        "destination": delivery.endpoint.origin(),
        "status": attempt.outcome.status(),
        "ms": millis(attempt.elapsed),
        "error": error,
    });
    report.as_object().cloned().unwrap_or_default()
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
