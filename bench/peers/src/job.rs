//! The job as Misskey stores it, and the body that is sent of it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What the queue holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    #[serde(default)]
    pub(crate) to: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Kept as it came: it is only passed on.
    pub(crate) content: Box<RawValue>,
    pub(crate) webhook_id: String,
    pub(crate) user_id: String,
    pub(crate) secret: String,
    pub(crate) created_at: u64,
    pub(crate) event_id: String,
}

/// What the receiver gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    server: &'a str,
    hook_id: &'a str,
    user_id: &'a str,
    event_id: &'a str,
    created_at: u64,
    r#type: &'a str,
    body: &'a RawValue,
}

impl Job {
    /// The request's body.
    pub(crate) fn body(&self, server: &str) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Envelope {
            server,
            hook_id: &self.webhook_id,
            user_id: &self.user_id,
            event_id: &self.event_id,
            created_at: self.created_at,
            r#type: &self.kind,
            body: &self.content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_misskeys_envelope_around_the_content_as_it_came() -> serde_json::Result<()> {
        let stored = r#"{"type":"note","content":{"b":1,"a": 2},"webhookId":"w","userId":"u","secret":"s","createdAt":7,"eventId":"e"}"#;
        let body = serde_json::from_str::<Job>(stored)?.body("http://x")?;
        let expected = r#"{"server":"http://x","hookId":"w","userId":"u","eventId":"e","createdAt":7,"type":"note","body":{"b":1,"a": 2}}"#;
        assert_eq!(String::from_utf8_lossy(&body), expected);
        Ok(())
    }
}
