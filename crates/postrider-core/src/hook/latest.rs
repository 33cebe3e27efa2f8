//! When a hook was last sent to, and what came of it: kept apart from the record, so that an attempt never races an edit.

use serde_json::{Value, json};

use crate::time::Timestamp;

/// The latest attempt for a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// When it was made.
    pub sent_at: Timestamp,
    /// Status of the answer; 0 where none came.
    pub status: u16,
}

impl Latest {
    /// Reads `{"latestSentAt":"…Z","latestStatus":200}`; `None` for anything else.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let stored: Value = serde_json::from_slice(json).ok()?;
        let sent_at = Timestamp::parse_rfc3339(stored.get("latestSentAt")?.as_str()?)?;
        let status = u16::try_from(stored.get("latestStatus")?.as_u64()?).ok()?;
        Some(Self { sent_at, status })
    }

    /// The same as JSON.
    pub fn to_json(self) -> Vec<u8> {
        let stored = json!({ "latestSentAt": self.sent_at.to_rfc3339(), "latestStatus": self.status });
        stored.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let latest = Latest { sent_at: Timestamp::from_millis(1_764_324_000_123), status: 200 };
        let json = latest.to_json();
        assert_eq!(
            String::from_utf8_lossy(&json),
            r#"{"latestSentAt":"2025-11-28T10:00:00.123Z","latestStatus":200}"#
        );
        assert_eq!(Latest::parse(&json), Some(latest));
    }

    #[test]
    fn anything_else_is_none() {
        for bad in [
            "",
            "{}",
            r#"{"latestSentAt":null,"latestStatus":null}"#,
            r#"{"latestSentAt":"soon","latestStatus":1}"#,
        ] {
            assert_eq!(Latest::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
