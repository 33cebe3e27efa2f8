//! From the proxy's name to an open tunnel.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsConnector;

use super::Proxy;
use super::answer::{self, Answer};
use super::fault::ProxyFault;
use super::fault::ProxyFaultKind::{Auth, Connect, Protocol, Tls};
use super::way::Dialling;
use crate::connector::{ConnectFault, server_name};
use crate::dial::dial;
use crate::resolver::Resolver;

/// Bytes read ahead of a CONNECT's answer; larger reads of the tunnel pass it by.
const READ_AHEAD_BYTES: usize = 1024;

/// Bytes both ways, over whatever they go.
pub(crate) trait Transfer: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transfer for T {}

/// An open way through the proxy: from here on it is the receiver who speaks.
pub(crate) type Tunnel = BufReader<Box<dyn Transfer>>;

/// How often the proxy has answered a CONNECT, with yes or no: a sign that it works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes(Arc<AtomicU64>);

impl Passes {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The way out for all requests.
pub(crate) struct Gate {
    proxy: Proxy,
    tls: TlsConnector,
    passes: Passes,
}

impl Gate {
    /// Speaks TLS with the proxy as with receivers, but for HTTP/2, which this CONNECT isn't made for.
    pub(crate) fn new(proxy: Proxy, mut tls: rustls::ClientConfig) -> Self {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { proxy, tls: TlsConnector::from(Arc::new(tls)), passes: Passes::default() }
    }

    pub(crate) fn passes(&self) -> Passes {
        self.passes.clone()
    }

    /// Opens a tunnel to a receiver. An IPv6 address bears brackets.
    pub(crate) async fn tunnel(
        &self,
        resolver: &Resolver,
        host: &str,
        port: u16,
    ) -> Result<Tunnel, ConnectFault> {
        let dialling = Dialling::begin();
        let connection = self.connect(resolver).await.map_err(ConnectFault::Proxy)?;
        dialling.end();
        let mut tunnel = BufReader::with_capacity(READ_AHEAD_BYTES, connection);
        let answer = self.ask(&mut tunnel, host, port).await.map_err(ConnectFault::Proxy)?;
        match answer {
            Answer { status: 407, asks_for_credentials: true } => Err(ConnectFault::Proxy(self.refused())),
            Answer { status, .. } => {
                self.passes.0.fetch_add(1, Ordering::Relaxed);
                if (200..=299).contains(&status) { Ok(tunnel) } else { Err(ConnectFault::ByProxy(status)) }
            }
        }
    }

    async fn connect(&self, resolver: &Resolver) -> Result<Box<dyn Transfer>, ProxyFault> {
        let Proxy { host, port, is_https, .. } = &self.proxy;
        let addresses = resolver.resolve_for_the_operator(host, *port).await;
        let addresses = addresses.map_err(|_| ProxyFault::new(Connect, "its name did not resolve"))?;
        let tcp = dial(&addresses).await.map_err(|error| ProxyFault::of_io(Connect, &error))?;
        if !is_https {
            return Ok(Box::new(tcp));
        }
        let shaken = async { self.tls.connect(server_name(host)?, tcp).await };
        Ok(Box::new(shaken.await.map_err(|error| ProxyFault::of_io(Tls, &error))?))
    }

    async fn ask(&self, tunnel: &mut Tunnel, host: &str, port: u16) -> Result<Answer, ProxyFault> {
        let sent = send(tunnel, &self.question(host, port)).await;
        sent.map_err(|error| ProxyFault::of_io(Protocol, &error))?;
        answer::read(tunnel).await
    }

    fn question(&self, host: &str, port: u16) -> String {
        let credentials = match &self.proxy.authorization {
            Some(value) => format!("Proxy-Authorization: {value}\r\n"),
            None => String::new(),
        };
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{credentials}\r\n")
    }

    fn refused(&self) -> ProxyFault {
        let has_some = self.proxy.authorization.is_some();
        ProxyFault::new(Auth, if has_some { "it refuses those of proxy.url" } else { "proxy.url has none" })
    }
}

async fn send(tunnel: &mut Tunnel, question: &str) -> io::Result<()> {
    tunnel.write_all(question.as_bytes()).await?;
    tunnel.flush().await
}
