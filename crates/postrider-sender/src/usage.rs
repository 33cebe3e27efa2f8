//! What a connection was used for so far. Only the count tells a connection that was stale from one whose receiver had begun
//! to answer, and an answer from a flood.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Context;

use futures_util::task::AtomicWaker;

use crate::client::H2_CONNECTION_WINDOW;
use crate::detail;

/// Most bytes that an HTTP/1 receiver may send without completing the head of an answer. Heads are limited to less by the
/// HTTP client; this ends floods of interim (1xx) answers, which it doesn't limit.
const MAX_UNANSWERED_BYTES: u64 = 1024 * 1024;

/// Most bytes that an HTTP/2 receiver may send without completing a head or a piece of a body that is read. Frames that are
/// neither need no window and cost time, even while nobody waits for an answer; this ends floods of them. Bodies that were
/// left may fill the connection's window once without any fault of the receiver.
const MAX_UNANSWERED_H2_BYTES: u64 = 2 * H2_CONNECTION_WINDOW as u64;

/// From so many bytes on, a receiver is suspected of a flood and its connection read at a slower pace, at which also those
/// have their turns who wait for an answer that came with these bytes.
const SUSPICIOUS_BYTES: u64 = 64 * 1024;

/// Shared between a connection and the answers that came over it.
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
    /// By which fault of TLS it ended, for the operator's log.
    tls_failure: OnceLock<Box<str>>,
    /// Whether nothing more is wanted of it.
    left: AtomicBool,
    /// Wakes whoever drives it.
    driver: AtomicWaker,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    fn max_unanswered_bytes(self) -> u64 {
        match self {
            Self::Http1 => MAX_UNANSWERED_BYTES,
            Self::Http2 => MAX_UNANSWERED_H2_BYTES,
        }
    }
}

impl Usage {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self(Arc::new(Counts {
            protocol,
            answered: AtomicBool::new(false),
            read: AtomicU64::new(0),
            of_answers: AtomicU64::new(0),
            tls_failure: OnceLock::new(),
            left: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        }))
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.0.protocol
    }

    /// Notes that all bytes so far belong to answers: called when a head is complete, and with each piece of its body.
    pub(crate) fn note_answer(&self) {
        self.0.of_answers.store(self.0.read.load(Ordering::Acquire), Ordering::Release);
        self.0.answered.store(true, Ordering::Release);
    }

    /// Notes bytes that came.
    pub(crate) fn note_read(&self, bytes: usize) -> io::Result<()> {
        self.0.read.fetch_add(bytes as u64, Ordering::AcqRel);
        if self.unanswered_bytes() <= self.0.protocol.max_unanswered_bytes() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "too many bytes that belong to no answer"))
    }

    /// Gives the connection up, with all that still goes over it.
    pub(crate) fn leave(&self) {
        self.0.left.store(true, Ordering::Release);
        self.0.driver.wake();
    }

    /// Has whoever drives the connection woken when it is given up.
    pub(crate) fn wake_when_left(&self, cx: &Context<'_>) {
        self.0.driver.register(cx.waker());
    }

    /// Fails once the connection was given up.
    pub(crate) fn check_not_left(&self) -> io::Result<()> {
        if self.0.left.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }

    /// Notes why nothing more comes. The HTTP/2 library doesn't pass it on whole.
    pub(crate) fn note_failure(&self, error: &io::Error) {
        if is_tls_fault(error) {
            let _ = self.0.tls_failure.set(detail::of_io(error));
        }
    }

    /// The fault of TLS by which the connection ended. A receiver may find one after the handshake, as this side sees it: a
    /// certificate that it misses, say.
    pub(crate) fn tls_failure(&self) -> Option<&str> {
        self.0.tls_failure.get().map(|failure| &**failure)
    }

    /// Whether this is an HTTP/1 connection that had answered before, and nothing came on it since. HTTP/2 says by itself
    /// which requests it didn't process.
    pub(crate) fn is_silent_since_an_answer(&self) -> bool {
        self.0.protocol == Protocol::Http1
            && self.0.answered.load(Ordering::Acquire)
            && self.unanswered_bytes() == 0
    }

    /// Whether much came that belongs to no answer.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.unanswered_bytes() > SUSPICIOUS_BYTES
    }

    fn unanswered_bytes(&self) -> u64 {
        self.0.read.load(Ordering::Acquire).saturating_sub(self.0.of_answers.load(Ordering::Acquire))
    }
}

/// Whether TLS is what failed on a connection.
pub(crate) fn is_tls_fault(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}
