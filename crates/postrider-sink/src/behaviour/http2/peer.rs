//! One HTTP/2 connection over TLS, from the receiver's side. Owns its socket and what the protocol asks of every receiver:
//! settings, window updates, answers to PING. What is answered to requests is the plays'.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frame::{Frame, Kind, read_head};
use crate::behaviour::book::{Book, Request};
use crate::behaviour::tls::{Chain, Handshake, TlsStream};

/// What a sender says first (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// Largest payload that is taken: what every sender keeps to while it isn't allowed more.
const MAX_PAYLOAD: usize = 16 * 1024;

/// Most requests of one connection that have begun and aren't whole.
const MAX_OPEN: usize = 1024;

pub(super) struct Peer {
    tls: TlsStream,
    connection: u64,
    /// Requests that aren't whole, and how much of their bodies came.
    open: BTreeMap<u32, u64>,
}

impl Peer {
    /// Shakes hands and tells these settings.
    pub(super) async fn accept(tcp: TcpStream, connection: u64, settings: &[(u16, u32)]) -> io::Result<Self> {
        // Only slower where it can't be set.
        let _ = tcp.set_nodelay(true);
        let handshake = Handshake { protocol: Some(b"h2"), ..Handshake::showing(Chain::Good) };
        let mut peer = Self { tls: handshake.accept(tcp).await?, connection, open: BTreeMap::new() };
        peer.send(&[Frame::settings(settings)]).await?;
        peer.tls.read_exact(&mut [0; PREFACE_BYTES]).await?;
        Ok(peer)
    }

    /// Waits for a whole request, and gives its stream; `None` when the sender has closed.
    pub(super) async fn next_request(&mut self, book: &Book) -> io::Result<Option<u32>> {
        while let Some(frame) = self.next_frame().await? {
            self.keep_going(&frame).await?;
            if let Some(body_bytes) = self.count(&frame)? {
                book.note_request(Request {
                    connection: self.connection,
                    head: format!("HTTP/2 stream {}", frame.stream),
                    body_bytes,
                });
                return Ok(Some(frame.stream));
            }
        }
        Ok(None)
    }

    pub(super) async fn send(&mut self, frames: &[Frame]) -> io::Result<()> {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
        self.tls.write_all(&bytes).await?;
        self.tls.flush().await
    }

    /// Sends the same bytes until the sender is gone, reading and forgetting what it sends.
    pub(super) async fn send_without_end(self, bytes: &[u8]) -> io::Result<()> {
        let (mut reading, mut writing) = tokio::io::split(self.tls);
        let flood = async {
            loop {
                writing.write_all(bytes).await?;
            }
        };
        let mut nowhere = tokio::io::sink();
        tokio::select! {
            flooded = flood => flooded,
            read = tokio::io::copy(&mut reading, &mut nowhere) => read.map(drop),
        }
    }

    /// Closes in order, once the sender has.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.tls.shutdown().await?;
        self.forget_the_rest().await
    }

    /// Reads what comes until the sender closes, and does nothing about it.
    pub(super) async fn forget_the_rest(mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.tls, &mut tokio::io::sink()).await.map(drop)
    }

    async fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; 9];
        match self.tls.read_exact(&mut head).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let (length, mut frame) = read_head(head);
        if length > MAX_PAYLOAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        frame.payload = vec![0; length];
        self.tls.read_exact(&mut frame.payload).await?;
        Ok(Some(frame))
    }

    /// Answers what every receiver must answer.
    async fn keep_going(&mut self, frame: &Frame) -> io::Result<()> {
        let length = frame.payload.len() as u32;
        match frame.kind {
            Kind::Settings if !frame.is_acknowledgement() => {
                self.send(&[Frame::of(Kind::Settings, 0).acknowledging()]).await
            }
            Kind::Ping if !frame.is_acknowledgement() => self.send(&[frame.clone().acknowledging()]).await,
            Kind::Data if length > 0 => {
                self.send(&[Frame::window(0, length), Frame::window(frame.stream, length)]).await
            }
            _ => Ok(()),
        }
    }

    /// Counts the body of a request; gives its size once it is whole.
    fn count(&mut self, frame: &Frame) -> io::Result<Option<u64>> {
        let body_bytes = match frame.kind {
            Kind::Headers => 0,
            Kind::Data => self.open.get(&frame.stream).copied().unwrap_or(0) + frame.payload.len() as u64,
            Kind::Reset => {
                self.open.remove(&frame.stream);
                return Ok(None);
            }
            _ => return Ok(None),
        };
        if frame.ends_message() {
            self.open.remove(&frame.stream);
            return Ok(Some(body_bytes));
        }
        if self.open.len() >= MAX_OPEN {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.open.insert(frame.stream, body_bytes);
        Ok(None)
    }
}
