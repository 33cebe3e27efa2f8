//! A receiver that tells everything that it was told: in the status line, the headers and the body.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use postrider_tests::receiver::behaviour::Behaviour;

/// How the body writes the texts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Raw,
    Json,
    /// Every character as `\u0041`.
    Escaped,
    Percent,
    Base64,
    Hex,
    Html,
    /// Every character as `&#65;`.
    Decimal,
    /// JSON in a text of JSON.
    JsonTwice,
}

impl Form {
    pub(super) const ALL: [Self; 9] = [
        Self::Raw,
        Self::Json,
        Self::Escaped,
        Self::Percent,
        Self::Base64,
        Self::Hex,
        Self::Html,
        Self::Decimal,
        Self::JsonTwice,
    ];

    fn write(self, text: &str) -> String {
        let each = |write: fn(u8) -> String| text.bytes().map(write).collect();
        match self {
            Self::Raw => text.to_owned(),
            Self::Json => serde_json::Value::from(text).to_string().replace('/', "\\/"),
            Self::Escaped => each(|byte| format!("\\u{byte:04x}")),
            Self::Percent => each(|byte| format!("%{byte:02X}")),
            Self::Base64 => BASE64_STANDARD.encode(format!("x{text}")),
            Self::Hex => each(|byte| format!("{byte:02x}")),
            Self::Decimal => each(|byte| format!("&#{byte};")),
            Self::JsonTwice => Self::Json.write(&Self::Json.write(text)),
            Self::Html => {
                let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                escaped.replace('"', "&quot;").replace('\'', "&#39;")
            }
        }
    }
}

/// All of the texts, wherever an answer can hold them.
pub(super) fn echo(status: u16, form: Form, texts: &[&str]) -> Behaviour {
    let line = texts.join(" ");
    let body = texts.iter().map(|text| form.write(text)).collect::<Vec<_>>().join("\n");
    let length = body.len();
    Behaviour::Raw(
        format!(
            "HTTP/1.1 {status} {line}\r\nX-Echo: {line}\r\nLocation: http://127.0.0.1:1/{line}\r\nSet-Cookie: a={line}\r\n\
             Retry-After: {line}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// These bytes, whatever they are.
pub(super) fn raw(answer: &str) -> Behaviour {
    Behaviour::Raw(answer.as_bytes().to_vec())
}
