//! The receiver: a process of its own that answers as fast as one thread can, and notes what came when.
//!
//! It knows just enough HTTP/1.1 for the senders that it meets. What it does with a request, its path says
//! ([`wire::Route`]); what it has seen, it tells over the same port.

mod book;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) use self::book::Seen;
use self::book::{Book, Goal};
use self::wire::Route;
use crate::clock::now_us;

/// A receiver that nobody has ended by then was left behind.
const MAX_LIFE: Duration = Duration::from_secs(3600);

/// Room for one request: more is read when it fills up, to [`wire::MAX_REQUEST_BYTES`].
const READ_BYTES: usize = 4096;

const ACCEPTED: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// Prints its URL, then answers until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.context("failed to listen on loopback")?;
        println!("http://{}", listener.local_addr()?);
        // Being left alone for so long is no error of its own.
        tokio::time::timeout(MAX_LIFE, accept(listener)).await.unwrap_or(Ok(()))
    })
}

async fn accept(listener: TcpListener) -> anyhow::Result<()> {
    let book = SharedBook::default();
    loop {
        let (stream, _) = listener.accept().await.context("failed to accept a connection")?;
        stream.set_nodelay(true)?;
        let connection = Connection { stream, book: book.clone(), unread: Vec::with_capacity(READ_BYTES) };
        // A connection's end, of whatever kind, concerns no other.
        tokio::spawn(connection.serve());
    }
}

#[derive(Clone, Default)]
struct SharedBook(Arc<Mutex<Book>>);

impl SharedBook {
    fn open(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Connection {
    stream: TcpStream,
    book: SharedBook,
    unread: Vec<u8>,
}

impl Connection {
    async fn serve(mut self) -> io::Result<()> {
        loop {
            while let Some((route, length)) = wire::parse(&self.unread)? {
                self.unread.drain(..length);
                self.answer(route).await?;
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Ok(());
            }
        }
    }

    async fn answer(&mut self, route: Route) -> io::Result<()> {
        let now = now_us();
        match route {
            Route::Plain => self.book.open().delivered(now),
            Route::SentAt(sent) => self.book.open().sampled(now, now.saturating_sub(sent)),
            Route::RefusedOnce(number) => {
                if self.book.open().refused_once(now, number) {
                    return self.stream.write_all(REFUSED).await;
                }
            }
            Route::HeldOnce(number) => {
                let first = self.book.open().held_once(now, number);
                if first {
                    return self.hold().await;
                }
            }
            Route::Hang => {
                self.book.open().hung();
                return self.hold().await;
            }
            Route::Await(goal) => return self.tell_when(goal).await,
        }
        self.stream.write_all(ACCEPTED).await
    }

    /// Answers nothing until the sender is gone.
    async fn hold(&mut self) -> io::Result<()> {
        while self.stream.read_buf(&mut self.unread).await? > 0 {
            if self.unread.len() > wire::MAX_REQUEST_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    async fn tell_when(&mut self, goal: Goal) -> io::Result<()> {
        let reached = self.book.open().reached(goal);
        reached.notified().await;
        let seen = serde_json::to_string(&self.book.open().seen())?;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len());
        self.stream.write_all(answer.as_bytes()).await
    }
}
