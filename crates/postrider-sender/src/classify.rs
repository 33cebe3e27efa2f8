//! What an error of the HTTP client means: which cause goes on record, and whether the request may be sent once more.

use std::error::Error;
use std::io;

use http::Extensions;
use hyper_util::client::legacy;
use postrider_core::outcome::NoAnswer;

use crate::connector::ConnectFault;
use crate::stream::Usage;

/// Why no answer came.
pub(crate) fn cause(error: &legacy::Error) -> NoAnswer {
    if let Some(fault) = find::<ConnectFault>(error) {
        return fault.cause();
    }
    if let Some(error) = find::<io::Error>(error) {
        return cause_in_io(error);
    }
    let is_malformed = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
        || find::<h2::Error>(error).is_some_and(h2::Error::is_library);
    if is_malformed { NoAnswer::Malformed } else { NoAnswer::Closed }
}

fn cause_in_io(error: &io::Error) -> NoAnswer {
    match error.get_ref() {
        Some(inner) if inner.is::<rustls::Error>() => NoAnswer::Tls,
        _ if error.kind() == io::ErrorKind::InvalidData => NoAnswer::Malformed,
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
/// that a GOAWAY names, the only ones that end with that error.
fn is_unprocessed(error: &legacy::Error) -> bool {
    find::<h2::Error>(error).is_some_and(|error| {
        let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (is_refused || error.is_go_away())
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
