//! Handshakes that come to nothing, byte by byte.

use std::io;
use std::time::Duration;

use rustls::ServerConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::server::{Chain, Handshake};

/// Between two bytes of a dripping handshake.
const DRIP_PAUSE: Duration = Duration::from_secs(1);

/// Most bytes that are read at a time; a ClientHello is smaller.
const CHUNK_BYTES: usize = 16 * 1024;

/// The ServerHello of a server that stops at TLS 1.1: its version, and a suite of its time (RFC 4346, section A.5).
const OLD_SERVER_HELLO: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    01234567890123456789012345678901\x00\x00\x2f\x00";

/// Answers with a good handshake, one byte a second, until the sender leaves.
pub(super) async fn drip(mut tcp: TcpStream) -> io::Result<()> {
    let flight = first_flight(&mut tcp).await?;
    for byte in flight {
        tcp.write_all(&[byte]).await?;
        sleep(DRIP_PAUSE).await;
    }
    Ok(())
}

/// What a good server sends first.
async fn first_flight(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut server =
        ServerConnection::new(Handshake::showing(Chain::Good).config()).map_err(io::Error::other)?;
    let mut hello = vec![0; CHUNK_BYTES];
    while !server.wants_write() {
        let length = tcp.read(&mut hello).await?;
        let mut unread = &hello[..length];
        if server.read_tls(&mut unread)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        server.process_new_packets().map_err(io::Error::other)?;
    }
    let mut flight = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut flight)?;
    }
    Ok(flight)
}

/// Answers a ClientHello as a server did that knew nothing after TLS 1.1, and waits for the sender to leave.
pub(super) async fn answer_as_old_server(mut tcp: TcpStream) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    if tcp.read(&mut chunk).await? > 0 {
        tcp.write_all(OLD_SERVER_HELLO).await?;
    }
    while tcp.read(&mut chunk).await? > 0 {}
    Ok(())
}
