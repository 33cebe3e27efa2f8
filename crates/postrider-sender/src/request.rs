//! What one attempt sends.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Full;
use postrider_core::endpoint::Endpoint;

use crate::loan::Loan;

/// Bytes of a body that the buffer of a connection takes whole, whatever its receiver does: half of the least that systems give.
const MAX_TAKEN_AT_ONCE: usize = 8 * 1024;

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
    /// The same, and what tells when nothing of it is left with the HTTP client: where that may take longer than the answer.
    pub(crate) fn lend(self) -> (Self, Option<Loan>) {
        // Over HTTP/2 a receiver may leave any body untaken; else the system's buffer takes a small one at once.
        if self.endpoint.uri().scheme() != Some(&Scheme::HTTPS) && self.body.len() <= MAX_TAKEN_AT_ONCE {
            return (self, None);
        }
        let (body, loan) = Loan::of(self.body);
        (Self { body, ..self }, Some(loan))
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
