//! What a receiver has seen, and what it was told to do. Shared by its connections and the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::behaviour::{self, Behaviour};
use super::request::Request;

/// Requests that are kept; later ones are only counted. More than any test looks at one by one.
const MAX_KEPT: usize = 1_000_000;

/// Requests named in a message about what did not come.
const MAX_NAMED: usize = 20;

#[derive(Debug)]
pub(super) struct Book {
    pages: Mutex<Pages>,
    count: watch::Sender<usize>,
    /// Its receivers are the open connections.
    connections: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Pages {
    requests: Vec<Request>,
    returned: usize,
    told: HashMap<String, Behaviour>,
    hang_next: usize,
    /// Requests so far, by path and event.
    seen: HashMap<(String, Option<String>), u64>,
    /// Unanswered requests by path: now, and at most.
    running: HashMap<String, (usize, usize)>,
}

/// An unanswered request; counted until it is dropped.
pub(super) struct Running {
    book: Arc<Book>,
    path: String,
}

impl Default for Book {
    fn default() -> Self {
        Self { pages: Mutex::default(), count: watch::Sender::new(0), connections: watch::Sender::new(()) }
    }
}

impl Book {
    pub(super) fn behave(&self, path: &str, behaviour: Behaviour) {
        self.pages().told.insert(path.to_owned(), behaviour);
    }

    pub(super) fn hang_next(&self) {
        self.pages().hang_next += 1;
    }

    pub(super) fn requests(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        self.pages().requests.iter().filter(|request| wanted(request)).cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// The number of the next request that nobody has asked for yet.
    pub(super) fn take_number(&self) -> usize {
        let mut pages = self.pages();
        pages.returned += 1;
        pages.returned - 1
    }

    pub(super) async fn reaches(&self, count: usize) {
        let mut counts = self.count.subscribe();
        counts.wait_for(|now| *now >= count).await.expect("the book outlives its readers");
    }

    pub(super) fn summary(&self) -> String {
        let pages = self.pages();
        let named: Vec<String> = pages.requests.iter().take(MAX_NAMED).map(named).collect();
        format!("there were {}:\n{}", pages.requests.len(), named.join("\n"))
    }

    /// Keeps a request, and says what is to be done with it.
    pub(super) fn record(&self, request: Request) -> Behaviour {
        let mut pages = self.pages();
        let behaviour = pages.behaviour_for(&request);
        if pages.requests.len() < MAX_KEPT {
            pages.requests.push(request);
        }
        // Counted while the lock is held: who sees the count finds the request.
        self.count.send_modify(|count| *count += 1);
        behaviour
    }

    pub(super) fn begin(self: &Arc<Self>, request: &Request) -> Running {
        let path = request.path().to_owned();
        let mut pages = self.pages();
        let (now, most) = pages.running.entry(path.clone()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        Running { book: Arc::clone(self), path }
    }

    pub(super) fn max_concurrent(&self, path: &str) -> usize {
        self.pages().running.get(path).map_or(0, |(_, most)| *most)
    }

    pub(super) fn open_connection(&self) -> watch::Receiver<()> {
        self.connections.subscribe()
    }

    pub(super) fn open_connections(&self) -> usize {
        self.connections.receiver_count()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn behaviour_for(&mut self, request: &Request) -> Behaviour {
        let path = request.path();
        let seen = self.seen.entry((path.to_owned(), request.event_id())).or_default();
        let earlier = *seen;
        *seen += 1;
        if self.hang_next > 0 {
            self.hang_next -= 1;
            return Behaviour::Hang;
        }
        self.told.get(path).cloned().unwrap_or_else(|| behaviour::of_path(path, earlier))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((now, _)) = self.book.pages().running.get_mut(&self.path) {
            *now -= 1;
        }
    }
}

fn named(request: &Request) -> String {
    let event = request.event_id().unwrap_or_default();
    format!("  {} {} event {event:?} attempt {}", request.method, request.target, request.attempt())
}
