//! Profile `misskey`: what a receiver written for Misskey's webhooks expects.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::json_object::{Member, json_object};
use super::{JSON, ProfileSettings, event_type, header_value};
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::headers::header_text;
use crate::job::Job;

/// Longest prefix of header names in bytes; it leaves room for the rest of a name.
const MAX_PREFIX_BYTES: usize = 64;

const PREFIX: &str = "profile.misskey.header_prefix must be the start of a header name, 1 to 64 of A-Z a-z 0-9 and -, such \
                      as X-Misskey";
const AGENT: &str =
    "profile.misskey.user_agent must be visible ASCII with spaces inside, such as Misskey-Hooks";

/// Everything that is the same for each request.
#[derive(Clone, Debug)]
pub(super) struct Misskey {
    server: Box<str>,
    user_agent: HeaderValue,
    host: (HeaderName, HeaderValue),
    hook_id: HeaderName,
    hook_secret: HeaderName,
}

impl Misskey {
    /// `server` is the parsed `server.url`. The error names the configuration key and what would be accepted.
    pub(super) fn new(settings: &ProfileSettings, server: &Endpoint) -> Result<Self, String> {
        let authority = server.origin().split_once("://").map_or("", |(_, authority)| authority);
        Ok(Self {
            server: settings.server_url.as_str().into(),
            user_agent: header_text(settings.misskey_user_agent.as_bytes()).ok_or(AGENT)?,
            host: (
                name(settings, "host")?,
                HeaderValue::from_str(authority).expect("an origin is visible ASCII"),
            ),
            hook_id: name(settings, "hook-id")?,
            hook_secret: name(settings, "hook-secret")?,
        })
    }

    /// Whether this profile sets a header of this name, or would for another job.
    pub(super) fn sets(&self, name: &HeaderName) -> bool {
        [&USER_AGENT, &self.host.0, &self.hook_id, &self.hook_secret].contains(&name)
    }

    /// Adds the headers and gives the body.
    pub(super) fn render(
        &self,
        job: &Job,
        delivery: &Delivery,
        headers: &mut HeaderMap,
    ) -> Result<Bytes, Fault> {
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(self.host.0.clone(), self.host.1.clone());
        if let Some(id) = &job.hook_id {
            headers.insert(self.hook_id.clone(), header_value("hookId", id)?);
        }
        headers.insert(self.hook_secret.clone(), secret_header(delivery)?);
        headers.insert(CONTENT_TYPE, JSON);
        self.body(job)
    }

    fn body(&self, job: &Job) -> Result<Bytes, Fault> {
        Ok(json_object(&[
            ("server", Some(Member::Text(&self.server))),
            ("hookId", job.hook_id.as_deref().map(Member::Text)),
            ("userId", job.user_id.as_deref().map(Member::Text)),
            ("eventId", Some(Member::Text(&job.event_id))),
            ("createdAt", Some(Member::Number(job.created_at.as_millis()))),
            ("type", Some(Member::Text(event_type(job)?))),
            ("body", Some(Member::Json(&job.content))),
        ]))
    }
}

fn name(settings: &ProfileSettings, rest: &str) -> Result<HeaderName, String> {
    let prefix = &settings.misskey_header_prefix;
    let accepted = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let fits = (1..=MAX_PREFIX_BYTES).contains(&prefix.len()) && prefix.bytes().all(accepted);
    let name = HeaderName::from_bytes(format!("{prefix}-{rest}").as_bytes());
    name.ok().filter(|_| fits).ok_or_else(|| PREFIX.into())
}

/// The newest secret in clear, as this profile's receivers compare it; sent even when it is empty.
fn secret_header(delivery: &Delivery) -> Result<HeaderValue, Fault> {
    let secret = delivery.secrets.first().map_or("", |secret| secret.reveal());
    let mut value = header_value("secret", secret)?;
    value.set_sensitive(true);
    Ok(value)
}
