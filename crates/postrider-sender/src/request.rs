//! What one attempt sends.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Full;
use postrider_core::endpoint::Endpoint;

use crate::loan::Loan;

/// One POST. `Debug` shows neither path nor headers nor body, since all three hold secrets.
#[derive(Clone)]
pub struct Request {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// All headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// Sent byte for byte.
    pub body: Bytes,
    /// From DNS to the last byte read.
    pub timeout: Duration,
}

impl Request {
    /// The same, and what tells when nothing of it is left with the HTTP client.
    pub(crate) fn lend(self) -> (Self, Loan) {
        let (body, loan) = Loan::of(self.body);
        (Self { body, ..self }, loan)
    }

    /// The message for the HTTP client; the original stays for a resend.
    pub(crate) fn to_message(&self) -> http::Request<Full<Bytes>> {
        let mut message = http::Request::new(Full::new(self.body.clone()));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = self.endpoint.uri().clone();
        *message.headers_mut() = self.headers.clone();
        if self.body.is_empty() {
            // The client says nothing of a body that isn't there, and some servers insist (RFC 9110, section 8.6).
            message.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        message
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
