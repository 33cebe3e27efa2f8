//! The TLS side of hostile receivers: the certificates that are built in, and handshakes with them.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The authority that signed the certificates. It is test material, which nobody else is to trust.
const AUTHORITY: &[u8] = include_bytes!("../../../certificates/ca.pem");

/// The key of all certificates.
const KEY: &[u8] = include_bytes!("../../../certificates/key.pem");

/// TLS to a sender.
pub(in crate::behaviour) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// What a receiver shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::behaviour) enum Chain {
    Good,
    Expired,
    WrongName,
    SelfSigned,
    Sha1,
    WeakRsa,
}

impl Chain {
    fn pem(self) -> &'static [u8] {
        match self {
            Self::Good => include_bytes!("../../../certificates/good.pem"),
            Self::Expired => include_bytes!("../../../certificates/expired.pem"),
            Self::WrongName => include_bytes!("../../../certificates/wrong_name.pem"),
            Self::SelfSigned => include_bytes!("../../../certificates/self_signed.pem"),
            Self::Sha1 => include_bytes!("../../../certificates/sha1.pem"),
            Self::WeakRsa => include_bytes!("../../../certificates/weak_rsa.pem"),
        }
    }
}

/// How a receiver shakes hands.
#[derive(Clone, Copy, Debug)]
pub(in crate::behaviour) struct Handshake {
    /// What it shows.
    pub(in crate::behaviour) chain: Chain,
    /// The one protocol above TLS that it speaks; `None` says nothing of it.
    pub(in crate::behaviour) protocol: Option<&'static [u8]>,
    /// Whether the sender must show a certificate too.
    pub(in crate::behaviour) client: Client,
}

/// Whether a sender must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::behaviour) enum Client {
    Anyone,
    Certified,
}

impl Handshake {
    /// With this chain, and nothing else that is special.
    pub(in crate::behaviour) fn showing(chain: Chain) -> Self {
        Self { chain, protocol: None, client: Client::Anyone }
    }

    /// Shakes hands.
    pub(in crate::behaviour) async fn accept(self, tcp: TcpStream) -> io::Result<TlsStream> {
        TlsAcceptor::from(self.config()).accept(tcp).await
    }

    pub(super) fn config(self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has suites for the default versions");
        let builder = match self.client {
            Client::Anyone => builder.with_no_client_auth(),
            Client::Certified => builder.with_client_cert_verifier(client_verifier()),
        };
        let key = PrivateKeyDer::from_pem_slice(KEY).expect("the built-in key can be read");
        let config = builder.with_single_cert(certificates(self.chain.pem()), key);
        let mut config = config.expect("the built-in key is that of the certificates");
        config.alpn_protocols = self.protocol.map(<[u8]>::to_vec).into_iter().collect();
        Arc::new(config)
    }
}

fn client_verifier() -> Arc<dyn ClientCertVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(AUTHORITY));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.expect("there is a root")
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().expect("built-in certificates can be read")
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    /// What a sender that trusts the authority finds wrong with a chain for 127.0.0.1.
    fn fault(chain: Chain) -> Option<CertificateError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(AUTHORITY));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let shown = certificates(chain.pem());
        let name = ServerName::try_from("127.0.0.1").unwrap();
        match verifier.verify_server_cert(&shown[0], &shown[1..], &name, &[], UnixTime::now()) {
            Ok(_) => None,
            Err(rustls::Error::InvalidCertificate(fault)) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_chain_has_the_one_fault_that_it_is_named_for() {
        use CertificateError as Fault;
        assert_eq!(fault(Chain::Good), None);
        assert!(matches!(fault(Chain::Expired), Some(Fault::ExpiredContext { .. })));
        assert!(matches!(fault(Chain::WrongName), Some(Fault::NotValidForNameContext { .. })));
        assert_eq!(fault(Chain::SelfSigned), Some(Fault::UnknownIssuer));
        assert!(matches!(fault(Chain::Sha1), Some(Fault::UnsupportedSignatureAlgorithmContext { .. })));
        // Keys below 2,048 bits check no signature at all.
        assert_eq!(fault(Chain::WeakRsa), Some(Fault::BadSignature));
    }

    #[test]
    fn every_chain_can_be_shown_and_a_certificate_asked_for() {
        for chain in
            [Chain::Good, Chain::Expired, Chain::WrongName, Chain::SelfSigned, Chain::Sha1, Chain::WeakRsa]
        {
            Handshake::showing(chain).config();
        }
        Handshake { client: Client::Certified, ..Handshake::showing(Chain::Good) }.config();
    }
}
