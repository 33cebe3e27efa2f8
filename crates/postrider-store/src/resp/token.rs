//! RESP2, token by token, out of bytes that may end anywhere. Owns lengths and their bounds; never what a reply means.

use std::io;

use redis::RedisError;

/// Longest string that is accepted: what Redis itself accepts (`proto-max-bulk-len`).
const MAX_BULK_BYTES: u64 = 512 << 20;

/// Longest line. Lengths and numbers are short, and the longest error of Redis repeats a key or a line of a script.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Most items of one array: Redis counts the fields of an entry with 31 bits. Nothing is set aside for them in advance.
const MAX_ITEMS: u64 = i32::MAX as u64;

/// One piece of a reply; an array's items follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The start of an array of so many items.
    Array(usize),
    /// An absent string or array.
    Nil,
    /// A string: any bytes.
    Bulk(&'a [u8]),
    /// A number.
    Integer(i64),
    /// A short text, as `OK`.
    Simple(&'a [u8]),
    /// An error: its code, a space, its detail.
    Error(&'a [u8]),
}

/// What came isn't the reply that was asked for; no byte after it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl From<Malformed> for RedisError {
    fn from(malformed: Malformed) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, malformed.0).into()
    }
}

/// The token at the start of `buffer` and its length; `None`: its end hasn't come yet.
pub(super) fn first(buffer: &[u8]) -> Result<Option<(Token<'_>, usize)>, Malformed> {
    let Some((kind, rest)) = buffer.split_first() else { return Ok(None) };
    if !b"*$:+-".contains(kind) {
        return Err(Malformed("a reply starts with an unknown byte"));
    }
    let Some(line) = line(rest)? else { return Ok(None) };
    let head = 1 + line.len() + 2;
    let token = match kind {
        b'$' => return bulk(buffer, head, length(line, MAX_BULK_BYTES)?),
        b'*' => length(line, MAX_ITEMS)?.map_or(Token::Nil, Token::Array),
        b':' => Token::Integer(integer(line)?),
        b'+' => Token::Simple(line),
        _ => Token::Error(line),
    };
    Ok(Some((token, head)))
}

fn bulk(buffer: &[u8], head: usize, length: Option<usize>) -> Result<Option<(Token<'_>, usize)>, Malformed> {
    let Some(length) = length else { return Ok(Some((Token::Nil, head))) };
    let end = head + length;
    match buffer.get(end..end + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some((Token::Bulk(&buffer[head..end]), end + 2))),
        Some(_) => Err(Malformed("a string is longer than was said")),
    }
}

/// The text before the first line end.
fn line(rest: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let looked_at = &rest[..rest.len().min(MAX_LINE_BYTES)];
    match looked_at.iter().position(|byte| *byte == b'\r') {
        Some(end) => match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => Ok(Some(&rest[..end])),
            Some(_) => Err(Malformed("a line ends without a line feed")),
        },
        None if looked_at.len() < MAX_LINE_BYTES => Ok(None),
        None => Err(Malformed("a line is too long")),
    }
}

/// A length; `None` for -1, which says that there is nothing.
fn length(line: &[u8], most: u64) -> Result<Option<usize>, Malformed> {
    if line == b"-1" {
        return Ok(None);
    }
    let length = digits(line).filter(|length| *length <= most);
    let length = length.ok_or(Malformed("a length is no number, or beyond what is accepted"))?;
    usize::try_from(length).map(Some).map_err(|_| Malformed("a length is beyond what this machine can hold"))
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

fn integer(line: &[u8]) -> Result<i64, Malformed> {
    let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
    number.ok_or(Malformed("a number can't be read"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], token: Token<'_>) {
        assert_eq!(first(bytes), Ok(Some((token, bytes.len()))));
        let followed = [bytes, b":1\r\n"].concat();
        assert_eq!(first(&followed), Ok(Some((token, bytes.len()))));
        for end in 0..bytes.len() {
            assert_eq!(first(&bytes[..end]), Ok(None), "cut at {end}");
        }
    }

    #[test]
    fn every_kind_is_read_once_it_is_whole() {
        check(b"*3\r\n", Token::Array(3));
        check(b"*-1\r\n", Token::Nil);
        check(b"$-1\r\n", Token::Nil);
        check(b"$0\r\n\r\n", Token::Bulk(b""));
        check(b"$4\r\na\r\n\xff\r\n", Token::Bulk(b"a\r\n\xff"));
        check(b":-42\r\n", Token::Integer(-42));
        check(b"+OK\r\n", Token::Simple(b"OK"));
        check(b"-NOGROUP No such key\r\n", Token::Error(b"NOGROUP No such key"));
    }

    #[test]
    fn what_is_no_resp2_or_out_of_bounds_is_refused() {
        let long = [b"-".as_slice(), &[b'x'; MAX_LINE_BYTES]].concat();
        for bad in [
            b"%1\r\n".as_slice(),
            b"HTTP/1.1 400\r\n",
            b"$536870913\r\n",
            b"$-2\r\n",
            b"$\r\n",
            b"$+1\r\n",
            b"*2147483648\r\n",
            b"*99999999999999999999999\r\n",
            b":\r\n",
            b":1x\r\n",
            b"+a\rb",
            b"$1\r\nabc",
            &long,
        ] {
            assert!(first(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
        assert_eq!(first(b"$536870912\r\n"), Ok(None), "as long as Redis allows");
    }

    proptest! {
        #[test]
        fn nothing_panics_or_runs_past_the_end_for_any_bytes(
            kind in prop::sample::select(b"*$:+-x".to_vec()),
            rest in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n-0129".to_vec())], 0..40),
        ) {
            let bytes = [&[kind], rest.as_slice()].concat();
            if let Ok(Some((_, length))) = first(&bytes) {
                prop_assert!((3..=bytes.len()).contains(&length));
            }
        }
    }
}
