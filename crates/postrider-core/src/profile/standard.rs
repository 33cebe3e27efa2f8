//! Profile `standard`: Standard Webhooks 1.0. Also adds that specification's three headers for the profiles that sign
//! where they can.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::json_object::{Member, json_object};
use super::{JSON, event_type, header_value};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::job::Job;
use crate::secret::Secret;
use crate::signature::{SigningKey, sign};
use crate::time::Timestamp;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Whether a signed request sets a header of this name.
pub(super) fn sets(name: &HeaderName) -> bool {
    [ID, TIMESTAMP, SIGNATURE].contains(name)
}

/// Adds the headers and gives the body.
pub(super) fn render(
    job: &Job,
    delivery: &Delivery,
    now: Timestamp,
    headers: &mut HeaderMap,
) -> Result<Bytes, Fault> {
    let body = json_object(&[
        ("type", Some(Member::Text(event_type(job)?))),
        ("timestamp", Some(Member::Text(&job.created_at.to_rfc3339()))),
        ("data", Some(Member::Json(&job.content))),
    ]);
    headers.insert(CONTENT_TYPE, JSON);
    if !add_proof(job, delivery, now, &body, headers)? {
        return Err(Fault::of_field(b"secret", "is missing: profile standard signs each request"));
    }
    Ok(body)
}

/// Adds the three headers that prove `body`, where there is a secret; tells whether there is. Each secret signs, newest
/// first; empty ones count as absent.
pub(super) fn add_proof(
    job: &Job,
    delivery: &Delivery,
    now: Timestamp,
    body: &[u8],
    headers: &mut HeaderMap,
) -> Result<bool, Fault> {
    let keys = signing_keys(&delivery.secrets)?;
    if keys.is_empty() {
        return Ok(false);
    }
    let seconds = now.as_millis() / 1000;
    headers.insert(ID, header_value("eventId", &job.event_id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(seconds));
    headers.insert(SIGNATURE, header_value("secret", &sign(&keys, &job.event_id, seconds, body))?);
    Ok(true)
}

fn signing_keys(secrets: &[Secret]) -> Result<Vec<SigningKey>, Fault> {
    let usable = secrets.iter().filter(|secret| !secret.is_empty());
    usable.map(|secret| SigningKey::parse(secret).map_err(|rule| Fault::of_field(b"secret", rule))).collect()
}
