//! The receiver: answers as the class in the path says, and notes each request in a few bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postrider_tests::receiver::request::Request;
use postrider_tests::receiver::wire::Wire;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::job::{Answer, Class, number_of};
use crate::ledger::Ledger;

/// What the name of a worker, as receivers see it, looks like; its number stands in the middle.
pub(crate) const WORKER_URL: (&str, &str) = ("http://w", ".test");

/// A running receiver; it ends with its value.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// On a free loopback port.
    pub(crate) async fn start(ledger: Arc<Ledger>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, ledger)) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, ledger: Arc<Ledger>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&ledger)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, ledger: Arc<Ledger>) {
    let mut wire = Wire::new(stream);
    while let Ok(Some(request)) = wire.next_request().await {
        let Some(seen) = Seen::of(&request) else {
            ledger.problem(format!("a request that no job of the load explains: {request:?}"));
            return;
        };
        let place = ledger.arrived(seen.job, seen.attempt, seen.worker);
        let status = answer(&mut wire, seen, |status| ledger.ended(place, status)).await;
        if status.is_none() {
            ledger.ended(place, 0);
            return;
        }
    }
}

/// Answers; `None` where the connection is done with. `begins` is told of the status just before it is written.
async fn answer(wire: &mut Wire, seen: Seen, begins: impl FnOnce(u16)) -> Option<()> {
    match seen.class.answer(seen.job, u32::from(seen.attempt)) {
        Answer::Status { status, after_ms, retry_after } => {
            if after_ms > 0 {
                wire.unless_closed(tokio::time::sleep(Duration::from_millis(after_ms))).await?;
            }
            begins(status);
            let sent = wire.send(head(status, retry_after).as_bytes()).await;
            // That it could not be sent changes nothing about what was decided, and the reader notices.
            let _ = sent;
            Some(())
        }
        Answer::Never => wire.unless_closed(std::future::pending()).await,
        Answer::Close => None,
    }
}

fn head(status: u16, retry_after: Option<u64>) -> String {
    let hint = retry_after.map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\r\n"));
    format!("HTTP/1.1 {status} Told\r\n{hint}Content-Length: 0\r\n\r\n")
}

/// What a request says about itself.
#[derive(Clone, Copy, Debug)]
struct Seen {
    class: Class,
    job: u32,
    attempt: u16,
    worker: u16,
}

impl Seen {
    fn of(request: &Request) -> Option<Self> {
        let (before, after) = WORKER_URL;
        let worker = request.header("ce-source")?.strip_prefix(before)?.strip_suffix(after)?;
        Some(Self {
            class: Class::of_name(request.path().strip_prefix('/')?)?,
            job: number_of(request.header("ce-id")?)?,
            attempt: u16::try_from(request.attempt()).ok()?,
            worker: worker.parse().ok()?,
        })
    }
}
