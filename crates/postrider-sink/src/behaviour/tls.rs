//! Handshakes that fail, and faults above good ones. Owns what each play does after the TCP connection is there.

mod handshake;
mod server;

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) use self::server::{Chain, Handshake, TlsStream};

use self::server::Client;

use super::book::{Book, Request};
use super::case::Case;
use super::value::header;

/// Cases beyond those of the file, in its form.
pub(super) const MORE_CASES: &str = r#"[
    {"id": "tls-old", "group": "tls", "name": "old_protocol", "behaviour": "TLS 1.1 and no later",
     "expect": "retried", "needs": "tls"},
    {"id": "tls-weak", "group": "tls", "name": "weak_rsa", "behaviour": "a chain with an RSA key of 1,024 bits",
     "expect": "retried", "needs": "tls"}
]"#;

/// Largest head that is read.
const MAX_HEAD_BYTES: usize = 64 * 1024;

const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One of them.
pub(super) enum Play {
    /// A handshake like this; a sender that goes on has its request accepted.
    Shakes(Handshake),
    /// A handshake whose bytes come one a second.
    Drips,
    /// A handshake of TLS 1.1.
    Old,
    /// The request is accepted, and TCP closed without the end that TLS has for it.
    EndsAbruptly,
}

impl Play {
    /// The play of a case, where it is one of these.
    pub(super) fn of(case: &Case) -> Option<Self> {
        let showing = |chain| Some(Self::Shakes(Handshake::showing(chain)));
        match case.name.as_str() {
            "self_signed" => showing(Chain::SelfSigned),
            "expired" => showing(Chain::Expired),
            "wrong_name" => showing(Chain::WrongName),
            "revoked_or_sha1" => showing(Chain::Sha1),
            "weak_rsa" => showing(Chain::WeakRsa),
            "handshake_drip" => Some(Self::Drips),
            "old_protocol" => Some(Self::Old),
            "client_cert_wanted" => {
                Some(Self::Shakes(Handshake { client: Client::Certified, ..Handshake::showing(Chain::Good) }))
            }
            "close_without_close_notify" => Some(Self::EndsAbruptly),
            _ => None,
        }
    }

    /// Plays it on one connection, the `connection`th since the start (the first is 1).
    pub(super) async fn play(&self, stream: TcpStream, connection: u64, book: &Book) -> io::Result<()> {
        match self {
            Self::Shakes(handshake) => accept_requests(*handshake, stream, connection, book).await,
            Self::Drips => handshake::drip(stream).await,
            Self::Old => handshake::answer_as_old_server(stream).await,
            Self::EndsAbruptly => end_abruptly(stream, connection, book).await,
        }
    }
}

async fn accept_requests(
    handshake: Handshake,
    tcp: TcpStream,
    connection: u64,
    book: &Book,
) -> io::Result<()> {
    let mut tls = handshake.accept(tcp).await?;
    while let Some(request) = read_request(&mut tls, connection).await? {
        book.note_request(request);
        tls.write_all(ACCEPTED).await?;
        tls.flush().await?;
    }
    tls.shutdown().await
}

async fn end_abruptly(tcp: TcpStream, connection: u64, book: &Book) -> io::Result<()> {
    let mut tls = Handshake::showing(Chain::Good).accept(tcp).await?;
    if let Some(request) = read_request(&mut tls, connection).await? {
        book.note_request(request);
        tls.write_all(ACCEPTED).await?;
        tls.flush().await?;
    }
    // Past TLS, which would say goodbye first.
    tls.get_mut().0.shutdown().await
}

/// The next request, whose body is read and forgotten; `None` when the sender has closed before its end.
async fn read_request(tls: &mut TlsStream, connection: u64) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let head_bytes = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if tls.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_bytes]).into_owned();
    let body_bytes = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let missing = (head_bytes as u64).saturating_add(body_bytes).saturating_sub(bytes.len() as u64);
    let came = tokio::io::copy(&mut tls.take(missing), &mut tokio::io::sink()).await?;
    Ok((came == missing).then_some(Request { connection, head, body_bytes }))
}
