//! How TLS is spoken with Redis. Certificates are always verified; there is no way to switch that off.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, InvalidMessage, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::place::Host;

/// How long the handshake may take. A plain Redis waits for the end of what it takes for a command.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);

const NO_TLS: &str = "if the server speaks no TLS at this port, redis.url begins with redis, not rediss";

/// What this program trusts, and who it says it is. `Debug` shows nothing of a key.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Which file can't be used. The text says what would be accepted and repeats nothing of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificates to trust.
    #[error("expected a PEM file with one or more certificates that can be trusted as roots")]
    Roots,
    /// The certificate to show.
    #[error("expected a PEM file with a certificate, and those that lead to its root")]
    Certificate,
    /// The key of that certificate.
    #[error("expected a PEM file with the unencrypted private key of the certificate")]
    Key,
}

/// The files of an identity, in PEM: the certificate's chain, and its key.
#[derive(Clone, Copy)]
pub struct IdentityPem<'a> {
    /// The chain, the own certificate first.
    pub certificate: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
}

impl Tls {
    /// Trusts the system's roots (bundled ones where it has none) and those of `roots_pem`.
    ///
    /// # Errors
    /// Which file can't be used.
    pub fn new(roots_pem: Option<&[u8]>, identity: Option<IdentityPem<'_>>) -> Result<Self, TlsFault> {
        let mut roots = system_roots();
        for root in certificates(roots_pem.unwrap_or_default()).ok_or(TlsFault::Roots)? {
            roots.add(root).map_err(|_| TlsFault::Roots)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(IdentityPem { certificate, key }) => {
                let chain = certificates(certificate).filter(|chain| !chain.is_empty());
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsFault::Key)?;
                builder
                    .with_client_auth_cert(chain.ok_or(TlsFault::Certificate)?, key)
                    .map_err(|_| TlsFault::Key)?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Speaks TLS over a new socket; the certificate must be for `host`.
    pub(super) async fn over(&self, socket: TcpStream, host: &Host) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.name.to_string())
            .map_err(|_| io::Error::other(format!("no certificate can be for the name of {host}")))?;
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.0.connect(name, socket)).await {
            Ok(connected) => connected.map_err(|error| told(&error, host)),
            Err(_) => {
                let text = format!("no TLS with {host}: no answer to the handshake within 2 s; {NO_TLS}");
                Err(io::Error::new(io::ErrorKind::TimedOut, text))
            }
        }
    }
}

/// None where a certificate can't be read.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (pem.is_empty() || !found.is_empty()).then_some(found)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (trusted, _unreadable) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if trusted == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// The cause in words, with the server's name.
fn told(error: &io::Error, host: &Host) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let cause = match inner {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("the answer is something else; {NO_TLS}")
        }
        Some(inner) => inner.to_string(),
        None => error.to_string(),
    };
    io::Error::new(error.kind(), format!("no TLS with {host}: {cause}"))
}
