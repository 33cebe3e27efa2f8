//! A bad network: a TCP proxy whose faults are switched while it runs. Owns both halves of each connection; never looks
//! into the bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes moved at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected.
    ToServer,
    /// From who was connected to.
    ToClient,
}

/// What becomes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passed {
        after: Duration,
    },
    /// Lost without a sign; the connection can't go on once the fault is over.
    Lost,
    /// The first bytes pass, then every connection is reset.
    CutAfter(usize),
    /// This connection has lost bytes before: going on would garble it.
    CutNow,
}

#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    lose_to_server: bool,
    lose_to_client: bool,
    refuse: bool,
    delay: Duration,
    cut_after: Option<usize>,
}

impl Faults {
    /// Decides the fate of `length` bytes on a connection that has `lost_some` before, and uses up what is counted.
    fn fate(&mut self, direction: Direction, length: usize, lost_some: bool) -> Fate {
        let lost = match direction {
            Direction::ToServer => self.lose_to_server,
            Direction::ToClient => self.lose_to_client,
        };
        if lost {
            return Fate::Lost;
        }
        if lost_some {
            return Fate::CutNow;
        }
        match self.cut_after {
            Some(left) if direction == Direction::ToClient && length > left => {
                self.cut_after = None;
                Fate::CutAfter(left)
            }
            Some(left) if direction == Direction::ToClient => {
                self.cut_after = Some(left - length);
                Fate::Passed { after: self.delay }
            }
            _ => Fate::Passed { after: self.delay },
        }
    }
}

/// A running proxy; its connections are reset when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    switches: Arc<Switches>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Switches {
    faults: Mutex<Faults>,
    /// Raised to reset all connections; its receivers are the open ones.
    cuts: watch::Sender<u64>,
}

impl FaultProxy {
    /// Passes everything between its own loopback port and `server` at first.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let address = listener.local_addr().expect("it listens");
        let switches = Arc::new(Switches { faults: Mutex::default(), cuts: watch::Sender::new(0) });
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&switches)));
        Self { address, switches, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every fault. Connections that have lost bytes are reset at their next ones.
    pub fn pass(&self) {
        *self.switches.faults() = Faults::default();
    }

    /// Resets all connections once; new ones are welcome.
    pub fn cut(&self) {
        self.switches.cut();
    }

    /// Loses all bytes of both directions without a sign.
    pub fn blackhole(&self) {
        let mut faults = self.switches.faults();
        (faults.lose_to_server, faults.lose_to_client) = (true, true);
    }

    /// Loses all bytes of one direction without a sign.
    pub fn blackhole_one_way(&self, direction: Direction) {
        let mut faults = self.switches.faults();
        match direction {
            Direction::ToServer => faults.lose_to_server = true,
            Direction::ToClient => faults.lose_to_client = true,
        }
    }

    /// Delays each chunk by this much.
    pub fn delay(&self, delay: Duration) {
        self.switches.faults().delay = delay;
    }

    /// Lets this many more bytes through from server to client, then resets all connections once: 0 loses the next reply
    /// to something that the server has done.
    pub fn cut_after_bytes(&self, bytes: usize) {
        self.switches.faults().cut_after = Some(bytes);
    }

    /// Resets each new connection at once; those that are open stay.
    pub fn refuse(&self) {
        self.switches.faults().refuse = true;
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.switches.cuts.receiver_count()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Switches {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, switches: Arc<Switches>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                reset_when_closed(&client);
                if !switches.faults().refuse {
                    connections.spawn(join(client, server, Arc::clone(&switches)));
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Joins a client to the server until one of them, or a cut, ends it.
async fn join(mut client: TcpStream, server: SocketAddr, switches: Arc<Switches>) {
    let mut cuts = switches.cuts.subscribe();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    reset_when_closed(&server);
    // Borrowed halves: dropping an owned one ends its direction in good order, before the reset.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        () = pump(from_client, to_server, Direction::ToServer, &switches) => {}
        () = pump(from_server, to_client, Direction::ToClient, &switches) => {}
        _ = cuts.changed() => {}
    }
}

/// Moves bytes one way until there are no more, or the connection is to be cut.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, direction: Direction, switches: &Switches) {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut lost_some = false;
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let fate = switches.faults().fate(direction, length, lost_some);
        let sent = match fate {
            Fate::Passed { after } => {
                tokio::time::sleep(after).await;
                to.write_all(&chunk[..length]).await
            }
            Fate::Lost => {
                lost_some = true;
                Ok(())
            }
            Fate::CutAfter(passed) => {
                let sent = to.write_all(&chunk[..passed]).await;
                switches.cut();
                sent
            }
            Fate::CutNow => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

fn reset_when_closed(stream: &TcpStream) {
    // Neither can fail on an open socket in a way that matters to a test.
    let _ = (stream.set_zero_linger(), stream.set_nodelay(true));
}

#[cfg(test)]
mod tests;
