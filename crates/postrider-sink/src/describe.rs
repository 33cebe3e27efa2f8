//! A request in a line or two for a terminal. Owns making foreign text harmless; never prints and never shows a secret.

use std::borrow::Cow;
use std::fmt::Write;

use postrider_core::time::Timestamp;

use crate::proof::Proof;
use crate::received::{Envelope, Received};

/// Longest shown part of a path, an id or a type, in characters: ids of up to 128 are shown whole.
pub(crate) const MAX_SHOWN_WORD: usize = 128;

/// Longest shown part of a body, in characters: about two lines of a terminal.
const MAX_SHOWN_BODY: usize = 160;

/// Tells of a request: time (UTC), status, method and path, type, ids, attempt, proof and size; below it the start of the body.
///
/// Control characters and those that reorder or hide text are escaped, so that no terminal obeys them.
pub fn describe(received: &Received) -> String {
    let mut line = head(received);
    for (label, value) in labels(received) {
        let _ = write!(line, " {label}={}", visible(&value, MAX_SHOWN_WORD));
    }
    let _ = write!(line, " {} {} B", proof_in_words(&received.proof), received.body.len());
    if !received.body.is_empty() {
        let _ = write!(line, "\n  {}", visible(&String::from_utf8_lossy(&received.body), MAX_SHOWN_BODY));
    }
    line
}

fn head(received: &Received) -> String {
    let clock = clock(received.at);
    let method = visible(&received.method, MAX_SHOWN_WORD);
    let path = visible(&received.path, MAX_SHOWN_WORD);
    format!("{clock} {} {method} {path}", received.status_sent)
}

/// The time of day in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    let at = at.to_rfc3339();
    at.get(11..23).unwrap_or(&at).to_owned()
}

/// What a request says of itself, as far as it does: `type`, `hook`, `event`, `attempt`.
pub fn labels(received: &Received) -> Vec<(&'static str, Cow<'_, str>)> {
    let envelope = Envelope::read(&received.body);
    let header = |name| received.header(name).map(Cow::Borrowed);
    let found = [
        ("type", header("ce-type").or(envelope.kind)),
        ("hook", received.prefixed_header("-hook-id").map(Cow::Borrowed)),
        ("event", header("webhook-id").or_else(|| header("ce-id")).or(envelope.event_id)),
        ("attempt", header("postrider-attempt")),
    ];
    found.into_iter().filter_map(|(label, value)| value.map(|value| (label, value))).collect()
}

/// What a request proves, in words.
pub fn proof_in_words(proof: &Proof) -> Cow<'static, str> {
    match proof {
        Proof::None => "no proof".into(),
        Proof::SecretMatches => "secret matches".into(),
        Proof::SecretDiffers => "SECRET DIFFERS".into(),
        Proof::SignatureValid => "signature valid".into(),
        Proof::SignatureInvalid(reason) => format!("SIGNATURE INVALID ({reason})").into(),
    }
}

/// The first `max` characters of a foreign text with everything escaped that a terminal might obey.
pub fn visible(text: &str, max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max));
    let mut chars = text.chars();
    for char in chars.by_ref().take(max) {
        if is_harmless(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_default());
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a character only shows itself: no control character, nothing invisible that reorders or separates text.
fn is_harmless(char: char) -> bool {
    let hides = matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !char.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn received(headers: &[(&str, &str)], body: &'static [u8]) -> Received {
        Received {
            at: Timestamp::from_millis(1_764_324_000_123),
            method: "POST".into(),
            path: "/in".into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: Bytes::from_static(body),
            status_sent: 200,
            proof: Proof::SecretMatches,
        }
    }

    #[test]
    fn a_misskey_request_is_told_in_two_lines() {
        let headers = [("x-misskey-hook-id", "9abc"), ("postrider-attempt", "2")];
        let told = describe(&received(&headers, br#"{"eventId":"e1","type":"note","body":{}}"#));
        assert_eq!(
            told,
            "10:00:00.123 200 POST /in type=note hook=9abc event=e1 attempt=2 secret matches 40 B\n  \
             {\"eventId\":\"e1\",\"type\":\"note\",\"body\":{}}"
        );
    }

    #[test]
    fn no_secret_is_ever_told() {
        let headers = [("x-misskey-hook-secret", "canary-4711"), ("authorization", "Bearer canary-4711")];
        assert!(!describe(&received(&headers, b"{}")).contains("4711"));
    }

    #[test]
    fn no_terminal_escape_of_a_request_gets_through() {
        let mut hostile = received(
            &[("postrider-attempt", "\u{9b}31m"), ("ce-type", "a\rb")],
            b"\x1b]0;owned\x07\xff\xe2\x80\xae",
        );
        hostile.path = "/\u{1b}[2J".into();
        let told = describe(&hostile);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().flat_map(|line| line.chars()).all(is_harmless), "{told:?}");
        assert!(told.contains("\\u{1b}[2J") && told.contains("\\u{202e}"), "{told}");
    }

    #[test]
    fn long_bodies_are_cut_and_said_to_be() {
        let told = visible(&"ね".repeat(500), MAX_SHOWN_BODY);
        assert_eq!(told.chars().count(), MAX_SHOWN_BODY + 1);
        assert!(told.ends_with('…'));
    }
}
