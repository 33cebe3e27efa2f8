//! One connection through the proxy: both its halves, until one of them, or a cut, ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::faults::Fate;
use super::{Direction, Switches};

/// Bytes moved at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes moved at a time where they are slowed down: small steps, as a slow line makes them.
const SLOW_CHUNK_BYTES: usize = 1024;

/// Answers of the proxy's own that wait to be written; a trap springs once.
const MAX_ANSWERS: usize = 4;

/// What both directions of a connection know.
struct Line<'a> {
    number: u64,
    switches: &'a Switches,
    /// The next bytes from the server are not to arrive.
    loses_reply: AtomicBool,
}

/// Joins a client to the server.
pub(super) async fn join(mut client: TcpStream, mut server: TcpStream, number: u64, switches: Arc<Switches>) {
    // Borrowed halves: dropping an owned one ends its direction in good order, before the reset.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let line = Line { number, switches: &switches, loses_reply: AtomicBool::new(false) };
    let (answer, answers) = mpsc::channel(MAX_ANSWERS);
    tokio::select! {
        () = line.to_server(from_client, to_server, answer) => {}
        () = line.to_client(from_server, to_client, answers) => {}
    }
}

impl Line<'_> {
    async fn to_server(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, answer: mpsc::Sender<Vec<u8>>) {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut lost_some = false;
        while let Ok(length @ 1..) = from.read(self.step(&mut chunk)).await {
            let bytes = &chunk[..length];
            let sent = match self.fate(Direction::ToServer, bytes, lost_some) {
                Fate::Passed { after } => {
                    tokio::time::sleep(after).await;
                    to.write_all(bytes).await
                }
                Fate::PassedWithoutReply => {
                    self.loses_reply.store(true, Ordering::Relaxed);
                    self.switches.trap_has_sprung();
                    to.write_all(bytes).await
                }
                Fate::Answered(bytes) => {
                    self.switches.trap_has_sprung();
                    // Fails only when the other direction has ended, and with it this one.
                    let _ = answer.send(bytes).await;
                    Ok(())
                }
                Fate::Lost => {
                    lost_some = true;
                    Ok(())
                }
                Fate::CutAfter(_) | Fate::CutNow => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn to_client(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        mut answers: mpsc::Receiver<Vec<u8>>,
    ) {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut lost_some = false;
        loop {
            let step = self.step(&mut chunk);
            let length = tokio::select! {
                Some(answer) = answers.recv() => {
                    if to.write_all(&answer).await.is_err() { return }
                    continue;
                }
                read = from.read(step) => match read { Ok(length @ 1..) => length, _ => return },
            };
            let bytes = &chunk[..length];
            if self.loses_reply.load(Ordering::Relaxed) {
                return;
            }
            let sent = match self.fate(Direction::ToClient, bytes, lost_some) {
                Fate::Passed { after } => {
                    tokio::time::sleep(after).await;
                    to.write_all(bytes).await
                }
                Fate::Lost => {
                    lost_some = true;
                    Ok(())
                }
                Fate::CutAfter(passed) => {
                    let sent = to.write_all(&bytes[..passed]).await;
                    self.switches.cut();
                    sent
                }
                Fate::CutNow | Fate::PassedWithoutReply | Fate::Answered(_) => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    fn fate(&self, direction: Direction, bytes: &[u8], lost_some: bool) -> Fate {
        self.switches.faults().fate(direction, bytes, self.number, lost_some)
    }

    fn step<'c>(&self, chunk: &'c mut [u8]) -> &'c mut [u8] {
        let most = if self.switches.faults().rate.is_some() { SLOW_CHUNK_BYTES } else { CHUNK_BYTES };
        &mut chunk[..most]
    }
}
