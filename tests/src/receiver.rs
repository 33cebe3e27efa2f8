//! A receiver that records every request byte for byte and behaves as its paths say, or as it is told.
//!
//! - [`request`]: what is recorded; [`behaviour`]: what the paths mean; [`wire`]: HTTP/1.1 by hand, so that anything can be answered.
//! - `book`: what was recorded, and who waits for it.

pub mod behaviour;
mod book;
pub mod request;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::wait::PATIENCE;
use behaviour::{Answer, Behaviour};
use book::Book;
use request::Request;
use wire::Wire;

/// A running receiver; it ends with its value.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    book: Arc<Book>,
    accepting: JoinHandle<()>,
}

/// Requests to one path that are held until this is told to answer them; dropping it without that closes them.
#[derive(Debug)]
pub struct Hold(watch::Sender<Option<Answer>>);

impl Hold {
    /// Answers all that are held, and all that come later, with this status.
    pub fn release(&self, status: u16) {
        self.0.send_replace(Some(Answer::new(status)));
    }
}

impl Receiver {
    /// On a free loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let address = listener.local_addr().expect("it listens");
        let book = Arc::new(Book::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&book)));
        Self { address, book, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path of it; see [`behaviour::of_path`] for what paths do.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers `path` with `status` from now on.
    pub fn respond(&self, path: &str, status: u16) {
        self.behave(path, Behaviour::Answer(Answer::new(status)));
    }

    /// Behaves like this at `path` (without query) from now on.
    pub fn behave(&self, path: &str, behaviour: Behaviour) {
        self.book.behave(path, behaviour);
    }

    /// Holds what comes to `path` from now on.
    pub fn hold(&self, path: &str) -> Hold {
        let (answer, held) = watch::channel(None);
        self.behave(path, Behaviour::Held(held));
        Hold(answer)
    }

    /// Never answers the next request, whatever its path; those after it are answered.
    pub fn hang_once(&self) {
        self.book.hang_next();
    }

    /// All requests so far, in the order in which they were complete.
    pub fn requests(&self) -> Vec<Request> {
        self.book.requests(|_| true)
    }

    /// The requests so far to `path` (without query).
    pub fn requests_to(&self, path: &str) -> Vec<Request> {
        self.book.requests(|request| request.path() == path)
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.book.count()
    }

    /// The next request that this hasn't returned yet, waiting for it where needed.
    ///
    /// # Panics
    /// When none comes: says which there were.
    pub async fn next_request(&self) -> Request {
        let number = self.book.take_number();
        self.wait_for(number + 1).await.swap_remove(number)
    }

    /// All requests, once there are at least `count`.
    ///
    /// # Panics
    /// When they don't come: says which there were.
    pub async fn wait_for(&self, count: usize) -> Vec<Request> {
        self.wait_at_most(count, PATIENCE).await
    }

    async fn wait_at_most(&self, count: usize, patience: Duration) -> Vec<Request> {
        let seen = tokio::time::timeout(patience, self.book.reaches(count)).await;
        assert!(seen.is_ok(), "waited {patience:?} for {count} requests; {}", self.book.summary());
        self.requests()
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.book.open_connections()
    }

    /// The most requests to `path` that were unanswered at the same time.
    pub fn max_concurrent(&self, path: &str) -> usize {
        self.book.max_concurrent(path)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The connections are tasks of the accepting one and end with it.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&book)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection: request after request, until either side ends it.
async fn serve(stream: TcpStream, book: Arc<Book>) {
    let _open = book.open_connection();
    let mut wire = Wire::new(stream);
    while let Ok(Some(request)) = wire.next_request().await {
        let running = book.begin(&request);
        let behaviour = book.record(request);
        let goes_on = carry_out(behaviour, &mut wire).await;
        drop(running);
        if !goes_on {
            return;
        }
    }
}

/// Does what is to be done; whether the connection lives on.
async fn carry_out(behaviour: Behaviour, wire: &mut Wire) -> bool {
    match behaviour {
        Behaviour::Answer(answer) => wire.send(&answer.to_bytes()).await,
        Behaviour::Later(wait, answer) => {
            tokio::time::sleep(wait).await;
            wire.send(&answer.to_bytes()).await
        }
        Behaviour::Held(held) => match wire.unless_closed(released(held)).await.flatten() {
            Some(answer) => wire.send(&answer.to_bytes()).await,
            None => false,
        },
        Behaviour::Hang => {
            wire.unless_closed(std::future::pending::<()>()).await;
            false
        }
        Behaviour::Raw(bytes) => {
            wire.send(&bytes).await;
            false
        }
        Behaviour::Close => false,
        Behaviour::Reset => {
            wire.reset();
            false
        }
    }
}

/// The answer, once there is one; `None` when there will be none.
async fn released(mut held: watch::Receiver<Option<Answer>>) -> Option<Answer> {
    held.wait_for(Option::is_some).await.ok()?.clone()
}

#[cfg(test)]
mod tests;
