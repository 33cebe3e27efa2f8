//! HTTP/1.1 as bytes on a socket, read by hand so that nothing is tidied up before it is recorded.

use std::future::Future;
use std::io;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::Request;

/// Largest head that is read: more than a thousand headers of an ordinary size.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// Largest body that is read: well beyond the largest job that a worker takes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// One connection of a receiver.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// Read, but not yet part of a request.
    buffer: Vec<u8>,
}

impl Wire {
    /// Reads and writes this stream.
    pub fn new(stream: TcpStream) -> Self {
        // Only slower where it can't be set.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::new() }
    }

    /// The next whole request; `None` when the other side has closed between two.
    pub async fn next_request(&mut self) -> io::Result<Option<Request>> {
        let head_length = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(malformed());
            }
            if self.read_more().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let head: Vec<u8> = self.buffer.drain(..head_length).collect();
        let mut request = parse_head(&head).ok_or_else(malformed)?;
        request.body = self.read_body(body_length(&request).ok_or_else(malformed)?).await?;
        (request.at, request.at_ms) = (Instant::now(), now_ms());
        Ok(Some(request))
    }

    /// Sends all of it; whether that went well.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The result of `event`, unless the other side closes before.
    pub async fn unless_closed<T>(&mut self, event: impl Future<Output = T>) -> Option<T> {
        let mut event = std::pin::pin!(event);
        loop {
            tokio::select! {
                result = &mut event => return Some(result),
                read = self.stream.read_buf(&mut self.buffer) => {
                    // What comes meanwhile belongs to a later request.
                    if !matches!(read, Ok(1..)) || self.buffer.len() > MAX_BODY_BYTES {
                        return None;
                    }
                }
            }
        }
    }

    /// Makes the coming close a reset instead of an orderly end.
    pub fn reset(&self) {
        self.stream.set_zero_linger().expect("an open socket takes the option");
    }

    async fn read_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(16 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn parse_head(head: &[u8]) -> Option<Request> {
    let mut lines = head
        .strip_suffix(b"\r\n\r\n")?
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.map(parse_header).collect::<Option<_>>()?;
    Some(Request { method, target, headers, body: Vec::new(), at: Instant::now(), at_ms: 0 })
}

fn parse_header(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok()?.to_owned();
    Some((name, line[colon + 1..].trim_ascii().to_vec()))
}

/// `None` where it isn't told by a length within bounds. A worker knows the length of what it sends.
fn body_length(request: &Request) -> Option<usize> {
    if request.header("transfer-encoding").is_some() {
        return None;
    }
    let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok());
    length.filter(|length| *length <= MAX_BODY_BYTES)
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
