//! Profile `cloudevents`: CloudEvents 1.0 in HTTP binary mode.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{JSON, event_type, header_value, standard};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::job::Job;
use crate::time::Timestamp;

/// Start of all names that carry an attribute of the event, known or an extension.
const PREFIX: &str = "ce-";

const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const ID: HeaderName = HeaderName::from_static("ce-id");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const TIME: HeaderName = HeaderName::from_static("ce-time");

/// Everything that is the same for each request.
#[derive(Clone, Debug)]
pub(super) struct CloudEvents {
    source: HeaderValue,
}

/// Whether this profile sets a header of this name, or could.
pub(super) fn sets(name: &HeaderName) -> bool {
    name.as_str().starts_with(PREFIX)
}

impl CloudEvents {
    /// `None` where `server_url` isn't visible ASCII.
    pub(super) fn new(server_url: &str) -> Option<Self> {
        let visible = server_url.bytes().all(|byte| byte.is_ascii_graphic());
        let source = HeaderValue::from_str(&encoded(server_url)).ok().filter(|_| visible)?;
        Some(Self { source })
    }

    /// Adds the headers and gives the body.
    pub(super) fn render(
        &self,
        job: &Job,
        delivery: &Delivery,
        now: Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<Bytes, Fault> {
        headers.insert(SPEC_VERSION, HeaderValue::from_static("1.0"));
        headers.insert(ID, header_value("eventId", &encoded(&job.event_id))?);
        headers.insert(SOURCE, self.source.clone());
        headers.insert(TYPE, header_value("type", &encoded(event_type(job)?))?);
        headers.insert(TIME, header_value("createdAt", &job.created_at.to_rfc3339())?);
        headers.insert(CONTENT_TYPE, JSON);
        standard::add_proof(job, delivery, now, &job.content, headers)?;
        Ok(job.content.clone())
    }
}

/// Visible ASCII as the HTTP binding writes it (section 3.1.3.2): `"` and `%` as `%22` and `%25`.
fn encoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['"', '%']) {
        return text.into();
    }
    text.chars().fold(String::with_capacity(text.len() + 2), push_encoded).into()
}

fn push_encoded(mut encoded: String, c: char) -> String {
    match c {
        '"' | '%' => write!(encoded, "%{:02X}", u32::from(c)).expect("a string takes any text"),
        _ => encoded.push(c),
    }
    encoded
}
