//! Certificates and keys as operators keep them, in PEM. What is wrong with a file is told without a word of its content.

use std::fmt;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

const CERTIFICATES: &str = "a PEM file with one or more certificates";
const ROOTS: &str = "a PEM file whose certificates can be trusted as roots; one of these can't be";
const KEY: &str = "a PEM file with one unencrypted private key, PKCS#8, PKCS#1 or SEC1";
const MATCHING_KEY: &str =
    "the RSA, ECDSA or Ed25519 key of the first certificate in tls.client_cert_file; this one isn't it";

/// The certificates that a file adds to the roots.
///
/// # Errors
/// What would be accepted, completing "expected …".
pub fn roots_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates = chain_from_pem(pem)?;
    let mut store = RootCertStore::empty();
    let usable = certificates.iter().all(|certificate| store.add(certificate.clone()).is_ok());
    if usable { Ok(certificates) } else { Err(ROOTS) }
}

/// The certificates of a file, in its order.
///
/// # Errors
/// What would be accepted, completing "expected …".
pub fn chain_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.ok().filter(|found| !found.is_empty()).ok_or(CERTIFICATES)
}

/// What this program shows receivers that ask who it is. `Debug` shows nothing of the key.
pub struct ClientIdentity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// A chain, its own certificate first, and the key that belongs to that one, in PEM.
    ///
    /// # Errors
    /// What would be accepted as the key, completing "expected …".
    pub fn new(chain: Vec<CertificateDer<'static>>, key_pem: &[u8]) -> Result<Self, &'static str> {
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| KEY)?;
        let provider = rustls::crypto::ring::default_provider();
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
            Ok(_) => Ok(Self { chain, key }),
            Err(_) => Err(MATCHING_KEY),
        }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../tests/attempt/tls/certificate.pem");
    const KEY_PEM: &[u8] = include_bytes!("../../tests/attempt/tls/key.pem");
    const NOT_A_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_file_may_hold_several_certificates_and_must_hold_one() {
        assert_eq!(roots_from_pem(&[CERTIFICATE, CERTIFICATE].concat()).map(|roots| roots.len()), Ok(2));
        for bad in [&b""[..], b"canary", KEY_PEM, &CERTIFICATE[..CERTIFICATE.len() / 2]] {
            assert_eq!(roots_from_pem(bad), Err(CERTIFICATES));
        }
        assert_eq!(roots_from_pem(NOT_A_CERTIFICATE), Err(ROOTS));
    }

    #[test]
    fn a_key_must_be_one_and_belong_to_the_certificate() {
        let chain = || chain_from_pem(CERTIFICATE).unwrap();
        assert!(ClientIdentity::new(chain(), KEY_PEM).is_ok());
        assert_eq!(ClientIdentity::new(chain(), CERTIFICATE).unwrap_err(), KEY);
        let other = rustls::pki_types::CertificateDer::from(vec![0; 8]);
        assert_eq!(ClientIdentity::new(vec![other], KEY_PEM).unwrap_err(), MATCHING_KEY);
    }

    #[test]
    fn nothing_of_the_key_is_ever_shown() {
        let identity = ClientIdentity::new(chain_from_pem(CERTIFICATE).unwrap(), KEY_PEM).unwrap();
        assert_eq!(format!("{identity:?}"), "ClientIdentity { certificates: 1, .. }");
    }
}
