//! What comes on a connection, read by hand: as little or as slowly as a script says. Owns the socket of one connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::value::header;

/// Largest head that is read.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Bytes read at a time.
const PIECE: usize = 16 * 1024;

/// How long the rest is read of a connection that was closed in order: closing with bytes unread would be a reset.
const MAX_LINGER: Duration = Duration::from_secs(2);

/// Between two looks whether the other side is still there, while nothing is read.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Wire {
    stream: TcpStream,
    /// Read, but not yet taken.
    buffer: Vec<u8>,
    /// Bytes of the request's body that weren't taken yet.
    body_left: u64,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Only slower where it can't be set.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::new(), body_left: 0 }
    }

    /// Reads a head; `None` when the other side has closed before it was complete.
    pub(super) async fn head(&mut self) -> io::Result<Option<(String, u64)>> {
        let length = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.buffer.drain(..length).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        // A body in chunks isn't waited for: the worker knows the length of what it sends.
        self.body_left = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        Ok(Some((head, self.body_left)))
    }

    /// Reads the body of the latest head and forgets it; whether it came whole.
    pub(super) async fn rest(&mut self) -> io::Result<bool> {
        loop {
            let taken = self.buffer.len().min(usize::try_from(self.body_left).unwrap_or(usize::MAX));
            self.buffer.drain(..taken);
            self.body_left -= taken as u64;
            if self.body_left == 0 {
                return Ok(true);
            }
            if self.read_more().await? == 0 {
                return Ok(false);
            }
        }
    }

    /// Reads so many bytes and forgets them; whether they came.
    pub(super) async fn bytes(&mut self, count: usize) -> io::Result<bool> {
        while self.buffer.len() < count {
            if self.read_more().await? == 0 {
                return Ok(false);
            }
        }
        self.buffer.drain(..count);
        Ok(true)
    }

    /// Whether something comes within this time, or the other side closes.
    pub(super) async fn comes_within(&mut self, wait: Duration) -> io::Result<Comes> {
        if !self.buffer.is_empty() {
            return Ok(Comes::Bytes);
        }
        match timeout(wait, self.read_more()).await {
            Err(_) => Ok(Comes::Nothing),
            Ok(read) => Ok(if read? == 0 { Comes::End } else { Comes::Bytes }),
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits until the other side is gone, without reading anything.
    pub(super) async fn gone(&self) -> io::Result<()> {
        loop {
            let ready = self.stream.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_read_closed() || ready.is_error() {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    /// Closes this side's half.
    pub(super) async fn close_half(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes in order.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.close_half().await?;
        let rest = async {
            while self.read_more().await? > 0 {
                self.buffer.clear();
            }
            Ok(())
        };
        timeout(MAX_LINGER, rest).await.unwrap_or(Ok(()))
    }

    /// Closes by a reset.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(PIECE);
        (&mut self.stream).take(PIECE as u64).read_buf(&mut self.buffer).await
    }
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comes {
    Bytes,
    End,
    Nothing,
}
