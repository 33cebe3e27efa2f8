//! A sample sent to a registered hook, once, whatever its switch and its events say: how its owner tries it. Goes the way of
//! every request, guard included, and tells of a failure its class only, since who may send one could otherwise look into our
//! network with it.

use std::time::Duration;

use postrider_core::delivery::{Defaults, Delivery, Refusal};
use postrider_core::endpoint::EndpointCache;
use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::hook::Hook;
use postrider_core::job::{EntryKind, Field, Job, ParseContext};
use postrider_core::outcome::Outcome;
use postrider_core::sample::MisskeyEvent;
use postrider_core::secret::Secret;
use postrider_core::time::Timestamp;
use postrider_sender::{Attempt, Request, Sender};
use serde_json::{Map, Value, json};

/// A sample is a few KiB; this is what a worker takes by default.
const MAX_SAMPLE_BYTES: usize = 1 << 20;

/// What is sent to whom.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The hook's owner.
    pub user_id: &'a str,
    /// The hook.
    pub hook_id: &'a str,
    /// The event whose sample is sent.
    pub event: MisskeyEvent,
    /// What the receiver de-duplicates by.
    pub event_id: &'a str,
    /// Where to send it instead.
    pub url: Option<&'a str>,
    /// With which secret instead.
    pub secret: Option<&'a Secret>,
    /// The moment.
    pub now: Timestamp,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum TrialFault {
    /// What was given breaks a rule.
    #[error(transparent)]
    Invalid(Fault),
    /// The hook can't be sent to.
    #[error("the hook can't be sent to")]
    Unusable,
}

impl From<Fault> for TrialFault {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

/// What came of it.
#[derive(Debug)]
pub struct TrialReport {
    job: Job,
    destination: String,
    attempt: Attempt,
}

impl TrialReport {
    /// Whether the receiver took it.
    pub fn is_accepted(&self) -> bool {
        matches!(self.attempt.outcome, Outcome::Accepted { .. })
    }

    /// The class of the failure; empty where there was none.
    pub fn error(&self) -> &str {
        &self.attempt.error
    }

    /// For whoever asked.
    pub fn to_json(&self) -> Map<String, Value> {
        let Self { job, destination, attempt } = self;
        let error = Some(attempt.error.as_str()).filter(|error| !error.is_empty());
        let report = json!({
            "hookId": job.hook_id,
            "userId": job.user_id,
            "type": job.event_type,
            "eventId": job.event_id,
            "destination": destination,
            "accepted": self.is_accepted(),
            "status": attempt.outcome.status(),
            "ms": millis(attempt.elapsed),
            "error": error,
        });
        report.as_object().cloned().unwrap_or_default()
    }
}

impl Trial<'_> {
    /// Sends it as a worker with these settings would, but that the switch doesn't matter.
    ///
    /// # Errors
    /// Nothing was sent.
    pub async fn send(
        self,
        hook: Hook,
        defaults: &Defaults,
        sender: &Sender,
    ) -> Result<TrialReport, TrialFault> {
        let job = self.job()?;
        let hook = Hook { active: true, ..hook };
        let mut endpoints = EndpointCache::default();
        let assembled = Delivery::assemble(&job, Some(&hook), defaults, &mut endpoints, self.now);
        let delivery = assembled.map_err(|refusal| match refusal {
            Refusal::Invalid(fault) => TrialFault::Invalid(fault),
            Refusal::UnknownHook | Refusal::Inactive => TrialFault::Unusable,
        })?;
        let payload = defaults.profiles.render(&job, &delivery, 1, self.now)?;
        let destination = delivery.endpoint.origin().to_owned();
        let request = Request {
            endpoint: delivery.endpoint,
            headers: payload.headers,
            body: payload.body,
            timeout: delivery.timeout,
        };
        let attempt = sender.attempt(request).await;
        Ok(TrialReport { job, destination, attempt })
    }

    fn job(&self) -> Result<Job, TrialFault> {
        let entry = EntryId { millis: self.now.as_millis(), sequence: 0 };
        let mut context = ParseContext {
            kind: EntryKind::Job,
            max_job_bytes: MAX_SAMPLE_BYTES,
            event_id_suffix: "".into(),
            endpoints: EndpointCache::default(),
        };
        Ok(Job::parse(entry, self.fields(), &mut context).map_err(|invalid| invalid.fault)?)
    }

    fn fields(&self) -> Vec<Field> {
        let content = self.event.sample(self.now).to_string();
        let given = [
            ("userId", Some(self.user_id)),
            ("hookId", Some(self.hook_id)),
            ("type", Some(self.event.as_str())),
            ("id", Some(self.event_id)),
            ("content", Some(content.as_str())),
            ("to", self.url),
            ("secret", self.secret.map(Secret::reveal)),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect()
    }
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
