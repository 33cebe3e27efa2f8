//! A bad network: a TCP proxy whose faults are switched while it runs. Owns both halves of each connection. Looks into the bytes
//! only for the one command that a trap waits for, and knows nothing of what they mean.
//!
//! - [`faults`]: what becomes of bytes; [`line`]: one connection.

mod faults;
mod line;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::faults::{Faults, Snare, Trap};
use crate::wait::PATIENCE;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected.
    ToServer,
    /// From who was connected to.
    ToClient,
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
    /// Connections so far, those included that were refused.
    lines: watch::Sender<u64>,
    /// Traps that have sprung.
    sprung: watch::Sender<u64>,
}

impl FaultProxy {
    /// Passes everything between its own loopback port and `server` at first.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let address = listener.local_addr().expect("it listens");
        let [cuts, lines, sprung] = std::array::from_fn(|_| watch::Sender::new(0));
        let switches = Arc::new(Switches { faults: Mutex::default(), cuts, lines, sprung });
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

    /// Moves at most so many bytes a second, each way of each connection.
    pub fn throttle(&self, bytes_per_second: u64) {
        self.switches.faults().rate = Some(bytes_per_second);
    }

    /// Loses all bytes of the connections that are open now, without a sign and for good; new ones are welcome.
    pub fn forget_open_connections(&self) {
        let lines = *self.switches.lines.borrow();
        self.switches.faults().lost_below = lines;
    }

    /// Lets the next command pass that holds all of `marks`, and resets its connection when the reply comes: it was done, and
    /// who sent it can't know. The command must come in one piece, as all do that are not large.
    pub fn lose_reply_to(&self, marks: &[&[u8]]) {
        self.set_trap(marks, Snare::LoseReply);
    }

    /// Keeps the next command that holds all of `marks`, and answers it with these bytes.
    pub fn answer(&self, marks: &[&[u8]], bytes: &[u8]) {
        self.set_trap(marks, Snare::Answer(bytes.to_vec()));
    }

    /// Waits until so many traps have sprung since the start.
    ///
    /// # Panics
    /// When the commands don't come.
    pub async fn wait_sprung(&self, count: u64) {
        let mut sprung = self.switches.sprung.subscribe();
        let waited = tokio::time::timeout(PATIENCE, sprung.wait_for(|sprung| *sprung >= count)).await;
        assert!(waited.is_ok(), "the command that a trap waits for never came");
    }

    fn set_trap(&self, marks: &[&[u8]], snare: Snare) {
        let marks = marks.iter().map(|mark| mark.to_vec()).collect();
        self.switches.faults().trap = Some(Trap { marks, snare });
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

    fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    fn trap_has_sprung(&self) {
        self.sprung.send_modify(|sprung| *sprung += 1);
    }

    /// The number of the connection that comes now.
    fn next_line(&self) -> u64 {
        let number = *self.lines.borrow();
        self.lines.send_modify(|lines| *lines += 1);
        number
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, switches: Arc<Switches>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                reset_when_closed(&client);
                let number = switches.next_line();
                if !switches.faults().refuse {
                    connections.spawn(connect(client, server, number, Arc::clone(&switches)));
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, server: SocketAddr, number: u64, switches: Arc<Switches>) {
    // Counted as open from here on, and cut with the others.
    let mut cuts = switches.cuts();
    let Ok(server) = TcpStream::connect(server).await else { return };
    reset_when_closed(&server);
    tokio::select! {
        () = line::join(client, server, number, Arc::clone(&switches)) => {}
        _ = cuts.changed() => {}
    }
}

fn reset_when_closed(stream: &TcpStream) {
    // Neither can fail on an open socket in a way that matters to a test.
    let _ = (stream.set_zero_linger(), stream.set_nodelay(true));
}

#[cfg(test)]
mod tests;
