//! Answers by the rules: their status decides, and nothing else.

use std::time::Duration;

use postrider_core::outcome::{NoAnswer, Outcome};
use proptest::prelude::*;

use super::damaged::in_pieces;
use super::{Ending, Script, attempt, config};

/// An answer by the rules, and what it comes to.
#[derive(Clone, Debug)]
struct Sound {
    status: u16,
    retry_after: Option<u64>,
    /// What is said of the body, and the body as it is sent.
    framing: String,
    sent: Vec<u8>,
    body: Vec<u8>,
    /// All before the framing.
    head: String,
}

fn any_body() -> impl Strategy<Value = (String, Vec<u8>, Vec<u8>)> {
    let short = prop::collection::vec(any::<u8>(), 0..40);
    let body = (short, prop_oneof![Just(1), 1..200_usize]).prop_map(|(part, times)| part.repeat(times));
    (body, 0..3_u8, 1..50_usize, "(;[a-z]=[a-z0-9]{1,9})?", "(X-Trailer: [a-z]{1,9}\r\n)?").prop_map(
        |(body, framing, size, extension, trailer)| match framing {
            0 => (format!("Content-Length: {}\r\n", body.len()), body.clone(), body),
            1 => ("Transfer-Encoding: chunked\r\n".into(), chunked(&body, size, &extension, &trailer), body),
            _ => (String::new(), body.clone(), body),
        },
    )
}

fn chunked(body: &[u8], size: usize, extension: &str, trailer: &str) -> Vec<u8> {
    let chunk = |data: &[u8]| [format!("{:x}{extension}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
    let chunks: Vec<u8> = body.chunks(size).flat_map(chunk).collect();
    [&chunks, format!("0\r\n{trailer}\r\n").as_bytes()].concat()
}

fn any_sound() -> impl Strategy<Value = Sound> {
    let interim = "(HTTP/1\\.1 10[0234] [A-Z][a-z]{0,9}\r\n(Link: [a-z]{1,20}\r\n)?\r\n){0,2}";
    let status = prop_oneof![
        4 => 200..=999_u16,
        1 => prop::sample::select(vec![101, 200, 204, 299, 301, 304, 408, 410, 425, 429, 503]),
    ];
    let lines = "([A-Z][a-z-]{0,12}x:[ \t]{0,2}[!-~]{0,30}[ \t]{0,2}\r\n){0,12}";
    let named = prop::sample::select(vec!["Retry-After", "retry-after", "RETRY-AFTER"]);
    let retry_after = prop::option::of((named, 0..u64::MAX));
    (interim, prop::bool::ANY, status, "( [ -~]{0,20})?", lines, retry_after, any_body()).prop_map(
        |(interim, is_old, status, reason, lines, retry_after, (framing, sent, body))| {
            // Chunks are unknown to the old version: there they are a faulty framing (RFC 9112, section 6.1).
            let version = if is_old && !framing.starts_with("Transfer") { "1.0" } else { "1.1" };
            let wait = retry_after.map_or_else(String::new, |(name, wait)| format!("{name}: {wait}\r\n"));
            let head = format!("{interim}HTTP/{version} {status}{reason}\r\n{lines}{wait}");
            Sound { status, retry_after: retry_after.map(|(_, wait)| wait), framing, sent, body, head }
        },
    )
}

impl Sound {
    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), self.framing.as_bytes(), b"\r\n", &self.sent].concat()
    }

    fn outcome(&self) -> Outcome {
        Outcome::of_answer(self.status, self.retry_after.map(Duration::from_secs))
    }

    /// Whether what follows the head is a body.
    fn has_body(&self) -> bool {
        !matches!(self.status, 101 | 204 | 304)
    }
}

/// Sent in any pieces, then closed.
fn any_sound_script() -> impl Strategy<Value = (Sound, Script)> {
    let script = |sound: Sound| {
        let script = in_pieces(sound.bytes()).prop_map(|script| Script { ending: Ending::Close, ..script });
        (Just(sound), script)
    };
    any_sound().prop_flat_map(script)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_status_decides_and_the_body_is_kept_for_any_sound_answer((sound, script) in any_sound_script()) {
        let attempt = attempt(&script);
        prop_assert_eq!(&attempt.outcome, &sound.outcome());
        match &attempt.response {
            None => prop_assert!((200..300).contains(&sound.status)),
            Some(kept) if sound.has_body() => {
                prop_assert_eq!(kept, &sound.body[..sound.body.len().min(1536)]);
            }
            Some(_) => {}
        }
    }

    #[test]
    fn nothing_but_the_whole_head_decides_for_any_cut(sound in any_sound(), cut in any::<prop::sample::Index>()) {
        let head = [sound.head.as_bytes(), sound.framing.as_bytes(), b"\r\n"].concat();
        let end = cut.index(head.len());
        let script = Script { pieces: vec![head[..end].to_vec()], ending: Ending::Close };
        prop_assert_eq!(attempt(&script).outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
    }

    #[test]
    fn what_the_body_then_does_changes_nothing_for_any_sound_answer(
        sound in any_sound(),
        rest in prop::collection::vec(any::<u8>(), 0..60),
        ending in prop::sample::select(vec![Ending::Close, Ending::Reset]),
    ) {
        let head = [sound.head.as_bytes(), sound.framing.as_bytes(), b"\r\n"].concat();
        // The head alone first: a reset may overtake what wasn't read yet.
        let ending = if sound.sent.is_empty() { Ending::Close } else { ending };
        let script = Script { pieces: vec![head, rest], ending };
        let outcome = attempt(&script).outcome;
        let overtaken = Outcome::NoAnswer { cause: NoAnswer::Closed };
        let may_be_overtaken = matches!(ending, Ending::Reset);
        prop_assert!(outcome == sound.outcome() || (may_be_overtaken && outcome == overtaken), "{:?}", outcome);
    }
}

/// Found by the tests above: of such an answer nobody can say where it ends.
#[test]
fn chunks_in_the_old_version_are_no_http() {
    let answer = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec();
    let script = Script { pieces: vec![answer], ending: Ending::Close };
    assert_eq!(attempt(&script).outcome, Outcome::NoAnswer { cause: NoAnswer::Malformed });
}
