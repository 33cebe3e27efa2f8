//! Requests out of bytes. Knows no more of HTTP/1.1 than the senders here use: a path, and a body of stated length.

use std::io;

use super::book::Goal;

/// Largest request that is read, head and body: a benchmark's is about 1.5 KB.
pub(crate) const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// What is done with a request: its path, `/<word>` or `/<word>/<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/ok`: accepted.
    Plain,
    /// `/at/<epoch µs>`: accepted; how long ago that was is a sample.
    SentAt(u64),
    /// `/refused-once/<number>`: the first of a number gets a 500; how long after it the next comes is a sample.
    RefusedOnce(u64),
    /// `/held-once/<number>`: the first of a number gets no answer.
    HeldOnce(u64),
    /// `/hang`: no answer, ever.
    Hang,
    /// `/delivered/<count>` and `/held/<count>`: tells what was seen once there were so many.
    Await(Goal),
}

impl Route {
    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.splitn(2, '/');
        let word = parts.next()?;
        let mut number = || parts.next()?.parse().ok();
        match word {
            "ok" => Some(Self::Plain),
            "hang" => Some(Self::Hang),
            "at" => number().map(Self::SentAt),
            "refused-once" => number().map(Self::RefusedOnce),
            "held-once" => number().map(Self::HeldOnce),
            "delivered" => number().map(|count| Self::Await(Goal::Delivered(count))),
            "held" => number().map(|count| Self::Await(Goal::Held(count))),
            _ => None,
        }
    }
}

/// The first whole request in `unread` and its length; `None` while it isn't complete.
///
/// # Errors
/// It is none that the receiver understands, or too large.
pub(crate) fn parse(unread: &[u8]) -> io::Result<Option<(Route, usize)>> {
    if unread.len() > MAX_REQUEST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let (route, body) = read_head(&unread[..end]).ok_or(io::ErrorKind::InvalidData)?;
    let length = (end + 4).saturating_add(body);
    Ok((unread.len() >= length).then_some((route, length)))
}

/// Where it goes and how long its body is.
fn read_head(head: &[u8]) -> Option<(Route, usize)> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let route = Route::parse(lines.next()?.split(' ').nth(1)?)?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value.trim())
    });
    let body = length.map_or(Some(0), |length| length.parse().ok())?;
    Some((route, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unread: &str, expected: Option<(Route, usize)>) {
        assert_eq!(parse(unread.as_bytes()).unwrap(), expected, "{unread:?}");
    }

    #[test]
    fn a_request_counts_when_its_body_is_complete() {
        let whole = "POST /ok HTTP/1.1\r\nHost: a\r\ncontent-length: 3\r\n\r\nabc";
        check(whole, Some((Route::Plain, whole.len())));
        check(&whole[..whole.len() - 1], None);
        check(&whole[..20], None);
        check(&format!("{whole}POST"), Some((Route::Plain, whole.len())));
    }

    #[test]
    fn the_path_says_what_to_do() {
        check("GET /at/17 HTTP/1.1\r\n\r\n", Some((Route::SentAt(17), 23)));
        check("GET /held/5 HTTP/1.1\r\n\r\n", Some((Route::Await(Goal::Held(5)), 24)));
        check("GET /refused-once/5 HTTP/1.1\r\n\r\n", Some((Route::RefusedOnce(5), 32)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "POST /else HTTP/1.1\r\n\r\n",
            "POST /at/x HTTP/1.1\r\n\r\n",
            "nonsense\r\n\r\n",
            "POST /ok HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(parse(&vec![b'a'; MAX_REQUEST_BYTES + 1]).is_err());
    }
}
