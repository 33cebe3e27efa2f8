//! The server. Owns the listener and the answers, which another may give; never prints and keeps no request.

use std::borrow::Cow;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{self, Body, HttpBody};
use axum::extract::State;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use postrider_core::secret::Secret;
use postrider_core::time::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::failures::Failures;
use crate::proof;
use crate::received::{self, Received};

/// Largest body that is taken; a larger one is answered 413. Twice the largest job of a worker with default settings.
pub const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// How long a stopped sink waits for clients that have begun a request: some never end one.
pub const MAX_DRAIN: Duration = Duration::from_secs(2);

/// How a sink behaves.
#[derive(Clone, Debug)]
pub struct SinkConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The status of an ordinary answer, 200–999.
    pub status: u16,
    /// How many attempts of every event id are answered 500 before the first ordinary answer. Requests without an
    /// event id count by their path.
    pub fail_first: u64,
    /// How long each ordinary or failing answer is held back.
    pub delay: Duration,
    /// What requests are checked against, if anything.
    pub secret: Option<Secret>,
}

impl SinkConfig {
    /// A sink that answers every request 200 at once.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, status: 200, fail_first: 0, delay: Duration::ZERO, secret: None }
    }
}

/// A request that someone else answers.
#[derive(Debug)]
pub struct Question {
    /// What came; its `status_sent` is yet to be known.
    pub received: Received,
    /// Where the answer goes. Nobody waits for it where the client has given up.
    pub reply: oneshot::Sender<Answer>,
}

/// What a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, 200–999.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// A receiver that listens already.
#[derive(Debug)]
pub struct Sink {
    listener: TcpListener,
    config: SinkConfig,
    reports: Option<mpsc::Sender<Received>>,
    questions: Option<mpsc::Sender<Question>>,
}

impl Sink {
    /// Listens, so that whoever connects from now on is answered once [`Self::run`] runs.
    ///
    /// # Errors
    /// The address can't be listened on, or the status is none.
    pub async fn bind(config: SinkConfig) -> io::Result<Self> {
        if !(200..=999).contains(&config.status) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the status must be 200 to 999"));
        }
        let listener = TcpListener::bind(config.listen).await?;
        Ok(Self { listener, config, reports: None, questions: None })
    }

    /// Reports every request to `reports`. A full channel holds the answers back, so that no request goes unreported;
    /// a closed one is ignored.
    pub fn report_to(mut self, reports: mpsc::Sender<Received>) -> Self {
        self.reports = Some(reports);
        self
    }

    /// Lets someone else answer: each request is a question, and is answered 503 where nobody answers it. Requests aren't
    /// reported besides.
    pub fn answered_by(mut self, questions: mpsc::Sender<Question>) -> Self {
        self.questions = Some(questions);
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `until` ends; those that are running then are answered, for up to [`MAX_DRAIN`].
    ///
    /// # Errors
    /// The listener broke.
    pub async fn run(self, until: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Self { listener, config, reports, questions } = self;
        let desk = Arc::new(Desk { config, reports, questions, failures: Mutex::default() });
        let service = Router::new().fallback(answer).with_state(desk);
        // Without it the kernel holds small answers back; where it can't be set, they are merely slower.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (stopping, stopped) = oneshot::channel::<()>();
        let until = async move {
            until.await;
            drop(stopping);
        };
        let drained = async move {
            // It never sends: that its other half is gone is the sign.
            let _ = stopped.await;
            tokio::time::sleep(MAX_DRAIN).await;
        };
        tokio::select! {
            served = axum::serve(listener, service).with_graceful_shutdown(until).into_future() => served,
            () = drained => Ok(()),
        }
    }
}

/// What the answers to all requests share.
struct Desk {
    config: SinkConfig,
    reports: Option<mpsc::Sender<Received>>,
    questions: Option<mpsc::Sender<Question>>,
    failures: Mutex<Failures>,
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(body) = read_whole(body).await else {
        return empty(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
    };
    if let Some(questions) = &desk.questions {
        return ask(questions, desk.received(parts, body, 0)).await;
    }
    let status = desk.status_for(&parts, &body);
    desk.report(parts, body, status).await;
    if !desk.config.delay.is_zero() {
        tokio::time::sleep(desk.config.delay).await;
    }
    empty(status)
}

/// The body; `None` when it is too large or breaks off. One that is announced too large isn't waited for.
async fn read_whole(body: Body) -> Option<Bytes> {
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return None;
    }
    body::to_bytes(body, MAX_BODY_BYTES).await.ok()
}

impl Desk {
    fn status_for(&self, parts: &Parts, body: &Bytes) -> u16 {
        let fail_first = self.config.fail_first;
        if fail_first == 0 {
            return self.config.status;
        }
        let event = received::event_id(&parts.headers, body).unwrap_or(Cow::Borrowed(parts.uri.path()));
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.strikes(&event, fail_first) { 500 } else { self.config.status }
    }

    async fn report(&self, parts: Parts, body: Bytes, status_sent: u16) {
        // Nothing is copied for a reader who isn't there: benchmarks run without one.
        let Some(reports) = &self.reports else { return };
        // A reader that has gone wants no more reports.
        let _ = reports.send(self.received(parts, body, status_sent)).await;
    }

    #[allow(clippy::needless_pass_by_value, reason = "whoever has it is done with it")]
    fn received(&self, parts: Parts, body: Bytes, status_sent: u16) -> Received {
        let at = now();
        let proof = proof::judge(self.config.secret.as_ref(), &parts.headers, &body, at);
        Received {
            at,
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: in_text(&parts.headers),
            body,
            status_sent,
            proof,
        }
    }
}

/// What someone else answers.
async fn ask(questions: &mpsc::Sender<Question>, received: Received) -> Response<Body> {
    let (reply, answer) = oneshot::channel();
    // Where nobody takes the question, its reply is gone too.
    let _ = questions.send(Question { received, reply }).await;
    let Ok(Answer { status, retry_after }) = answer.await else {
        return empty(StatusCode::SERVICE_UNAVAILABLE.as_u16());
    };
    let mut response = empty(status);
    if let Some(wait) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn in_text(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
