//! Whether a job or an event is sound, by the rules that the workers go by. Asks nobody: what a registered hook lends to
//! a job is seen only when it is sent, and which hooks an event is for only when it is fanned out.

use std::fmt;

use postrider_core::delivery::{Defaults, Delivery, Refusal, check_for_profile};
use postrider_core::endpoint::EndpointCache;
use postrider_core::entry_id::EntryId;
use postrider_core::fault::Fault;
use postrider_core::job::{EntryKind, Job as CheckedJob, ParseContext};
use postrider_core::profile::Profile;
use postrider_core::queue_name::QueueName;
use postrider_core::signature::SigningKey;

use crate::event::Event;
use crate::job::Job;

/// Stands for the entry that isn't there yet; what depends on its id can't be wrong.
const FUTURE_ENTRY: EntryId = EntryId { millis: 0, sequence: 0 };

/// The rules of one queue, and of the events that become jobs of it.
pub struct Rules {
    context: ParseContext,
    events: ParseContext,
    defaults: Defaults,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("max_job_bytes", &self.context.max_job_bytes).finish_non_exhaustive()
    }
}

impl Rules {
    /// Rules for `queue`, whose workers accept entries of up to `max_job_bytes` and have these settings.
    pub fn new(queue: &QueueName, max_job_bytes: usize, defaults: Defaults) -> Self {
        let context = |kind, event_id_suffix| ParseContext {
            kind,
            max_job_bytes,
            event_id_suffix,
            endpoints: EndpointCache::default(),
        };
        let jobs = context(EntryKind::Job, queue.event_id_suffix().into());
        Self { context: jobs, events: context(EntryKind::Event, "".into()), defaults }
    }

    /// The event as a worker will read it; of a [`CheckedJob`], it has what its jobs inherit.
    ///
    /// # Errors
    /// What is wrong, naming the field and never its value: added like this, the event would be dead, reason `invalid`.
    pub fn check_event(&mut self, event: &Event) -> Result<CheckedJob, Fault> {
        let parsed = CheckedJob::parse(FUTURE_ENTRY, event.fields().to_vec(), &mut self.events);
        parsed.map_err(|invalid| invalid.fault)
    }

    /// The job as a worker will read it.
    ///
    /// A job that names a registered hook (`userId` and `hookId`) is judged by what it says itself: profile and secret
    /// may be the hook's.
    ///
    /// # Errors
    /// What is wrong, naming the field and never its value: added like this, the job would be dead, reason `invalid`.
    pub fn check(&mut self, job: &Job) -> Result<CheckedJob, Fault> {
        let parsed = CheckedJob::parse(FUTURE_ENTRY, job.fields().to_vec(), &mut self.context);
        let checked = parsed.map_err(|invalid| invalid.fault)?;
        match (checked.hook_key(), checked.profile) {
            (Some(_), None) => {}
            (Some(_), Some(profile)) => self.check_own_part(&checked, profile)?,
            (None, _) => self.check_request(&checked)?,
        }
        Ok(checked)
    }

    fn check_own_part(&self, job: &CheckedJob, profile: Profile) -> Result<(), Fault> {
        check_for_profile(job, profile, &self.defaults.profiles)?;
        match job.secret.as_ref().filter(|secret| !secret.is_empty()) {
            Some(secret) if profile != Profile::Misskey => {
                SigningKey::parse(secret).map(drop).map_err(|rule| Fault::of_field(b"secret", rule))
            }
            _ => Ok(()),
        }
    }

    /// Makes the first attempt's request, as the worker would: nothing that can go wrong there is missed here.
    fn check_request(&mut self, job: &CheckedJob) -> Result<(), Fault> {
        match Delivery::assemble(job, None, &self.defaults, &mut self.context.endpoints, job.created_at) {
            Ok(delivery) => {
                self.defaults.profiles.render(job, &delivery, job.next_attempt(), job.created_at).map(drop)
            }
            Err(Refusal::Invalid(fault)) => Err(fault),
            // A job without a hook has a URL, and no hook that could be unknown or switched off.
            Err(Refusal::UnknownHook | Refusal::Inactive) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProducerOptions;

    #[track_caller]
    fn check(job: &Job, fault: Option<&str>) {
        let found = ProducerOptions::default().rules().check(job).err();
        match (found, fault) {
            (None, None) => {}
            (Some(found), Some(start)) if found.sentence().starts_with(start) => {}
            (found, fault) => panic!("found {found:?}, expected {fault:?}"),
        }
    }

    fn note() -> Job {
        Job::to("https://hooks.example/in").event_type("note").content("{}")
    }

    #[test]
    fn a_sound_job_is_sound() {
        check(&note(), None);
        check(&note().profile(Profile::Standard).secret("s3cret"), None);
        check(&Job::to("https://hooks.example/in").profile(Profile::Raw).content(b"\xff\x00"), None);
    }

    #[test]
    fn what_a_worker_would_bury_is_refused() {
        check(&note().timeout(std::time::Duration::from_millis(99)), Some("field 'timeoutMs'"));
        check(&note().header("x-misskey-host", "a"), Some("field 'header:x-misskey-host' is set by profile"));
        check(&note().header("X-A", "1").header("x-a", "2"), Some("field 'header:x-a' is given twice"));
        check(&note().content("{"), Some("field 'content' must be one JSON value"));
        check(&note().profile(Profile::Standard), Some("field 'secret' is missing"));
        check(&note().secret("whpk_a").profile(Profile::Raw), Some("field 'secret' is a public key"));
        check(&note().content(vec![b' '; 1 << 20]), Some("the entry has"));
    }

    #[test]
    fn what_a_registered_hook_may_lend_is_not_asked_for() {
        check(&Job::for_hook("u", "h").content("not json"), None);
        check(&Job::for_hook("u", "h").event_type("note").content("{}").profile(Profile::Standard), None);
    }

    #[test]
    fn an_event_needs_an_owner_a_type_and_json() {
        let found = |event: &Event| ProducerOptions::default().rules().check_event(event).err();
        let note = || Event::new("u", "note").content("{}");
        assert!(found(&note().header("X-A", "1")).is_none());
        for (event, start) in [
            (Event::new("u", "note"), "field 'content' is missing"),
            (note().content("{"), "field 'content' must be one JSON value"),
            (note().id("i".repeat(64)), "field 'id' of an event"),
            (Event::from_fields(note().fields()[1..].to_vec()), "field 'userId' is missing"),
            (note().content(vec![b' '; 1 << 20]), "the entry has"),
        ] {
            let fault = found(&event).map(|fault| fault.sentence().to_owned());
            assert!(fault.as_ref().is_some_and(|fault| fault.starts_with(start)), "{fault:?}, not {start}");
        }
    }

    #[test]
    fn what_a_job_for_a_hook_says_itself_must_be_sound() {
        let job = || Job::for_hook("u", "h").profile(Profile::Standard);
        check(&job().content("{}"), Some("field 'type' is missing"));
        check(&job().content("{}").event_type("note").secret("whsec_x"), Some("field 'secret' must have"));
    }
}
