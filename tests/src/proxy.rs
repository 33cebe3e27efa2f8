//! An HTTP proxy that opens tunnels (CONNECT), records who asked for what, and fails as it is told. Resolves no names: it knows
//! those that it was told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::wait::{PATIENCE, until};

/// Largest head of a CONNECT that it reads.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What it does with a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Opens the tunnel.
    Tunnel,
    /// Answers with these bytes and closes.
    Answer(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Never answers.
    Hang,
}

impl Conduct {
    /// Answers with this status and nothing else.
    pub fn status(status: u16) -> Self {
        Self::Answer(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }
}

/// A running proxy; it and its tunnels end with its value.
#[derive(Debug)]
pub struct ConnectProxy {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Book {
    conduct: Conduct,
    names: HashMap<String, SocketAddr>,
    connections: usize,
    heads: Vec<String>,
}

impl ConnectProxy {
    /// On a free loopback port, opening tunnels.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Likewise, at this address.
    ///
    /// # Panics
    /// When it can't be listened on.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the proxy's address is free");
        let address = listener.local_addr().expect("it listens");
        let book =
            Book { conduct: Conduct::Tunnel, names: HashMap::new(), connections: 0, heads: Vec::new() };
        let book = Arc::new(Mutex::new(book));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&book)));
        Self { address, book, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, with credentials (`user:password@`) where there are some.
    pub fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}", self.address)
    }

    /// What it does with each CONNECT from now on.
    pub fn conduct(&self, conduct: Conduct) {
        lock(&self.book).conduct = conduct;
    }

    /// Where `name:port` is. It asks nobody else.
    pub fn knows(&self, target: &str, address: SocketAddr) {
        lock(&self.book).names.insert(target.to_owned(), address);
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.book).connections
    }

    /// The heads of all CONNECTs so far.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.book).heads.clone()
    }

    /// What was to be connected to, as it was spelt, in order.
    pub fn targets(&self) -> Vec<String> {
        let target = |head: String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.heads().into_iter().map(target).collect()
    }

    /// Waits until it was asked this often.
    pub async fn wait_for(&self, count: usize) {
        until(&format!("{count} CONNECTs"), PATIENCE, || async {
            let found = lock(&self.book).heads.len();
            if found >= count { Ok(()) } else { Err(found) }
        })
        .await;
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        // The connections are tasks of the accepting one and end with it.
        self.accepting.abort();
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, book: Arc<Mutex<Book>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                lock(&book).connections += 1;
                connections.spawn(serve(stream, Arc::clone(&book)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut client: TcpStream, book: Arc<Mutex<Book>>) {
    let Some(head) = read_head(&mut client).await else { return };
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (conduct, address) = {
        let mut book = lock(&book);
        book.heads.push(head);
        let known = book.names.get(&target).copied();
        (book.conduct.clone(), known.or_else(|| target.parse().ok()))
    };
    match conduct {
        Conduct::Tunnel => tunnel(client, address).await,
        Conduct::Answer(bytes) => {
            let _ = client.write_all(&bytes).await;
        }
        Conduct::Close => {}
        Conduct::Hang => {
            // Until the other side has had enough.
            let _ = client.read(&mut [0]).await;
        }
    }
}

async fn tunnel(mut client: TcpStream, address: Option<SocketAddr>) {
    let connected = match address {
        Some(address) => TcpStream::connect(address).await.ok(),
        None => None,
    };
    let Some(mut receiver) = connected else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = receiver.set_nodelay(true);
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
        let _ = copy_bidirectional(&mut client, &mut receiver).await;
    }
}

async fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD_BYTES || client.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(head).ok()
}
