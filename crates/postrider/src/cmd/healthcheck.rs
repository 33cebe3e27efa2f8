//! `postrider healthcheck`: asks the admin port of a worker beside it whether it lives, for containers that
//! have no shell and no curl. Never asks whether it is ready: a worker that waits for Redis must not be
//! restarted for that.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::settings::sections::Http;

/// Limit of each step: connecting, writing, each read. Orchestrators give a probe a few seconds in all.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

/// As much of an answer as is read; the port's own has under 200 bytes.
const MAX_ANSWER_BYTES: u64 = 4096;

/// Ends well only if the answer's status is 200.
pub(crate) fn run(http: &Http) -> anyhow::Result<()> {
    let Some(listen) = http.listen else {
        bail!("http.listen is empty: the worker has no admin port to ask")
    };
    let address = reachable(listen);
    let status = ask(address).with_context(|| format!("no answer from http://{address}/healthz"))?;
    if status != "200" {
        bail!("http://{address}/healthz answered {status}");
    }
    Ok(())
}

/// Where a port can be reached from this machine that listens there: a wildcard address is none to connect
/// to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    // In one write: a server may answer and close before a second one.
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    status_of(&answer).ok_or_else(|| io::Error::other("the answer is not HTTP/1.1"))
}

fn status_of(answer: &[u8]) -> Option<String> {
    let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    status.iter().all(u8::is_ascii_digit).then(|| String::from_utf8_lossy(status).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_listens_everywhere_is_asked_on_loopback() {
        for (listen, reached) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("10.0.0.7:80", "10.0.0.7:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), reached);
        }
    }

    #[test]
    fn only_http_has_a_status() {
        assert_eq!(status_of(b"HTTP/1.1 503 Service Unavailable\r\n"), Some("503".into()));
        for bad in [&b""[..], b"HTTP/1.1 2", b"HTTP/1.1 abc\r\n", b"SSH-2.0-x"] {
            assert_eq!(status_of(bad), None);
        }
    }
}
