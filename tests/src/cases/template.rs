//! Values that are written down shorter than they are, or known only when a case runs.

use serde::Deserialize;

/// A name or value of an entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Template {
    /// Itself.
    Text(String),
    /// Bytes, two hex digits each.
    Hex {
        /// The digits.
        hex: HexBytes,
    },
    /// A text many times over.
    Repeat {
        /// The text.
        repeat: String,
        /// How often.
        times: usize,
    },
    /// Several in a row.
    Concat {
        /// The parts.
        concat: Vec<Template>,
    },
    /// The URL of a receiver that always answers this status.
    Receiver {
        /// The status.
        receiver: u16,
    },
    /// The present time in epoch milliseconds, plus this.
    Now {
        /// What is added.
        now_ms: i64,
    },
}

/// What templates need to know of the run.
pub struct Context<'a> {
    /// The URL of the receiver that always answers this status.
    pub receiver: &'a dyn Fn(u16) -> String,
    /// The present time, epoch milliseconds.
    pub now_ms: i64,
}

impl Template {
    /// Its bytes.
    pub fn resolve(&self, context: &Context<'_>) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex { hex } => hex.0.clone(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Concat { concat } => concat.iter().flat_map(|part| part.resolve(context)).collect(),
            Self::Receiver { receiver } => (context.receiver)(*receiver).into_bytes(),
            Self::Now { now_ms } => (context.now_ms + now_ms).to_string().into_bytes(),
        }
    }
}

/// Bytes written as hex digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct HexBytes(Vec<u8>);

impl TryFrom<String> for HexBytes {
    type Error = String;

    fn try_from(digits: String) -> Result<Self, String> {
        let pair = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = (0..digits.len()).step_by(2).map(pair).collect::<Option<_>>();
        bytes.map(Self).ok_or_else(|| format!("not hex: {digits:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, bytes: &[u8]) {
        let receiver = |status| format!("http://receiver/{status}");
        let context = Context { receiver: &receiver, now_ms: 1000 };
        let template: Template = serde_json::from_str(json).unwrap();
        assert_eq!(template.resolve(&context), bytes, "{json}");
    }

    #[test]
    fn each_form_becomes_its_bytes() {
        check(r#""\u00e9""#, "é".as_bytes());
        check(r#"{"hex":"61ff"}"#, b"a\xff");
        check(r#"{"repeat":"ab","times":2}"#, b"abab");
        check(r#"{"concat":["a",{"receiver":200},{"repeat":"b","times":3}]}"#, b"ahttp://receiver/200bbb");
        check(r#"{"now_ms":-1}"#, b"999");
    }

    #[test]
    fn broken_hex_is_refused() {
        for broken in [r#"{"hex":"6"}"#, r#"{"hex":"zz"}"#] {
            assert!(serde_json::from_str::<Template>(broken).is_err(), "{broken}");
        }
    }
}
