//! Profile `raw`: the content as it is.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::{JSON, standard};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::job::Job;
use crate::time::Timestamp;

/// Adds the headers and gives the body; signed where there is a secret.
pub(super) fn render(
    job: &Job,
    delivery: &Delivery,
    now: Timestamp,
    headers: &mut HeaderMap,
) -> Result<Bytes, Fault> {
    headers.insert(CONTENT_TYPE, job.content_type.clone().unwrap_or(JSON));
    standard::add_proof(job, delivery, now, &job.content, headers)?;
    Ok(job.content.clone())
}
