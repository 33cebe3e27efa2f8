//! Errors as Misskey's clients get them: a code and an id that are always the same for one cause. What goes wrong before a
//! route is asked comes as a [`Problem`], and is told by the error of Misskey's that is nearest.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::problem::Problem;

/// Why a request wasn't carried out.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    known: Known,
    /// Which parameter breaks which rule; never its value.
    info: Option<(String, String)>,
    retry_after: Option<u64>,
}

/// An error that clients know.
#[derive(Clone, Copy, Debug)]
struct Known {
    code: &'static str,
    id: &'static str,
    message: &'static str,
}

const INVALID_PARAM: Known = Known {
    code: "INVALID_PARAM",
    id: "3d81ceae-475f-4600-b2a8-2bc116157532",
    message: "A parameter breaks a rule.",
};

const CREDENTIAL_REQUIRED: Known = Known {
    code: "CREDENTIAL_REQUIRED",
    id: "1384574d-a912-4b81-8601-c7b1c4085df1",
    message: "A token is needed.",
};

const AUTHENTICATION_FAILED: Known = Known {
    code: "AUTHENTICATION_FAILED",
    id: "b0a7f5f8-dc2f-4171-b91f-de88ad238e14",
    message: "Nobody is known by these credentials.",
};

const ACCESS_DENIED: Known = Known {
    code: "ACCESS_DENIED",
    id: "56f35758-7dd5-468b-8439-5d6fb8ec9b8e",
    message: "This isn't allowed.",
};

const RATE_LIMIT_EXCEEDED: Known = Known {
    code: "RATE_LIMIT_EXCEEDED",
    id: "d5826d14-3982-4d2e-8011-b9e9f02499ef",
    message: "Too often; try again later.",
};

const TOO_MANY_WEBHOOKS: Known = Known {
    code: "TOO_MANY_WEBHOOKS",
    id: "87a9bb19-111e-4e37-81d3-a3e7426453b0",
    message: "You have as many webhooks as you may.",
};

const INTERNAL_ERROR: Known = Known {
    code: "INTERNAL_ERROR",
    id: "5d37dbcb-891e-41ca-a3d6-e690c97775ac",
    message: "It could not be done; the log says why.",
};

impl ApiError {
    fn new(status: StatusCode, known: Known) -> Self {
        Self { status, known, info: None, retry_after: None }
    }

    pub(super) fn invalid_param(param: &str, reason: &str) -> Self {
        let info = Some((param.to_owned(), reason.to_owned()));
        Self { info, ..Self::new(StatusCode::BAD_REQUEST, INVALID_PARAM) }
    }

    pub(super) fn credential_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, CREDENTIAL_REQUIRED)
    }

    pub(super) fn authentication_failed() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED)
    }

    /// The seconds to wait are told.
    pub(super) fn too_often(retry_after: u64) -> Self {
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMIT_EXCEEDED) }
    }

    pub(super) fn too_many_webhooks() -> Self {
        Self::new(StatusCode::BAD_REQUEST, TOO_MANY_WEBHOOKS)
    }

    /// Each route has an id of its own for it.
    pub(super) fn no_such_webhook(id: &'static str) -> Self {
        let known = Known { code: "NO_SUCH_WEBHOOK", id, message: "You have no such webhook." };
        Self::new(StatusCode::BAD_REQUEST, known)
    }

    pub(super) fn code(&self) -> &'static str {
        self.known.code
    }

    pub(super) fn to_json(&self) -> Value {
        let Known { code, id, message } = self.known;
        let kind = if self.status.is_server_error() { "server" } else { "client" };
        let mut error = json!({ "message": message, "code": code, "id": id, "kind": kind });
        if let Some((param, reason)) = &self.info {
            error["info"] = json!({ "param": param, "reason": reason });
        }
        json!({ "error": error })
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let status = problem.status();
        let (param, reason) = problem.first_error();
        match status {
            StatusCode::FORBIDDEN => Self::new(status, ACCESS_DENIED),
            StatusCode::UNPROCESSABLE_ENTITY => Self::invalid_param(param, reason),
            // A body that can't be read: Misskey's status says less than ours.
            _ if status.is_client_error() && status != StatusCode::CONFLICT => {
                Self { status, ..Self::invalid_param(param, reason) }
            }
            _ => {
                let status =
                    if status.is_server_error() { status } else { StatusCode::INTERNAL_SERVER_ERROR };
                Self { retry_after: problem.retry_after(), ..Self::new(status, INTERNAL_ERROR) }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_by_an_error_that_clients_know() {
        let told = |problem: Problem| {
            let error = ApiError::from(problem);
            let json = error.to_json();
            let text = |key: &str| json["error"][key].as_str().unwrap_or_default().to_owned();
            (error.status.as_u16(), text("code"), text("kind"))
        };
        let expected = |status, code: &str, kind: &str| (status, code.to_owned(), kind.to_owned());
        let of = |status| Problem::new(status, "x");
        assert_eq!(told(Problem::of_field("url", "is bad")), expected(400, "INVALID_PARAM", "client"));
        assert_eq!(told(of(StatusCode::BAD_REQUEST)), expected(400, "INVALID_PARAM", "client"));
        assert_eq!(told(of(StatusCode::PAYLOAD_TOO_LARGE)), expected(413, "INVALID_PARAM", "client"));
        assert_eq!(told(of(StatusCode::FORBIDDEN)), expected(403, "ACCESS_DENIED", "client"));
        assert_eq!(told(of(StatusCode::CONFLICT)), expected(500, "INTERNAL_ERROR", "server"));
        assert_eq!(told(of(StatusCode::SERVICE_UNAVAILABLE)), expected(503, "INTERNAL_ERROR", "server"));
    }

    #[test]
    fn a_refused_parameter_is_named_with_its_rule() {
        let error = ApiError::from(Problem::of_field("url", "is bad")).to_json();
        assert_eq!(error["error"]["info"], json!({ "param": "url", "reason": "is bad" }));
    }
}
