//! What can be wrong with the proxy itself. None of it is the receiver's fault, so no job pays for it.

use std::fmt;
use std::io;

use crate::usage::is_tls_fault;

/// The proxy doesn't work: no attempt was made. Its text holds neither addresses nor credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ProxyFault {
    kind: ProxyFaultKind,
    detail: Box<str>,
}

/// A closed list, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyFaultKind {
    /// Its name didn't resolve, or no connection to it could be made.
    Connect,
    /// The TLS handshake with it failed.
    Tls,
    /// It wants other credentials.
    Auth,
    /// It closed the connection, or answered CONNECT with something that isn't HTTP.
    Protocol,
}

impl ProxyFaultKind {
    /// All kinds, for metrics that start at zero.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Tls, Self::Auth, Self::Protocol];

    /// The word of the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Protocol => "protocol",
        }
    }
}

impl fmt::Display for ProxyFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the proxy could not be reached",
            Self::Tls => "the TLS handshake with the proxy failed",
            Self::Auth => "the proxy refuses the credentials (407)",
            Self::Protocol => "the proxy did not answer CONNECT as a proxy does",
        })
    }
}

impl ProxyFault {
    pub(crate) fn new(kind: ProxyFaultKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// An error of the system on the connection to the proxy. With TLS 1.3, a refusal of our certificate comes as late as the
    /// first read.
    pub(crate) fn of_io(kind: ProxyFaultKind, error: &io::Error) -> Self {
        Self::new(if is_tls_fault(error) { ProxyFaultKind::Tls } else { kind }, error.to_string())
    }

    /// Which kind of fault.
    pub fn kind(&self) -> ProxyFaultKind {
        self.kind
    }

    /// What the system said, for the operator's log.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
