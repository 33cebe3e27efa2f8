//! One request as it arrived. Owns reading names and ids out of it; never judges it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use postrider_core::time::Timestamp;
use serde::Deserialize;

use crate::proof::Proof;

/// A request, and what it was answered.
#[derive(Clone)]
pub struct Received {
    /// When its body was complete, by this machine's clock.
    pub at: Timestamp,
    /// The method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// Headers in the order of arrival (those of one name together), names in lower case; bytes that aren't UTF-8 are
    /// replaced. Secrets are in clear here: print them only through [`shown_value`].
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The status that it is answered with.
    pub status_sent: u16,
    /// Whether it proves that its sender knows the secret.
    pub proof: Proof,
}

impl Received {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The first header whose name is `x-…` with this ending, whatever the prefix between is set to.
    pub fn prefixed_header(&self, ending: &str) -> Option<&str> {
        let matches = |name: &str| name.starts_with("x-") && name.ends_with(ending);
        self.headers.iter().find(|(name, _)| matches(name)).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name, shown_value(name, value))).collect();
        f.debug_struct("Received")
            .field("at", &self.at)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &headers)
            .field("body", &self.body)
            .field("status_sent", &self.status_sent)
            .field("proof", &self.proof)
            .finish()
    }
}

/// The value of a header as it may be shown: that of a secret is hidden.
pub fn shown_value<'a>(name: &str, value: &'a str) -> &'a str {
    let name = name.to_ascii_lowercase();
    let is_secret = name.ends_with("-hook-secret") || matches!(&*name, "authorization" | "cookie");
    if is_secret && !value.is_empty() { "(hidden)" } else { value }
}

/// What the body of an event says about itself, in the profiles that say it there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) event_id: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    /// Reads it; a body of another shape says nothing.
    pub(crate) fn read(body: &'a [u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// The id that the receiver de-duplicates by: a header where there is one, else the body's `eventId`.
pub(crate) fn event_id<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Option<Cow<'a, str>> {
    let from_header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(Cow::Borrowed);
    from_header("webhook-id").or_else(|| from_header("ce-id")).or_else(|| Envelope::read(body).event_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_secret() {
        let header = |name: &str| (name.to_owned(), "canary-4711".to_owned());
        let received = Received {
            at: Timestamp::default(),
            method: "POST".into(),
            path: "/".into(),
            headers: ["x-misskey-hook-secret", "authorization", "cookie"].map(header).into(),
            body: Bytes::new(),
            status_sent: 200,
            proof: Proof::None,
        };
        assert!(!format!("{received:?}").contains("4711"));
    }

    #[test]
    fn the_event_id_is_found_in_each_profile() {
        let body =
            br#"{"server":"http://x","eventId":"from\u002dbody","type":"note","body":{"eventId":"inner"}}"#;
        let mut headers = HeaderMap::new();
        assert_eq!(event_id(&headers, body).as_deref(), Some("from-body"));
        assert_eq!(event_id(&headers, b"not json"), None);
        headers.insert("ce-id", "from-ce".parse().unwrap());
        assert_eq!(event_id(&headers, body).as_deref(), Some("from-ce"));
        headers.insert("webhook-id", "from-webhook".parse().unwrap());
        assert_eq!(event_id(&headers, body).as_deref(), Some("from-webhook"));
    }
}
