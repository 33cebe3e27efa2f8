//! What a proxy says to CONNECT (RFC 9110, section 9.3.6).

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::fault::ProxyFault;
use super::fault::ProxyFaultKind::Protocol;

/// Largest head of an answer to CONNECT, interim ones included; real ones have some hundred bytes.
pub(crate) const MAX_CONNECT_HEAD_BYTES: u64 = 8 * 1024;

/// The head of an answer to CONNECT, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// It has a `Proxy-Authenticate`: so a 407 is the proxy's own, and not how it refuses a destination.
    pub(crate) asks_for_credentials: bool,
}

impl Answer {
    /// Whether another one follows. None does after 101, which says that the connection speaks something else from then on
    /// (RFC 9110, section 15.2.2).
    fn is_interim(self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// Reads the head, and not a byte beyond it: those are the receiver's.
pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Answer, ProxyFault> {
    let mut lines = from.take(MAX_CONNECT_HEAD_BYTES);
    loop {
        let answer = read_head(&mut lines).await?;
        if !answer.is_interim() {
            return Ok(answer);
        }
    }
}

async fn read_head(lines: &mut (impl AsyncBufRead + Unpin)) -> Result<Answer, ProxyFault> {
    let status = status_of(&next_line(lines).await?)
        .ok_or_else(|| ProxyFault::new(Protocol, "its answer is not HTTP/1"))?;
    let mut asks_for_credentials = false;
    loop {
        let line = next_line(lines).await?;
        if line.is_empty() {
            return Ok(Answer { status, asks_for_credentials });
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        asks_for_credentials |= name.eq_ignore_ascii_case(b"proxy-authenticate");
    }
}

/// A line without its end.
async fn next_line(lines: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>, ProxyFault> {
    let mut line = Vec::new();
    let read = lines.read_until(b'\n', &mut line).await;
    read.map_err(|error| ProxyFault::of_io(Protocol, &error))?;
    match line.strip_suffix(b"\n") {
        Some(whole) => Ok(whole.strip_suffix(b"\r").unwrap_or(whole).to_vec()),
        None => Err(ProxyFault::new(Protocol, "its answer ends early or has no end")),
    }
}

fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0'..=b'9', b' ', status @ ..] = rest else { return None };
    let (digits, reason) = status.split_at_checked(3)?;
    let is_number = digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0';
    let ends = reason.first().is_none_or(|byte| *byte == b' ');
    if is_number && ends { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn check(bytes: &[u8], expected: Option<(u16, bool)>) {
        let answer = read(&mut &bytes[..]).await.ok();
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(answer.map(|answer| (answer.status, answer.asks_for_credentials)), expected, "{shown:?}");
    }

    #[tokio::test]
    async fn status_and_challenge_are_read() {
        check(b"HTTP/1.1 200 Connection established\r\n\r\n", Some((200, false))).await;
        check(b"HTTP/1.0 200\nVia: x\n\n", Some((200, false))).await;
        check(b"HTTP/1.1 407 x\r\nPROXY-authenticate: Basic\r\n\r\n", Some((407, true))).await;
        check(b"HTTP/1.1 407 Request rejected by proxy\r\n\r\n", Some((407, false))).await;
        check(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 x\r\n\r\n", Some((502, false))).await;
        check(b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 x\r\n\r\n", Some((101, false))).await;
    }

    #[tokio::test]
    async fn what_is_not_http_or_has_no_end_is_a_fault() {
        for bad in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 2000\r\n\r\n",
            b"HTTP/1.1  200\r\n\r\n",
            b"HTTP/1.1 099 x\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
            b"\x15\x03\x01\0\x02\x02F",
        ] {
            check(bad, None).await;
        }
        let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(2000), b"\r\n".to_vec()].concat();
        check(&endless, None).await;
        check(&b"HTTP/1.1 100 x\r\n\r\n".repeat(1000), None).await;
    }

    #[tokio::test]
    async fn what_follows_the_head_is_left_for_the_receiver() {
        let mut bytes = &b"HTTP/1.1 200 OK\r\n\r\nreceiver"[..];
        read(&mut bytes).await.unwrap();
        let mut rest = String::new();
        bytes.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "receiver");
    }
}
