//! One connection to a receiver, plain or TLS, which counts what it reads. Only the count tells a connection that was
//! stale from one whose receiver had begun to answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Most bytes that an HTTP/1 receiver may send without completing the head of an answer. Heads are limited to less by the
/// HTTP client; this ends floods of interim (1xx) answers, which it doesn't limit.
const MAX_UNANSWERED_BYTES: u64 = 1024 * 1024;

/// Bytes from and to a receiver.
pub(crate) struct Stream {
    transport: Transport,
    usage: Usage,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { transport: Transport::Plain(tcp), usage: Usage::new(Protocol::Http1) }
    }

    pub(crate) fn tls(tls: TlsStream<TcpStream>) -> Self {
        let is_h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let usage = Usage::new(if is_h2 { Protocol::Http2 } else { Protocol::Http1 });
        Self { transport: Transport::Tls(Box::new(tls)), usage }
    }
}

/// What a connection was used for so far; shared between the connection and the answers that came over it.
#[derive(Clone, Debug)]
pub(crate) struct Usage(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    protocol: Protocol,
    /// Whether a whole head ever came.
    answered: AtomicBool,
    /// Bytes read so far.
    read: AtomicU64,
    /// Of those, the bytes that belong to answers whose head was complete.
    of_answers: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl Usage {
    fn new(protocol: Protocol) -> Self {
        Self(Arc::new(Counts {
            protocol,
            answered: AtomicBool::new(false),
            read: AtomicU64::new(0),
            of_answers: AtomicU64::new(0),
        }))
    }

    /// Notes that all bytes so far belong to answers: called when a head is complete, and when its body is.
    pub(crate) fn note_answer(&self) {
        self.0.of_answers.store(self.0.read.load(Ordering::Acquire), Ordering::Release);
        self.0.answered.store(true, Ordering::Release);
    }

    /// Whether this is an HTTP/1 connection that had answered before, and nothing came on it since. HTTP/2 says by itself
    /// which requests it didn't process.
    pub(crate) fn is_silent_since_an_answer(&self) -> bool {
        let counts = &self.0;
        counts.protocol == Protocol::Http1
            && counts.answered.load(Ordering::Acquire)
            && counts.unanswered_bytes() == 0
    }
}

impl Counts {
    fn unanswered_bytes(&self) -> u64 {
        self.read.load(Ordering::Acquire).saturating_sub(self.of_answers.load(Ordering::Acquire))
    }

    fn note_read(&self, bytes: usize) -> io::Result<()> {
        self.read.fetch_add(bytes as u64, Ordering::AcqRel);
        if self.protocol == Protocol::Http1 && self.unanswered_bytes() > MAX_UNANSWERED_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "too many bytes before the head of an answer",
            ));
        }
        Ok(())
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.usage.clone());
        match self.usage.0.protocol {
            Protocol::Http1 => connected,
            Protocol::Http2 => connected.negotiated_h2(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        })?;
        Poll::Ready(self.usage.0.note_read(buf.filled().len() - before))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Transport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(tcp) => tcp.is_write_vectored(),
            Transport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
