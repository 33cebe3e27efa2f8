//! Job + registered hook + the worker's defaults = what is sent, where, and within which limits.

use std::time::Duration;

use crate::endpoint::{Endpoint, EndpointCache};
use crate::fault::Fault;
use crate::headers::ExtraHeaders;
use crate::hook::Hook;
use crate::job::Job;
use crate::json;
use crate::profile::{Profile, Profiles};
use crate::secret::Secret;
use crate::time::Timestamp;

/// What the worker's settings say for jobs and hooks that say nothing.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// `delivery.profile`.
    pub profile: Profile,
    /// `delivery.timeout`.
    pub timeout: Duration,
    /// `retry.max_attempts`.
    pub max_attempts: u32,
    /// `server.url` and `profile.*`.
    pub profiles: Profiles,
}

/// Everything that one attempt needs to know; every check that doesn't need the network has been made.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where to send it.
    pub endpoint: Endpoint,
    /// How the request looks.
    pub profile: Profile,
    /// What proves it, newest first. A job's own secret stands alone.
    pub secrets: Vec<Secret>,
    /// The hook's headers and the job's, the job's winning.
    pub headers: ExtraHeaders,
    /// Limit of one whole attempt.
    pub timeout: Duration,
    /// Attempts in all.
    pub max_attempts: u32,
}

/// Why a job is not sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It can't become a request.
    Invalid(Fault),
    /// It names no hook that is registered, and has no URL of its own.
    UnknownHook,
    /// Its hook is switched off.
    Inactive,
}

impl Delivery {
    /// Puts a delivery together. `hook` is the registered hook that the job names, where there is a readable record;
    /// `now` is the time that it is signed for.
    pub fn assemble(
        job: &Job,
        hook: Option<&Hook>,
        defaults: &Defaults,
        endpoints: &mut EndpointCache,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        if hook.is_some_and(|hook| !hook.active) {
            return Err(Refusal::Inactive);
        }
        let endpoint = match (&job.to, hook) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(hook)) => {
                let parsed = endpoints.get(hook.url.as_bytes());
                parsed.map_err(|rule| {
                    Refusal::Invalid(Fault::of_entry(format!("the registered hook's 'url' {rule}")))
                })?
            }
            (None, None) => return Err(Refusal::UnknownHook),
        };
        let profile = job.profile.or(hook.and_then(|hook| hook.profile)).unwrap_or(defaults.profile);
        check_for_profile(job, profile, &defaults.profiles).map_err(Refusal::Invalid)?;
        let secrets = match (&job.secret, hook) {
            (Some(own), _) => vec![own.clone()],
            (None, Some(hook)) => hook.signing_secrets(now),
            (None, None) => Vec::new(),
        };
        Ok(Self {
            endpoint,
            profile,
            secrets,
            headers: match hook {
                Some(hook) if !hook.headers.is_empty() => {
                    job.headers.over(&hook.headers, |name| defaults.profiles.sets(profile, name))
                }
                _ => job.headers.clone(),
            },
            timeout: job.timeout.or(hook.and_then(|hook| hook.timeout)).unwrap_or(defaults.timeout),
            max_attempts: job
                .max_attempts
                .or(hook.and_then(|hook| hook.max_attempts))
                .unwrap_or(defaults.max_attempts),
        })
    }
}

/// The rules of contract section 1 that depend on the profile.
pub fn check_for_profile(job: &Job, profile: Profile, profiles: &Profiles) -> Result<(), Fault> {
    if let Some(taken) = job.headers.iter().find(|header| profiles.sets(profile, &header.name)) {
        return Err(Fault::of_field(
            format!("header:{}", taken.given_name).as_bytes(),
            format_args!("is set by profile {profile} itself"),
        ));
    }
    if profile == Profile::Raw {
        return Ok(());
    }
    if job.event_type.is_none() {
        return Err(Fault::of_field(
            b"type",
            format_args!("is missing: profile {profile} needs the event's type"),
        ));
    }
    json::validate(&job.content).map_err(|problem| {
        Fault::of_field(b"content", format_args!("must be one JSON value for profile {profile}: {problem}"))
    })
}
