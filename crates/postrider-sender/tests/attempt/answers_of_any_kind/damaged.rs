//! Sound answers that were damaged a little, which get further than noise does, and noise.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Ending, Script, attempt, config, is_possible};

/// Answers that are all right, or nearly.
const SOUND: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nerror\r\n3;x=y\r\n...\r\n0\r\nX-T: 1\r\n\r\n",
    "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
    "HTTP/1.1 429 Slow Down\r\nRetry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x01\x02",
    "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\u{8b}\x08",
];

const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\0",
    ":",
    " ",
    "\t",
    "HTTP/1.1 ",
    "HTTP/2 ",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length: 1, 1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Connection: close\r\n",
    "Retry-After: -1\r\n",
    " folded\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "FFFFFFFFFFFFFFFFF\r\n",
    "-1\r\n",
    ";",
    "000",
    "999",
    "99",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\u{16}\u{3}\u{1}",
    "é",
    "\u{7f}",
];

#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    CutOff(Index),
    /// A long run of one byte.
    Flood(Index, u8, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        6 => (at(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        2 => (at(), 1..8_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (at(), 1..40_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => at().prop_map(Damage::CutOff),
        1 => (at(), prop::sample::select(b"\r\n x0\xff".to_vec()), 1..100_000_usize)
            .prop_map(|(at, byte, length)| Damage::Flood(at, byte, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let place = |at: &Index| at.index(bytes.len() + 1);
    match damage {
        Damage::Replace(at, byte) => {
            let at = place(at);
            bytes.splice(at..bytes.len().min(at + 1), [*byte]);
        }
        Damage::Insert(at, piece) => {
            let at = place(at);
            bytes.splice(at..at, piece.bytes());
        }
        Damage::Remove(at, length) => {
            let at = place(at);
            bytes.drain(at..bytes.len().min(at + length));
        }
        Damage::Repeat(at, length) => {
            let at = place(at);
            let part = bytes[at..bytes.len().min(at + length)].to_vec();
            bytes.splice(at..at, part);
        }
        Damage::CutOff(at) => bytes.truncate(place(at)),
        Damage::Flood(at, byte, length) => {
            let at = place(at);
            bytes.splice(at..at, std::iter::repeat_n(*byte, *length));
        }
    }
}

/// The answer, at most so many pieces, and its end: mostly one that costs no time.
pub(super) fn in_pieces(bytes: Vec<u8>) -> impl Strategy<Value = Script> {
    let ending = prop_oneof![20 => Just(Ending::Close), 3 => Just(Ending::Reset), 1 => Just(Ending::Hold)];
    (prop::collection::vec(any::<Index>(), 0..6), ending).prop_map(move |(cuts, ending)| {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut start = 0;
        let piece = |end| bytes[std::mem::replace(&mut start, end)..end].to_vec();
        Script { pieces: ends.into_iter().map(piece).collect(), ending }
    })
}

fn any_damaged() -> impl Strategy<Value = Script> {
    let changes = prop::collection::vec(damage(), 0..5);
    (prop::sample::select(SOUND), changes).prop_flat_map(|(sound, changes): (&str, Vec<Damage>)| {
        let mut bytes = sound.as_bytes().to_vec();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        in_pieces(bytes)
    })
}

fn any_noise() -> impl Strategy<Value = Script> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"HTP/1. 205\r\n:;".to_vec())];
    prop::collection::vec(byte, 0..200).prop_flat_map(in_pieces)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_attempt_ends_in_an_outcome_of_the_list_for_any_damaged_answer(script in any_damaged()) {
        let attempt = attempt(&script);
        prop_assert!(is_possible(&attempt.outcome), "{:?}", attempt.outcome);
        prop_assert!(attempt.response.as_ref().is_none_or(|kept| kept.len() <= 1536));
        let status = attempt.outcome.status();
        if status != 0 {
            let sent = String::from_utf8_lossy(&script.pieces.concat()).into_owned();
            let said = |version: u8| sent.contains(&format!("HTTP/1.{version} {status:03}"));
            prop_assert!(said(0) || said(1), "{} out of nowhere", status);
        }
    }

    #[test]
    fn an_error_quotes_nothing_that_was_sent_for_any_damaged_answer(script in any_damaged()) {
        let attempt = attempt(&script);
        let (error, status) = (attempt.error, attempt.outcome.status());
        let words = error.replace(&status.to_string(), "");
        prop_assert!(words.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "{}", error);
    }

    #[test]
    fn the_attempt_ends_in_an_outcome_of_the_list_for_any_noise(script in any_noise()) {
        prop_assert!(is_possible(&attempt(&script).outcome));
    }
}
