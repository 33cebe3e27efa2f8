//! Errors as clients get them: problem details (RFC 9457), in one shape for all. Never holds a secret, and of a failure of
//! ours no more than that there was one.

use std::time::Instant;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use postrider_core::fault::Fault;
use postrider_core::hook::edit::HookFaults;
use postrider_core::summary::Summary;
use postrider_store::fault::{FaultClass, StoreError};
use serde_json::{Value, json};

/// The media type of RFC 9457.
pub(crate) const PROBLEM_TYPE: &str = "application/problem+json";

/// Most faults that one answer names.
const MAX_ERRORS: usize = 50;

/// Why a request wasn't carried out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<(String, String)>,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// A request that breaks rules: each field with its rule.
    pub(crate) fn invalid(errors: Vec<(String, String)>) -> Self {
        let detail = "the request breaks rules; see errors";
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// The same for one field.
    pub(crate) fn of_field(field: &str, rule: impl Into<String>) -> Self {
        Self::invalid(vec![(field.to_owned(), rule.into())])
    }

    /// The sentences of faults, each by the field that it names.
    pub(crate) fn of_faults<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> Self {
        Self::invalid(faults.into_iter().map(|fault| by_field(fault.sentence())).collect())
    }

    /// What isn't there, in words that tell nothing else.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// The same answer whether a token is missing or wrong.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "a valid token is needed: Authorization: Bearer <token>")
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn too_many(retry_after: u64) -> Self {
        let detail = "too many failed logins; try again later";
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// A fault of ours: the cause is in the log.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be carried out; the log says why")
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Seconds after which it may be tried again, where that is known.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The first field that breaks a rule, and the rule; what is wrong otherwise is told of the body.
    pub(crate) fn first_error(&self) -> (&str, &str) {
        self.errors.first().map_or(("body", &self.detail), |(field, message)| (field, message))
    }

    fn to_json(&self) -> Value {
        let mut problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            let error = |(field, message): &(String, String)| json!({ "field": field, "message": message });
            problem["errors"] = self.errors.iter().take(MAX_ERRORS).map(error).collect();
        }
        problem
    }
}

/// Callers may ask as often as they like.
static REDIS_LINES: Summary = Summary::new();

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        REDIS_LINES.tell(Instant::now(), |more| {
            tracing::warn!(error = error.line(), more, "the API could not ask Redis");
        });
        let detail = match error.class() {
            FaultClass::Denied => {
                "the worker's user in Redis may not do this; docs/api.md says what it needs"
            }
            _ => "Redis can't be reached or refuses; the log says why",
        };
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::of_faults([&fault])
    }
}

impl From<HookFaults> for Problem {
    fn from(faults: HookFaults) -> Self {
        Self::of_faults(faults.iter())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// `field 'url' must be …` as its field and its rule; a sentence about no field is about the body.
fn by_field(sentence: &str) -> (String, String) {
    let named = sentence.strip_prefix("field '").and_then(|rest| rest.split_once("' "));
    match named {
        Some((field, rule)) => (field.to_owned(), rule.to_owned()),
        None => ("body".to_owned(), sentence.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_its_field() {
        assert_eq!(by_field("field 'url' is missing"), ("url".into(), "is missing".into()));
        assert_eq!(by_field("the entry is odd"), ("body".into(), "the entry is odd".into()));
    }

    #[test]
    fn a_problem_has_the_members_of_the_standard_and_a_bounded_list() {
        let problem = Problem::invalid(vec![("url".into(), "is missing".into()); 60]).to_json();
        assert_eq!((&problem["status"], &problem["title"]), (&json!(422), &json!("Unprocessable Entity")));
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(MAX_ERRORS));
        assert_eq!(problem["errors"][0], json!({ "field": "url", "message": "is missing" }));
    }
}
