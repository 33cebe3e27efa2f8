//! Opens connections for the HTTP client: resolve, check, dial, TLS; or a tunnel of the operator's proxy instead of the first
//! three. Every connection of the sender begins here, so no address is connected to unchecked.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use postrider_core::outcome::NoAnswer;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::dial::dial;
use crate::proxy::fault::ProxyFault;
use crate::proxy::gate::Gate;
use crate::resolver::Resolver;
use crate::stream::Stream;

/// Longest time to connect, for connections that outlive the attempt that asked for them: a little more than the contract's
/// longest attempt, whose own deadline knows whose fault it is.
const CONNECT_LIMIT: Duration = Duration::from_secs(125);

/// Why there is no connection. Its text holds no address, since the hook's owner may read it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFault {
    #[error("the host name did not resolve")]
    Dns(#[source] Option<io::Error>),
    #[error("the host name resolved to an address that is not allowed")]
    NotAllowed,
    #[error("the connection could not be made")]
    Tcp(#[source] io::Error),
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("connecting took too long")]
    TimedOut,
    #[error("the proxy does not work")]
    Proxy(#[source] ProxyFault),
    #[error("the proxy refused or failed to reach the receiver")]
    ByProxy(u16),
}

impl ConnectFault {
    pub(crate) fn cause(&self) -> NoAnswer {
        match self {
            Self::Dns(_) => NoAnswer::Dns,
            Self::NotAllowed => NoAnswer::AddressNotAllowed,
            Self::Tcp(_) => NoAnswer::Connect,
            Self::Tls(_) => NoAnswer::Tls,
            Self::TimedOut => NoAnswer::Timeout,
            Self::ByProxy(status) => NoAnswer::ByProxy { status: *status },
            Self::Proxy(_) => NoAnswer::Proxy,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Connector {
    resolver: Arc<Resolver>,
    tls: TlsConnector,
    /// The proxy that all requests go through, if any.
    gate: Option<Arc<Gate>>,
}

impl Connector {
    pub(crate) fn new(resolver: Resolver, tls: rustls::ClientConfig, gate: Option<Gate>) -> Self {
        let (resolver, tls) = (Arc::new(resolver), TlsConnector::from(Arc::new(tls)));
        Self { resolver, tls, gate: gate.map(Arc::new) }
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ConnectFault> {
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().ok_or(ConnectFault::Dns(None))?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        if let Some(gate) = &self.gate {
            return Box::pin(self.connect_through(gate, host, port, is_tls)).await;
        }
        let addresses = self.resolver.resolve(host, port).await?;
        let tcp = dial(&addresses).await.map_err(ConnectFault::Tcp)?;
        if is_tls {
            self.shake_hands(host, tcp).await.map(Stream::tls).map_err(ConnectFault::Tls)
        } else {
            Ok(Stream::plain(tcp))
        }
    }

    async fn connect_through(
        &self,
        gate: &Gate,
        host: &str,
        port: u16,
        is_tls: bool,
    ) -> Result<Stream, ConnectFault> {
        let tunnel = gate.tunnel(&self.resolver, host, port).await?;
        if is_tls {
            self.shake_hands(host, tunnel).await.map(Stream::tunnelled_tls).map_err(ConnectFault::Tls)
        } else {
            Ok(Stream::tunnelled(tunnel))
        }
    }

    async fn shake_hands<T>(&self, host: &str, transport: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        self.tls.connect(server_name(host)?, transport).await
    }
}

/// The name that the certificate must bear; the root's dot is never part of one (RFC 6066, section 3).
pub(crate) fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches([']', '.']);
    ServerName::try_from(bare.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.clone().connect(uri);
        Box::pin(async {
            let stream = timeout(CONNECT_LIMIT, connecting).await.map_err(|_| ConnectFault::TimedOut)??;
            Ok(TokioIo::new(stream))
        })
    }
}
