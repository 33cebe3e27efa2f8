//! One recorded request, byte for byte.

use std::time::Instant;

use serde_json::Value;

/// What arrived, and when.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names and values as sent, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// When the last byte was read.
    pub at: Instant,
    /// The same, epoch milliseconds.
    pub at_ms: u64,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The values of a header, whatever the case of its name.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The first value of a header as text; `None` where there is none or it isn't UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.values(name).first()?).ok()
    }

    /// The body as JSON, keys in the order sent; `Null` for anything else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The id that receivers de-duplicate by, in whichever profile it was sent.
    pub fn event_id(&self) -> Option<String> {
        let from_header = self.header("webhook-id").or_else(|| self.header("ce-id")).map(str::to_owned);
        from_header.or_else(|| self.json().get("eventId")?.as_str().map(str::to_owned))
    }

    /// `Postrider-Attempt`; 0 where it is missing.
    pub fn attempt(&self) -> u32 {
        self.header("postrider-attempt").and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}
