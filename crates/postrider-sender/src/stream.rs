//! One connection to a receiver, plain or TLS, which counts what it reads and doesn't wait for ever for what it writes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::pace::Pace;
use crate::proxy::gate::{Transfer, Tunnel};
use crate::stall::Stall;
use crate::usage::{Protocol, Usage};

/// Bytes from and to a receiver.
pub(crate) struct Stream {
    transport: Transport,
    usage: Usage,
    stall: Stall,
    pace: Pace,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Through a proxy; plain or TLS within.
    Tunnel(Box<dyn Transfer>),
}

impl Stream {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self::over(Transport::Plain(tcp), Usage::new(Protocol::Http1))
    }

    pub(crate) fn tls(tls: TlsStream<TcpStream>) -> Self {
        let usage = Usage::new(negotiated(&tls));
        Self::over(Transport::Tls(Box::new(tls)), usage)
    }

    pub(crate) fn tunnelled(tunnel: Tunnel) -> Self {
        Self::over(Transport::Tunnel(Box::new(tunnel)), Usage::new(Protocol::Http1))
    }

    pub(crate) fn tunnelled_tls(tls: TlsStream<Tunnel>) -> Self {
        let usage = Usage::new(negotiated(&tls));
        Self::over(Transport::Tunnel(Box::new(tls)), usage)
    }

    fn over(transport: Transport, usage: Usage) -> Self {
        Self { transport, usage, stall: Stall::default(), pace: Pace::default() }
    }
}

/// What was agreed on with the receiver (ALPN).
fn negotiated<T>(tls: &TlsStream<T>) -> Protocol {
    if tls.get_ref().1.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.usage.clone());
        match self.usage.protocol() {
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
        // The client reads whenever it drives a connection, so it is woken by what is registered here.
        self.usage.wake_when_left(cx);
        self.usage.check_not_left()?;
        let is_suspicious = self.usage.is_suspicious();
        ready!(self.pace.poll_turn(cx, is_suspicious));
        let before = buf.filled().len();
        ready!(match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Transport::Tunnel(tunnel) => Pin::new(tunnel).poll_read(cx, buf),
        })
        .inspect_err(|error| self.usage.note_failure(error))?;
        Poll::Ready(self.usage.note_read(buf.filled().len() - before))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.usage.check_not_left()?;
        let Self { transport, stall, .. } = &mut *self;
        let written = match transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Transport::Tunnel(tunnel) => Pin::new(tunnel).poll_write(cx, buf),
        };
        stall.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.usage.check_not_left()?;
        let Self { transport, stall, .. } = &mut *self;
        let written = match transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Transport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
            Transport::Tunnel(tunnel) => Pin::new(tunnel).poll_write_vectored(cx, bufs),
        };
        stall.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(tcp) => tcp.is_write_vectored(),
            Transport::Tls(tls) => tls.is_write_vectored(),
            Transport::Tunnel(tunnel) => tunnel.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.usage.check_not_left()?;
        let Self { transport, stall, .. } = &mut *self;
        let written = match transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Transport::Tunnel(tunnel) => Pin::new(tunnel).poll_flush(cx),
        };
        stall.watch(cx, written)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { transport, stall, .. } = &mut *self;
        let written = match transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Transport::Tunnel(tunnel) => Pin::new(tunnel).poll_shutdown(cx),
        };
        stall.watch(cx, written)
    }
}
