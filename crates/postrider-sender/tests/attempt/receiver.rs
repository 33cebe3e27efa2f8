//! A receiver that does exactly what its script says, byte by byte. It ends with the test.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// What a receiver saw so far.
#[derive(Default)]
pub(crate) struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    pub(crate) sent_bytes: AtomicUsize,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    accepting: AbortHandle,
}

impl Receiver {
    /// Runs `script` for each connection.
    pub(crate) async fn start<S, F>(script: S) -> Self
    where
        S: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_at(([127, 0, 0, 1], 0).into(), script).await
    }

    /// Likewise, on this address.
    pub(crate) async fn start_at<S, F>(address: SocketAddr, script: S) -> Self
    where
        S: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                connections.spawn(script(Connection { tcp, number, seen: Arc::clone(&shared) }));
            }
        });
        Self { address, seen, accepting: accepting.abort_handle() }
    }

    /// Answers each request of each connection with the same bytes.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut connection| async move {
            while connection.request().await.is_some() {
                connection.send(answer.as_bytes()).await;
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The whole requests so far, heads and bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection in the hands of a script.
pub(crate) struct Connection {
    pub(crate) tcp: TcpStream,
    /// 1, 2, … in the order of arrival.
    pub(crate) number: usize,
    seen: Arc<Seen>,
}

impl Connection {
    /// The next whole request; `None` when the sender has closed.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if self.tcp.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        let text = String::from_utf8(request).unwrap();
        self.seen.requests.lock().unwrap().push(text.clone());
        Some(text)
    }

    /// Sends bytes; gives up quietly when the sender has closed. Says whether they went out.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.tcp.write_all(bytes).await.is_ok();
        self.seen.sent_bytes.fetch_add(if sent { bytes.len() } else { 0 }, Ordering::SeqCst);
        sent
    }

    /// Closes with a reset instead of a FIN.
    pub(crate) fn reset(self) {
        self.tcp.set_zero_linger().unwrap();
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
