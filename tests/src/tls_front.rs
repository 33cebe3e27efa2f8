//! TLS in front of anything that speaks TCP: takes connections, shakes hands, and passes the bytes on in the clear.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Who it is, and whom it lets in; all of it PEM.
#[derive(Clone, Copy, Debug)]
pub struct TlsIdentity<'a> {
    /// Its chain.
    pub chain: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
    /// The roots of the certificates that clients must show; without them it asks for none.
    pub client_roots: Option<&'a [u8]>,
}

/// A running front; it ends with its value.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsFront {
    /// On a free loopback port, in front of `behind`.
    pub async fn start(identity: TlsIdentity<'_>, behind: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(identity)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let address = listener.local_addr().expect("it listens");
        Self { address, accepting: tokio::spawn(accept(listener, acceptor, behind)) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path of what is behind it.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn config(identity: TlsIdentity<'_>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3 are there");
    let builder = match identity.client_roots {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(pem));
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("the roots can be used"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key).expect("the key is PEM");
    builder.with_single_cert(certificates(identity.chain), key).expect("the key belongs to the chain")
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().expect("the certificates are PEM")
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, behind: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, acceptor.clone(), behind));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Who fails the handshake is never seen by what is behind.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, behind: SocketAddr) {
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    if let Ok(mut behind) = TcpStream::connect(behind).await {
        let _ = copy_bidirectional(&mut tls, &mut behind).await;
    }
}
