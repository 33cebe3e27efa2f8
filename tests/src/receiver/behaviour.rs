//! What a receiver does with a request. Owns the meaning of its paths; never touches a socket.

use std::time::Duration;

use tokio::sync::watch;

/// What is done with one request, which has been read whole.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answered; the connection stays open.
    Answer(Answer),
    /// Answered after this wait.
    Later(Duration, Answer),
    /// Answered when a test says so.
    Held(watch::Receiver<Option<Answer>>),
    /// Never answered; the connection stays open until the other side closes it.
    Hang,
    /// These bytes, then closed.
    Raw(Vec<u8>),
    /// Closed without an answer.
    Close,
    /// Reset (RST) without an answer.
    Reset,
}

/// An ordinary answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status, any three digits.
    pub status: u16,
    /// Headers beside `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status without anything else.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {:03} Told\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // An answer with one of these statuses has no body by definition, and no length either.
        if !matches!(self.status, 100..=199 | 204 | 304) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// What a path asks for; `earlier` is how many requests of the same path and event came before.
///
/// `/status/<code>`, `/hang`, `/hang-once`, `/slow/<ms>`, `/fail-first/<n>`, `/retry-after/<seconds>` (503), `/redirect`
/// (307 to `/redirected`), `/redirect/<code>`, `/close`, `/reset`, each with anything behind it; any other path: 200.
/// A number that can't be read: 400, which no job survives.
pub fn of_path(path: &str, earlier: u64) -> Behaviour {
    let mut parts = path.trim_start_matches('/').split('/');
    let kind = parts.next().unwrap_or_default();
    let argument = parts.next();
    match kind {
        "hang" => Behaviour::Hang,
        "hang-once" if earlier == 0 => Behaviour::Hang,
        "close" => Behaviour::Close,
        "reset" => Behaviour::Reset,
        "redirect" => Behaviour::Answer(redirect(argument)),
        "status" | "slow" | "fail-first" | "retry-after" => {
            match argument.and_then(|number| number.parse().ok()) {
                Some(number) => of_number(kind, number, earlier),
                None => Behaviour::Answer(Answer::new(400)),
            }
        }
        _ => Behaviour::Answer(Answer::new(200)),
    }
}

fn of_number(kind: &str, number: u64, earlier: u64) -> Behaviour {
    let answer = match kind {
        "slow" => return Behaviour::Later(Duration::from_millis(number), Answer::new(200)),
        "status" => Answer::new(u16::try_from(number).unwrap_or(400)),
        "fail-first" if earlier < number => Answer::new(500),
        "retry-after" => Answer::new(503).with("Retry-After", &number.to_string()),
        _ => Answer::new(200),
    };
    Behaviour::Answer(answer)
}

fn redirect(code: Option<&str>) -> Answer {
    let status = code.and_then(|code| code.parse().ok()).unwrap_or(307);
    Answer::new(status).with("Location", "/redirected")
}
