//! How a request looks (contract section 3): from a job and its delivery to headers and exact bytes. Never sends, and
//! never re-encodes `content`, which goes out byte for byte.

mod cloudevents;
mod json_object;
mod misskey;
mod raw;
mod standard;

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::job::Job;
use crate::time::Timestamp;

use cloudevents::CloudEvents;
use misskey::Misskey;

const ATTEMPT: HeaderName = HeaderName::from_static("postrider-attempt");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What all profiles but `misskey` call themselves, where no extra header says otherwise.
const DEFAULT_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Postrider/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Most headers that a profile and Postrider itself set, for the map's first capacity.
const MAX_OWN_HEADERS: usize = 12;

/// The shape of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// As Misskey's own webhooks: an envelope around the event, the secret in a header.
    Misskey,
    /// Standard Webhooks 1.0: a small envelope, always signed.
    Standard,
    /// CloudEvents 1.0 in HTTP binary mode: the event alone, what it is in `ce-` headers.
    CloudEvents,
    /// The content as it is, of any type.
    Raw,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 4] = [Self::Misskey, Self::Standard, Self::CloudEvents, Self::Raw];

    /// Reads its exact name.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str().as_bytes() == name)
    }

    /// Its name, as fields, records and settings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Misskey => "misskey",
            Self::Standard => "standard",
            Self::CloudEvents => "cloudevents",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies the sending server (settings `server.url`, `profile.misskey.*`).
#[derive(Clone, Debug)]
pub struct ProfileSettings {
    /// `server.url`: an http(s) URL in visible ASCII, usually an origin.
    pub server_url: String,
    /// `profile.misskey.user_agent`: a header's value.
    pub misskey_user_agent: String,
    /// `profile.misskey.header_prefix`: what its header names begin with, without the hyphen.
    pub misskey_header_prefix: String,
}

impl Default for ProfileSettings {
    fn default() -> Self {
        Self {
            server_url: "http://localhost".into(),
            misskey_user_agent: "Misskey-Hooks".into(),
            misskey_header_prefix: "X-Misskey".into(),
        }
    }
}

/// All profiles, with everything that is the same for each request made once.
#[derive(Clone, Debug)]
pub struct Profiles {
    misskey: Misskey,
    cloudevents: CloudEvents,
}

/// A request as it goes out, before the sender adds what the connection needs. `Debug` shows no value and no body.
#[derive(Clone)]
pub struct Payload {
    /// Headers of the profile, then the extra ones.
    pub headers: HeaderMap,
    /// The exact body.
    pub body: Bytes,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Payload").field("headers", &names).field("body_bytes", &self.body.len()).finish()
    }
}

impl Profiles {
    /// Checks the settings.
    ///
    /// # Errors
    /// A sentence that names the configuration key and what would be accepted.
    pub fn new(settings: &ProfileSettings) -> Result<Self, String> {
        let server = server_of(&settings.server_url)?;
        Ok(Self {
            misskey: Misskey::new(settings, &server)?,
            cloudevents: CloudEvents::new(&settings.server_url).ok_or(NOT_ASCII)?,
        })
    }

    /// Whether this name is the profile's own or Postrider's, so that no extra header may bear it. `User-Agent` is so for
    /// `misskey` only: in the others an extra header replaces [the default](Self::render).
    pub fn sets(&self, profile: Profile, name: &HeaderName) -> bool {
        let by_profile = || match profile {
            Profile::Misskey => self.misskey.sets(name),
            Profile::Standard | Profile::Raw => standard::sets(name),
            Profile::CloudEvents => standard::sets(name) || cloudevents::sets(name),
        };
        [CONTENT_TYPE, ATTEMPT, TRACEPARENT].contains(name) || by_profile()
    }

    /// The request of one attempt: `attempt` counts from 1, `now` is the time that it is signed for. The profile's
    /// headers come first, then `Postrider-Attempt` and `traceparent`, then the extra ones; all profiles but `misskey`
    /// bear `User-Agent: Postrider/<version>` unless an extra header gives another.
    ///
    /// # Errors
    /// A fault that names the field by which the job can't take the profile's shape, such as a secret that can't sign.
    pub fn render(
        &self,
        job: &Job,
        delivery: &Delivery,
        attempt: u32,
        now: Timestamp,
    ) -> Result<Payload, Fault> {
        let mut headers = HeaderMap::with_capacity(MAX_OWN_HEADERS + delivery.headers.len());
        let body = match delivery.profile {
            Profile::Misskey => self.misskey.render(job, delivery, &mut headers)?,
            Profile::Standard => standard::render(job, delivery, now, &mut headers)?,
            Profile::CloudEvents => self.cloudevents.render(job, delivery, now, &mut headers)?,
            Profile::Raw => raw::render(job, delivery, now, &mut headers)?,
        };
        headers.insert(ATTEMPT, HeaderValue::from(attempt));
        if let Some(parent) = job.trace_parent {
            headers.insert(TRACEPARENT, parent.to_header());
        }
        if !headers.contains_key(USER_AGENT) && !delivery.headers.contains(&USER_AGENT) {
            headers.insert(USER_AGENT, DEFAULT_USER_AGENT);
        }
        for extra in delivery.headers.iter() {
            headers.append(extra.name.clone(), extra.value.clone());
        }
        Ok(Payload { headers, body })
    }
}

/// It goes into a header as it is written.
const NOT_ASCII: &str =
    "server.url must be in visible ASCII: write other letters of its host as xn--…, those of its path as %..";

fn server_of(url: &str) -> Result<Endpoint, String> {
    Endpoint::parse(url.as_bytes())
        .map_err(|rule| format!("server.url {rule}, such as https://misskey.example"))
}

/// A header's value from a field of the job; the fault names the field.
fn header_value(field: &str, text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|_| Fault::of_field(field.as_bytes(), "can't be sent in a header"))
}

/// The event's type, which all profiles but `raw` need.
fn event_type(job: &Job) -> Result<&str, Fault> {
    job.event_type
        .as_deref()
        .ok_or_else(|| Fault::of_field(b"type", "is missing: the profile needs the event's type"))
}

#[cfg(test)]
mod tests;
