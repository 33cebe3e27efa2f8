//! From checked addresses to a TCP connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an address is tried alone before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that accepts, giving each a head start over the next.
///
/// Has no limit of its own beyond the system's: the caller bounds it, and the list.
pub(crate) async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut dialling = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        dialling.push(TcpStream::connect(*address));
        match timeout(HEAD_START, dialling.next()).await {
            Ok(Some(Ok(tcp))) => return ready_for_requests(tcp),
            Ok(Some(Err(error))) => failure = error,
            Ok(None) | Err(_) => {}
        }
    }
    while let Some(result) = dialling.next().await {
        match result {
            Ok(tcp) => return ready_for_requests(tcp),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn ready_for_requests(tcp: TcpStream) -> io::Result<TcpStream> {
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
