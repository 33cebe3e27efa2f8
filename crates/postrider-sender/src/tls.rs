//! How TLS is spoken with receivers.

mod pem;

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub use self::pem::{ClientIdentity, chain_from_pem, roots_from_pem};

/// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1; trusts the system's roots (bundled ones where it has none) and `extra_roots`.
/// Who asks for a certificate is shown `identity`.
pub(crate) fn client_config(
    extra_roots: &[CertificateDer<'static>],
    identity: Option<ClientIdentity>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = system_roots();
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(ClientIdentity { chain, key }) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (trusted, _unreadable) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::info!("the system has no root certificates: using the bundled ones");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
