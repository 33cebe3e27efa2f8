//! Connections of the admin port: how many, for how long, and how they end. What they ask is the router's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use postrider_core::summary::Summary;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait in the system's backlog. Probes and a few scrapers need under ten.
pub const MAX_CONNECTIONS: usize = 64;

/// How long a connection may take to send the head of a request, or lie idle between two.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is used: one that never reads its answers gives up its place by then.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(60);

/// How long requests in flight may go on once the port stops, or their connection's time is up.
pub const STOP_GRACE: Duration = Duration::from_secs(1);

/// The wait after a failed accept: out of file descriptors, a loop without a pause would take the whole core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Largest request head in bytes: probes send a few hundred.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Answers until `stopped`'s sender is gone, then lets what is in flight end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = accept(&listener), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(converse(stream, peer, router.clone(), stopped.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Who is at the other end of a connection; every request bears it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    /// One that nothing is known of, and that is nobody on this machine.
    pub(crate) fn unknown() -> Self {
        Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }
}

/// Without files to open, it fails again and again.
static ACCEPT_LINES: Summary = Summary::new();

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                ACCEPT_LINES.tell(Instant::now(), |more| {
                    tracing::warn!(%error, more, "admin port failed to accept a connection");
                });
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end. How it ended is the caller's business, not ours: nothing is logged.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(STOP_GRACE, connection).await;
}
