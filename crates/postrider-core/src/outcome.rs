//! What happened to one attempt, as the receiver shows it.

use std::time::{Duration, SystemTime};

use crate::time::parse_whole;

/// What one HTTP attempt came to. A receiver's failure is an outcome, never an error of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Accepted {
        /// The status.
        status: u16,
    },
    /// 410: the receiver is gone for good.
    Gone,
    /// Any other 4xx that is not retried.
    Rejected {
        /// The status.
        status: u16,
    },
    /// An answer that asks to come again: 408, 425, 429, 3xx, 5xx, 101, 600–999.
    Unavailable {
        /// The status.
        status: u16,
        /// What `Retry-After` asked for, unclamped.
        retry_after: Option<Duration>,
    },
    /// No complete head of an answer came.
    NoAnswer {
        /// Which step failed.
        cause: NoAnswer,
    },
    /// The URL itself shows that it may not be connected to; nothing was sent.
    Blocked {
        /// Which rule, in a few words, without the address.
        reason: &'static str,
    },
}

/// Why no answer came: a closed list, for records and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoAnswer {
    /// The name did not resolve.
    Dns,
    /// The name resolved to an address that is not allowed. Told like a failure to connect: no oracle for outsiders.
    AddressNotAllowed,
    /// The connection was refused or could not be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The connection ended before the head was complete.
    Closed,
    /// The head is not HTTP.
    Malformed,
    /// The deadline passed before the head was complete.
    Timeout,
    /// The proxy works, and couldn't or wouldn't reach the receiver.
    ByProxy {
        /// What it answered.
        status: u16,
    },
    /// The proxy itself doesn't work: only where the attempt can't be put off.
    Proxy,
}

impl NoAnswer {
    /// The cause in words, for the attempt record and the dead letter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "the host name did not resolve",
            Self::AddressNotAllowed | Self::Connect => "could not connect",
            Self::Tls => "the TLS handshake failed",
            Self::Closed => "the connection was closed before an answer",
            Self::Malformed => "the answer is not valid HTTP",
            Self::Timeout => "no answer within the time limit",
            Self::ByProxy { status: 400..=499 } => "the proxy refused this destination",
            Self::ByProxy { status: 500..=599 } => "the proxy could not reach the receiver",
            Self::ByProxy { .. } => "the proxy opened no way to the receiver",
            Self::Proxy => "the proxy does not work",
        }
    }
}

impl Outcome {
    /// Sorts an answer by its status line (contract section 3), which alone decides.
    pub fn of_answer(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=299 => Self::Accepted { status },
            410 => Self::Gone,
            408 | 425 | 429 => Self::Unavailable { status, retry_after },
            400..=499 => Self::Rejected { status },
            _ => Self::Unavailable { status, retry_after },
        }
    }

    /// The HTTP status, or 0 where no answer came or none was asked for.
    pub fn status(&self) -> u16 {
        match self {
            Self::Accepted { status } | Self::Rejected { status } | Self::Unavailable { status, .. } => {
                *status
            }
            Self::Gone => 410,
            Self::NoAnswer { .. } | Self::Blocked { .. } => 0,
        }
    }

    /// What went wrong, as a short text; empty for a success.
    pub fn error(&self) -> String {
        match self {
            Self::Accepted { .. } => String::new(),
            Self::NoAnswer { cause: cause @ NoAnswer::ByProxy { status: status @ 400..=599 } } => {
                format!("{} ({status})", cause.as_str())
            }
            Self::NoAnswer { cause: NoAnswer::ByProxy { status } } => {
                format!("the proxy answered {status} to CONNECT")
            }
            Self::NoAnswer { cause } => cause.as_str().to_owned(),
            Self::Blocked { reason } => format!("not allowed: {reason}"),
            answered => format!("the receiver answered {}", answered.status()),
        }
    }
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or one of the three HTTP dates, relative to `now`.
///
/// Unreadable values are ignored; numbers of any length are taken, those beyond 64 bits as the largest wait there is.
pub fn parse_retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = value.trim_ascii();
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        return Some(parse_whole(text).map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer table of the contract, all statuses that can stand in a head.
    #[test]
    fn every_status_has_its_row() {
        for status in 100..=999 {
            let outcome = Outcome::of_answer(status, None);
            let expected = match status {
                200..=299 => Outcome::Accepted { status },
                410 => Outcome::Gone,
                400..=407 | 409 | 411..=424 | 426..=428 | 430..=499 => Outcome::Rejected { status },
                _ => Outcome::Unavailable { status, retry_after: None },
            };
            assert_eq!(outcome, expected, "{status}");
            assert_eq!(outcome.status(), status);
        }
    }

    #[test]
    fn what_a_proxy_answers_is_no_answer_of_the_receiver() {
        let error = |status| {
            let outcome = Outcome::NoAnswer { cause: NoAnswer::ByProxy { status } };
            (outcome.status(), outcome.error())
        };
        assert_eq!(error(502), (0, "the proxy could not reach the receiver (502)".to_owned()));
        assert_eq!(error(500), (0, "the proxy could not reach the receiver (500)".to_owned()));
        assert_eq!(error(403), (0, "the proxy refused this destination (403)".to_owned()));
        for status in [101, 302, 600] {
            assert_eq!(error(status), (0, format!("the proxy answered {status} to CONNECT")));
        }
    }

    #[test]
    fn retry_after_takes_seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |value: &str, expected: Option<u64>| {
            assert_eq!(
                parse_retry_after(value.as_bytes(), now),
                expected.map(Duration::from_secs),
                "{value:?}"
            );
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:49:47 GMT", Some(10));
        check("Sunday, 06-Nov-94 08:49:47 GMT", Some(10));
        check("Sun Nov  6 08:49:47 1994", Some(10));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        for unreadable in ["", "-1", "+1", "1.5", "1e3", "nan", "inf", "soon", "0x10", "1, 2"] {
            check(unreadable, None);
        }
        assert_eq!(parse_retry_after(&[b'9'; 40], now), Some(Duration::MAX));
    }

    proptest! {
        #[test]
        fn no_retry_after_panics(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_retry_after(&value, SystemTime::now());
        }
    }
}
