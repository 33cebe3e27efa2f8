//! What was seen while a behaviour was played. Owns the counts and the first requests; never touches a socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_core::time::Timestamp;
use tokio::sync::mpsc;

use super::value::header;
use crate::describe::{MAX_SHOWN_WORD, clock, visible};
use crate::sink::now;

/// Requests that are kept; later ones are only counted. More than anybody looks at one by one.
const MAX_KEPT: usize = 1000;

/// What was seen; shared by all connections of a stage.
#[derive(Debug, Default)]
pub struct Book {
    pages: Mutex<Pages>,
    reports: Option<mpsc::Sender<Report>>,
}

#[derive(Debug, Default)]
struct Pages {
    connections: u64,
    requests: u64,
    trapped: u64,
    kept: Vec<Request>,
}

/// The head of a request.
#[derive(Clone)]
pub struct Request {
    /// On which connection it came; the first is 1.
    pub connection: u64,
    /// Request line and headers as sent; bytes that aren't UTF-8 are replaced. Secrets are in clear here.
    pub head: String,
    /// Size of the body, as the head tells.
    pub body_bytes: u64,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

impl fmt::Debug for Request {
    /// Without the headers: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.head.lines().next().unwrap_or_default();
        write!(f, "Request(#{} {line:?} {} B)", self.connection, self.body_bytes)
    }
}

/// Something that was seen, and when.
#[derive(Clone, Debug)]
pub struct Report {
    /// By this machine's clock.
    pub at: Timestamp,
    /// What.
    pub note: Note,
}

/// Something that was seen.
#[derive(Clone, Debug)]
pub enum Note {
    /// A connection came.
    Connected {
        /// Its number; the first is 1.
        connection: u64,
        /// From where.
        from: SocketAddr,
    },
    /// The head of a request was complete.
    Requested(Request),
    /// A connection is over.
    Ended {
        /// Its number.
        connection: u64,
        /// How long it lasted.
        after: Duration,
    },
    /// A connection came to an address that is only named in a redirect.
    Trapped {
        /// From where.
        from: SocketAddr,
    },
}

impl fmt::Display for Report {
    /// A line for a terminal, with foreign text made harmless.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", clock(self.at))?;
        match &self.note {
            Note::Connected { connection, from } => write!(f, "#{connection} connected from {from}"),
            Note::Requested(Request { connection, head, body_bytes }) => {
                let mut words = head.split([' ', '\r', '\n']).map(|word| visible(word, MAX_SHOWN_WORD));
                let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                write!(f, "#{connection} {method} {path} {body_bytes} B")
            }
            Note::Ended { connection, after } => {
                write!(f, "#{connection} over after {:.3} s", after.as_secs_f64())
            }
            Note::Trapped { from } => write!(f, "TRAPPED: the redirect was followed, from {from}"),
        }
    }
}

impl Book {
    /// One that reports each note too. What finds the channel full isn't reported: a flood must not be slowed by a reader.
    pub(super) fn reporting_to(reports: Option<mpsc::Sender<Report>>) -> Self {
        Self { pages: Mutex::default(), reports }
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.pages().connections
    }

    /// Requests so far whose heads were complete.
    pub fn request_count(&self) -> u64 {
        self.pages().requests
    }

    /// The first thousand of them.
    pub fn requests(&self) -> Vec<Request> {
        self.pages().kept.clone()
    }

    /// Connections so far to an address that is only named in a redirect.
    pub fn trapped(&self) -> u64 {
        self.pages().trapped
    }

    /// Notes a connection, and gives its number.
    pub(super) fn note_connection(&self, from: SocketAddr) -> u64 {
        let connection = {
            let mut pages = self.pages();
            pages.connections += 1;
            pages.connections
        };
        self.report(Note::Connected { connection, from });
        connection
    }

    /// Notes a request whose head is complete.
    pub(super) fn note_request(&self, request: Request) {
        {
            let mut pages = self.pages();
            pages.requests += 1;
            if pages.kept.len() < MAX_KEPT {
                pages.kept.push(request.clone());
            }
        }
        self.report(Note::Requested(request));
    }

    pub(super) fn note_end(&self, connection: u64, after: Duration) {
        self.report(Note::Ended { connection, after });
    }

    pub(super) fn note_trapped(&self, from: SocketAddr) {
        self.pages().trapped += 1;
        self.report(Note::Trapped { from });
    }

    fn report(&self, note: Note) {
        if let Some(reports) = &self.reports {
            let _ = reports.try_send(Report { at: now(), note });
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(head: &str) -> Request {
        Request { connection: 1, head: head.to_owned(), body_bytes: 2 }
    }

    #[test]
    fn a_request_is_told_in_a_line_without_its_secret() {
        let request = request("POST /\u{1b}[2J HTTP/1.1\r\nX-Misskey-Hook-Secret: canary-4711\r\n\r\n");
        assert!(!format!("{request:?}").contains("4711"));
        let at = Timestamp::from_millis(1_764_324_000_123);
        let told = Report { at, note: Note::Requested(request) }.to_string();
        assert_eq!(told, "10:00:00.123 #1 POST /\\u{1b}[2J 2 B");
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_counted_is_not() {
        let book = Book::default();
        for _ in 0..=MAX_KEPT {
            book.note_request(request("POST / HTTP/1.1\r\n\r\n"));
        }
        assert_eq!((book.requests().len(), book.request_count()), (MAX_KEPT, MAX_KEPT as u64 + 1));
    }
}
