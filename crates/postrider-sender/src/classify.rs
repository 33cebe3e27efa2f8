//! What an error of the HTTP client means: which cause goes on record, and whether the request may be sent once more.

use std::error::Error;
use std::io;

use http::Extensions;
use hyper_util::client::legacy;
use postrider_core::outcome::NoAnswer;

use crate::connector::ConnectFault;
use crate::detail;
use crate::proxy::fault::ProxyFault;
use crate::usage::{Usage, is_tls_fault};

/// Whose fault it is that no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The receiver's, or that of the way to it.
    Receiver {
        cause: NoAnswer,
        /// For the operator's log.
        detail: Option<Box<str>>,
    },
    /// The proxy's, and so ours.
    Proxy(ProxyFault),
}

impl Fault {
    /// That the deadline passed.
    pub(crate) fn timeout() -> Self {
        Self::Receiver { cause: NoAnswer::Timeout, detail: None }
    }
}

/// Why no answer came.
pub(crate) fn fault(error: &legacy::Error) -> Fault {
    match find::<ConnectFault>(error) {
        Some(ConnectFault::Proxy(fault)) => Fault::Proxy(fault.clone()),
        Some(fault) => Fault::Receiver { cause: fault.cause(), detail: detail::of(error) },
        None => fault_of_connection(error),
    }
}

fn fault_of_connection(error: &legacy::Error) -> Fault {
    match usage(error).as_ref().and_then(Usage::tls_failure) {
        Some(failure) => Fault::Receiver { cause: NoAnswer::Tls, detail: Some(failure.into()) },
        None => Fault::Receiver { cause: cause(error), detail: detail::of(error) },
    }
}

fn cause(error: &legacy::Error) -> NoAnswer {
    if let Some(error) = find::<io::Error>(error) {
        return cause_in_io(error);
    }
    let is_malformed = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
        || find::<h2::Error>(error).is_some_and(h2::Error::is_library);
    if is_malformed { NoAnswer::Malformed } else { NoAnswer::Closed }
}

/// Where a connection fails before its first request, the client says nothing of it but this.
fn cause_in_io(error: &io::Error) -> NoAnswer {
    match error.kind() {
        _ if is_tls_fault(error) => NoAnswer::Tls,
        io::ErrorKind::InvalidData => NoAnswer::Malformed,
        _ => NoAnswer::Closed,
    }
}

/// Whether the receiver surely hasn't taken the request, or most likely not: it had closed a connection that was idle
/// before. A receiver that closes a fresh connection has perhaps acted on the request, so that isn't repeated.
pub(crate) fn may_resend(error: &legacy::Error) -> bool {
    is_unprocessed(error)
        || (usage(error).is_some_and(|usage| usage.is_silent_since_an_answer()) && is_close(error))
}

/// HTTP/2 says which requests it didn't process (RFC 9113, section 8.7): refused streams, and those above the last one
/// that a GOAWAY names, the only ones that end with that error. Who asks for calm isn't asked again at once.
fn is_unprocessed(error: &legacy::Error) -> bool {
    find::<h2::Error>(error).is_some_and(|error| {
        let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let is_calm_wanted = error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
        error.is_remote() && (is_refused || error.is_go_away() && !is_calm_wanted)
    })
}

fn is_close(error: &legacy::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    let by_hyper =
        |error: &hyper::Error| error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    let by_system = |error: &io::Error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
        )
    };
    find::<hyper::Error>(error).is_some_and(by_hyper) || find::<io::Error>(error).is_some_and(by_system)
}

fn usage(error: &legacy::Error) -> Option<Usage> {
    let mut extras = Extensions::new();
    error.connect_info()?.get_extras(&mut extras);
    extras.remove()
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_that_comes_before_the_first_request_is_told_as_a_fault_of_tls() {
        let of_tls = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        assert_eq!(cause_in_io(&io::Error::new(io::ErrorKind::InvalidData, of_tls)), NoAnswer::Tls);
        assert_eq!(cause_in_io(&io::ErrorKind::InvalidData.into()), NoAnswer::Malformed);
        assert_eq!(cause_in_io(&io::ErrorKind::ConnectionReset.into()), NoAnswer::Closed);
    }
}
