//! Whom we trust, and as whom we are known: roots of the operator's own, and client certificates.

use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::{Attempt, ClientIdentity, Sender, SenderConfig, chain_from_pem, roots_from_pem};
use postrider_tests::tls_front::{TlsFront, TlsIdentity};
use rustls::pki_types::CertificateDer;

use crate::receiver::Receiver;
use crate::{local_config, post};

/// Of itself, for hooks.example and 127.0.0.1.
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.pem");
pub(crate) const KEY: &[u8] = include_bytes!("tls/key.pem");

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const ACCEPTED: Outcome = Outcome::Accepted { status: 200 };

pub(crate) fn roots() -> Vec<CertificateDer<'static>> {
    roots_from_pem(CERTIFICATE).unwrap()
}

fn identity() -> Option<ClientIdentity> {
    Some(ClientIdentity::new(chain_from_pem(CERTIFICATE).unwrap(), KEY).unwrap())
}

async fn attempt(config: SenderConfig, front: &TlsFront) -> Attempt {
    Sender::new(config).unwrap().attempt(post(&front.url("/in"))).await
}

async fn outcome(config: SenderConfig, front: &TlsFront) -> Outcome {
    attempt(config, front).await.outcome
}

/// What went wrong in TLS, as the log tells it.
#[track_caller]
fn check_failed(attempt: &Attempt, detail: &str) {
    assert_eq!(attempt.outcome, Outcome::NoAnswer { cause: NoAnswer::Tls });
    assert_eq!(attempt.error, "the TLS handshake failed");
    assert_eq!(attempt.detail.as_deref(), Some(detail));
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_where_the_operator_adds_it() {
    let receiver = Receiver::answering(OK).await;
    let identity = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(identity, receiver.address).await;
    check_failed(&attempt(local_config(), &front).await, "invalid peer certificate: UnknownIssuer");
    assert_eq!(receiver.connections(), 0);
    assert_eq!(outcome(SenderConfig { extra_roots: roots(), ..local_config() }, &front).await, ACCEPTED);
}

#[tokio::test]
async fn a_receiver_that_demands_a_certificate_accepts_ours_and_nobody_without_one() {
    let receiver = Receiver::answering(OK).await;
    let demanding = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: Some(CERTIFICATE) };
    let front = TlsFront::start(demanding, receiver.address).await;
    let nameless = SenderConfig { extra_roots: roots(), ..local_config() };
    check_failed(&attempt(nameless, &front).await, "received fatal alert: CertificateRequired");
    assert_eq!(receiver.requests().len(), 0);
    let named = SenderConfig { extra_roots: roots(), identity: identity(), ..local_config() };
    assert_eq!(outcome(named, &front).await, ACCEPTED);
}

#[tokio::test]
async fn a_receiver_that_asks_for_no_certificate_is_served_as_ever() {
    let receiver = Receiver::answering(OK).await;
    let plain = TlsIdentity { chain: CERTIFICATE, key: KEY, client_roots: None };
    let front = TlsFront::start(plain, receiver.address).await;
    let named = SenderConfig { extra_roots: roots(), identity: identity(), ..local_config() };
    assert_eq!(outcome(named, &front).await, ACCEPTED);
}
