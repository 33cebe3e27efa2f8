//! What a script sends: bytes that are written down shorter than they are, or known only while it is played.

use std::time::Duration;

use postrider_core::time::Timestamp;
use serde::Deserialize;

use super::http_date::{self, Form};

/// Bytes to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Value {
    /// A text: in Latin-1 where it fits, else in UTF-8.
    Text(String),
    /// Bytes, two hex digits each.
    Hex { hex: HexBytes },
    /// A text many times over.
    Repeat { repeat: String, times: usize },
    /// Several in a row.
    Concat { concat: Vec<Value> },
    /// A date, so many seconds from now.
    HttpDate { http_date: i64, form: Form },
    /// The URL of a listener that must see no connection.
    Trap { trap: String },
    /// The URL of this receiver.
    Own {
        #[serde(rename = "self")]
        path: String,
    },
    /// An answer whose body is that header of the request.
    EchoHeader { echo_header: String, status: String },
}

/// What values need to know.
pub(super) struct Context<'a> {
    /// The URL of this receiver, without a path.
    pub(super) own_url: &'a str,
    /// The URL of the trap, without a path.
    pub(super) trap_url: &'a str,
    /// The head of the latest request.
    pub(super) head: &'a str,
    /// The present time.
    pub(super) now: Timestamp,
}

impl Value {
    /// Its bytes.
    pub(super) fn resolve(&self, context: &Context<'_>) -> Vec<u8> {
        match self {
            Self::Text(text) => encoded(text),
            Self::Hex { hex } => hex.0.clone(),
            Self::Repeat { repeat, times } => encoded(repeat).repeat(*times),
            Self::Concat { concat } => concat.iter().flat_map(|part| part.resolve(context)).collect(),
            Self::HttpDate { http_date, form } => {
                http_date::format(moved(context.now, *http_date), *form).into_bytes()
            }
            Self::Trap { trap } => format!("{}{trap}", context.trap_url).into_bytes(),
            Self::Own { path } => format!("{}{path}", context.own_url).into_bytes(),
            Self::EchoHeader { echo_header, status } => {
                let body = header(context.head, echo_header).unwrap_or_default();
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
            }
        }
    }

    /// Whether it is, or holds, the URL of a trap.
    pub(super) fn has_trap(&self) -> bool {
        match self {
            Self::Trap { .. } => true,
            Self::Concat { concat } => concat.iter().any(Self::has_trap),
            _ => false,
        }
    }
}

/// The value of a header in the text of a head, whatever the case of its name.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn encoded(text: &str) -> Vec<u8> {
    let latin1: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    latin1.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn moved(now: Timestamp, seconds: i64) -> Timestamp {
    let distance = Duration::from_secs(seconds.unsigned_abs()).as_millis() as u64;
    let now = now.as_millis();
    let then = if seconds < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) };
    Timestamp::from_millis(then)
}

/// Bytes written as hex digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HexBytes(Vec<u8>);

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
        let context = Context {
            own_url: "http://own",
            trap_url: "http://trap",
            head: "POST / HTTP/1.1\r\nX-Key: abc \r\n\r\n",
            now: Timestamp::from_millis(784_111_777_000),
        };
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(value.resolve(&context), bytes, "{json}");
    }

    #[test]
    fn each_form_becomes_its_bytes() {
        check(r#""\u00e9""#, b"\xe9");
        check(r#""\u20ac\u00e9""#, "€é".as_bytes());
        check(r#"{"hex":"61ff"}"#, b"a\xff");
        check(r#"{"repeat":"ab","times":2}"#, b"abab");
        check(r#"{"concat":["a",{"trap":"/x"},{"self":"/y"}]}"#, b"ahttp://trap/xhttp://own/y");
        check(r#"{"http_date":-60,"form":"imf"}"#, b"Sun, 06 Nov 1994 08:48:37 GMT");
        check(
            r#"{"echo_header":"x-key","status":"500 X"}"#,
            b"HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nabc",
        );
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for unknown in [r#"{"hex":"6"}"#, r#"{"hex":"zz"}"#, r#"{"repeat":"a"}"#, r#"{"trap":"/","more":1}"#]
        {
            assert!(serde_json::from_str::<Value>(unknown).is_err(), "{unknown}");
        }
    }
}
