//! Opens connections for the HTTP client: resolve, check, dial, TLS. Every connection of the sender begins here, so no
//! address is connected to unchecked.

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
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::dial::dial;
use crate::resolver::Resolver;
use crate::stream::Stream;

/// Longest time to connect, for connections that outlive the attempt that asked for them: the contract's longest attempt.
const CONNECT_LIMIT: Duration = Duration::from_secs(120);

/// Why there is no connection. Its text holds no address, since the hook's owner may read it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFault {
    #[error("the host name did not resolve")]
    Dns,
    #[error("the host name resolved to an address that is not allowed")]
    NotAllowed,
    #[error("the connection could not be made")]
    Tcp(#[source] io::Error),
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("connecting took too long")]
    TimedOut,
}

impl ConnectFault {
    pub(crate) fn cause(&self) -> NoAnswer {
        match self {
            Self::Dns => NoAnswer::Dns,
            Self::NotAllowed => NoAnswer::AddressNotAllowed,
            Self::Tcp(_) => NoAnswer::Connect,
            Self::Tls(_) => NoAnswer::Tls,
            Self::TimedOut => NoAnswer::Timeout,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Connector {
    resolver: Arc<Resolver>,
    tls: TlsConnector,
}

impl Connector {
    pub(crate) fn new(resolver: Resolver, tls: rustls::ClientConfig) -> Self {
        Self { resolver: Arc::new(resolver), tls: TlsConnector::from(Arc::new(tls)) }
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ConnectFault> {
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().ok_or(ConnectFault::Dns)?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let addresses = self.resolver.resolve(host, port).await?;
        let tcp = dial(&addresses).await.map_err(ConnectFault::Tcp)?;
        if is_tls {
            self.shake_hands(host, tcp).await.map_err(ConnectFault::Tls)
        } else {
            Ok(Stream::plain(tcp))
        }
    }

    async fn shake_hands(&self, host: &str, tcp: TcpStream) -> io::Result<Stream> {
        Ok(Stream::tls(self.tls.connect(server_name(host)?, tcp).await?))
    }
}

/// The name that the certificate must bear; the root's dot is never part of one (RFC 6066, section 3).
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
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
