//! What the system or a library said of a failed attempt, for the operator's log: never for owners of hooks, who could look
//! into the operator's network with it. Holds no address, and nothing that a receiver chose the words of.

use std::error::Error;
use std::io;

use rustls::CertificateError::{InvalidPurposeContext, NotValidForNameContext};

use crate::connector::ConnectFault;

/// Longest detail, in characters: one line of a log.
const MAX_CHARS: usize = 200;

/// Of an error with all that lies behind it; none where that says no more than the cause.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Box<str>> {
    let (mut told, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        told.extend(words(error));
        next = error.source();
    }
    if told.is_empty() { None } else { Some(cut(&told.join(": "))) }
}

/// Of a connection that broke.
pub(crate) fn of_io(error: &io::Error) -> Box<str> {
    cut(&words_of_io(error))
}

fn cut(text: &str) -> Box<str> {
    text.chars().take(MAX_CHARS).collect::<String>().into()
}

/// Of known errors only: others might repeat what came.
fn words(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(fault) = error.downcast_ref::<ConnectFault>() {
        return fault.source().is_none().then(|| fault.to_string());
    }
    if let Some(error) = error.downcast_ref() {
        return Some(words_of_io(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(words_of_http2(error));
    }
    error.downcast_ref().map(hyper::Error::to_string)
}

fn words_of_io(error: &io::Error) -> String {
    let inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    let of_tls = inner.and_then(<dyn Error>::downcast_ref).map(words_of_tls);
    let known = of_tls.or_else(|| inner.and_then(<dyn Error>::downcast_ref).map(words_of_http2));
    known.unwrap_or_else(|| error.to_string())
}

/// A certificate's names and purposes are its receiver's words.
fn words_of_tls(error: &rustls::Error) -> String {
    let what = match error {
        rustls::Error::InvalidCertificate(NotValidForNameContext { .. }) => "NotValidForName",
        rustls::Error::InvalidCertificate(InvalidPurposeContext { .. }) => "InvalidPurpose",
        other => return other.to_string(),
    };
    format!("invalid peer certificate: {what}")
}

/// A GOAWAY may bring any text along.
fn words_of_http2(error: &h2::Error) -> String {
    if let Some(error) = error.get_io() {
        return words_of_io(error);
    }
    let frame = match () {
        () if error.is_go_away() => "GOAWAY",
        () if error.is_reset() => "RST_STREAM",
        () => "error",
    };
    let whose = if error.is_remote() { "received" } else { "sent" };
    let reason = error.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("HTTP/2 {frame} {whose}{reason}")
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;
    use rustls::pki_types::ServerName;

    use super::*;

    fn io(error: rustls::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn the_last_cause_is_told_and_a_cause_without_one_by_itself() {
        let refused = ConnectFault::Tcp(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(of(&refused).as_deref(), Some("connection refused"));
        let expired = ConnectFault::Tls(io(rustls::Error::InvalidCertificate(CertificateError::Expired)));
        assert_eq!(of(&expired).as_deref(), Some("invalid peer certificate: Expired"));
        let refused = "the host name resolved to an address that is not allowed";
        assert_eq!(of(&ConnectFault::NotAllowed).as_deref(), Some(refused));
    }

    #[test]
    fn names_in_a_certificate_are_not_repeated() {
        let expected = ServerName::try_from("hooks.example").unwrap();
        let presented = vec!["DnsName(\"canary.example\")".to_owned()];
        let error = CertificateError::NotValidForNameContext { expected, presented };
        let fault = ConnectFault::Tls(io(rustls::Error::InvalidCertificate(error)));
        assert_eq!(of(&fault).as_deref(), Some("invalid peer certificate: NotValidForName"));
    }

    #[test]
    fn an_error_that_is_not_known_tells_nothing_and_a_long_one_is_cut() {
        #[derive(Debug, thiserror::Error)]
        #[error("canary")]
        struct Unknown(#[source] io::Error);
        let long = Unknown(io::Error::other("x".repeat(1000)));
        assert_eq!(of(&long).map(|detail| detail.len()), Some(MAX_CHARS));
        assert_eq!(of(&std::fmt::Error), None);
    }
}
