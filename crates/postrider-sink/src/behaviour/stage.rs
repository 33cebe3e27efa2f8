//! The listener that plays a behaviour. Owns its sockets and the bounds of its connections; never prints.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Behaviour;
use super::book::{Book, Report};
use super::case::Listener;
use super::player::Scene;

/// Connections at a time; more wait to be accepted. Twice what a worker with default settings opens in all.
const MAX_CONNECTIONS: usize = 512;

/// Longest that one connection is played on, whatever the peer does: five times the longest attempt of a worker.
const MAX_PLAY: Duration = Duration::from_secs(600);

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// A small receive buffer, in bytes; systems round it up to a few kilobytes.
const SMALL_BUFFER: u32 = 2048;

/// Most connections that fit into a queue of none; Linux takes one.
const MAX_CROWD: usize = 8;

/// How long a connection is tried for, to learn that it won't come: over loopback others take a fraction of it.
const SILENCE: Duration = Duration::from_millis(200);

/// Pause after an accept that failed: when files run out, trying on at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A hostile receiver that listens already.
#[derive(Debug)]
pub struct Stage {
    behaviour: Behaviour,
    address: SocketAddr,
    door: Door,
    /// The listener that no request may reach.
    trap: Option<TcpListener>,
    book: Arc<Book>,
}

/// How connections come in.
#[derive(Debug)]
enum Door {
    /// They are accepted.
    Open(TcpListener),
    /// They are made by the system and never accepted.
    Unattended { _listener: TcpListener },
    /// The system drops their packets (Linux), since others wait already that are never accepted.
    Crowded { _listener: TcpListener, _crowd: Vec<TcpStream> },
    /// They are refused. The socket keeps the port from others.
    Closed { _socket: TcpSocket },
}

impl Stage {
    /// Takes the address, so that whoever connects from now on meets the behaviour once [`Self::run`] runs.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn bind(listen: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let (door, address) = open(listen, behaviour.case().listener).await?;
        let has_trap = behaviour.script().is_some_and(super::Scripts::has_trap);
        let trap = if has_trap { Some(TcpListener::bind((listen.ip(), 0)).await?) } else { None };
        Ok(Self { behaviour, address, door, trap, book: Arc::default() })
    }

    /// Reports what is seen to `reports`; call it before the book is taken. What finds the channel full is only counted.
    pub fn report_to(mut self, reports: mpsc::Sender<Report>) -> Self {
        self.book = Arc::new(Book::reporting_to(Some(reports)));
        self
    }

    /// Its URL, with a path.
    pub fn url(&self) -> String {
        let scheme = if self.behaviour.is_https() { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }

    /// What is seen.
    pub fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book)
    }

    /// Plays the behaviour on every connection until `until` ends; then all of them are closed.
    pub async fn run(self, until: impl Future<Output = ()>) {
        tokio::select! {
            () = self.play() => {}
            () = until => {}
        }
    }

    async fn play(self) {
        let Self { behaviour, address, door, trap, book } = self;
        let trap_url = trap.as_ref().and_then(|trap| trap.local_addr().ok());
        let scene = Arc::new(Scene {
            own_url: format!("http://{address}"),
            trap_url: trap_url.map_or_else(String::new, |address| format!("http://{address}")),
            keep_connection: behaviour.case().keep_connection,
            book: Arc::clone(&book),
        });
        tokio::join!(attend(door, behaviour, scene), watch(trap, &book));
    }
}

async fn open(listen: SocketAddr, how: Option<Listener>) -> io::Result<(Door, SocketAddr)> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if how == Some(Listener::SmallBuffer) {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
    }
    // Else a port that was used a moment ago would be refused for a minute. One that only refuses keeps others away.
    socket.set_reuseaddr(how != Some(Listener::Closed))?;
    socket.bind(listen)?;
    let address = socket.local_addr()?;
    let door = match how {
        Some(Listener::Closed) => Door::Closed { _socket: socket },
        Some(Listener::NoAccept) => Door::Unattended { _listener: socket.listen(BACKLOG)? },
        Some(Listener::Deaf) => Door::Crowded { _listener: socket.listen(0)?, _crowd: crowd(address).await? },
        Some(Listener::SmallBuffer) | None => Door::Open(socket.listen(BACKLOG)?),
    };
    Ok((door, address))
}

/// As many connections as fit into a queue that was asked to be short.
async fn crowd(address: SocketAddr) -> io::Result<Vec<TcpStream>> {
    let mut crowd = Vec::new();
    while let Ok(connected) = timeout(SILENCE, TcpStream::connect(address)).await {
        crowd.push(connected?);
        if crowd.len() > MAX_CROWD {
            return Err(io::Error::other("this system drops no packets where too many connections wait"));
        }
    }
    Ok(crowd)
}

/// Plays on every connection that comes in; never ends by itself.
async fn attend(door: Door, behaviour: Behaviour, scene: Arc<Scene>) {
    let Door::Open(listener) = &door else { return pending().await };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, from)) => {
                    connections.spawn(play_on(behaviour, stream, from, Arc::clone(&scene)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn play_on(behaviour: Behaviour, stream: TcpStream, from: SocketAddr, scene: Arc<Scene>) {
    let (begun, number) = (Instant::now(), scene.book.note_connection(from));
    // That the other side broke off is no fault here: it is what most of these are made for.
    let _ = timeout(MAX_PLAY, behaviour.play(stream, number, &scene)).await;
    scene.book.note_end(number, begun.elapsed());
}

/// Counts who falls into the trap; never ends by itself.
async fn watch(trap: Option<TcpListener>, book: &Book) {
    let Some(trap) = trap else { return pending().await };
    loop {
        match trap.accept().await {
            Ok((_, from)) => book.note_trapped(from),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}
