//! TLS and HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2::Reason;
use h2::server::SendResponse;
use http::StatusCode;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_sender::{Request, Sender, SenderConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::receiver::{Connection, Receiver};
use crate::{local_config, post};

const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.pem");
const KEY: &[u8] = include_bytes!("tls/key.pem");
const ACCEPTED: Outcome = Outcome::Accepted { status: 200 };

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE).unwrap()
}

pub(crate) fn acceptor(protocol: &str) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![certificate()], key).unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

pub(crate) fn trusting() -> Sender {
    Sender::new(SenderConfig { extra_roots: vec![certificate()], ..local_config() }).unwrap()
}

pub(crate) fn post_tls(receiver: &Receiver) -> Request {
    post(&format!("https://{}/in", receiver.address))
}

/// An HTTP/2 receiver that does `answer` with its requests, numbered over all connections.
pub(crate) async fn receiver(
    answer: fn(usize, &mut SendResponse<bytes::Bytes>) -> After,
) -> (Receiver, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&count);
    let receiver = Receiver::start(move |connection| serve(connection, answer, Arc::clone(&shared))).await;
    (receiver, count)
}

pub(crate) enum After {
    GoOn,
    GoAway,
}

async fn serve(
    connection: Connection,
    answer: fn(usize, &mut SendResponse<bytes::Bytes>) -> After,
    count: Arc<AtomicUsize>,
) {
    let tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    let mut http2 = h2::server::handshake(tls).await.unwrap();
    while let Some(Ok((_, mut respond))) = http2.accept().await {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        if let After::GoAway = answer(number, &mut respond) {
            http2.abrupt_shutdown(Reason::NO_ERROR);
        }
    }
}

fn accept(respond: &mut SendResponse<bytes::Bytes>) {
    let mut answer = http::Response::new(());
    *answer.status_mut() = StatusCode::OK;
    respond.send_response(answer, true).unwrap();
}

#[tokio::test]
async fn http2_is_spoken_where_the_receiver_offers_it_over_one_connection() {
    let (receiver, requests) = receiver(|_, respond| {
        accept(respond);
        After::GoOn
    })
    .await;
    let sender = trusting();
    for _ in 0..5 {
        assert_eq!(sender.attempt(post_tls(&receiver)).await.outcome, ACCEPTED);
    }
    assert_eq!((requests.load(Ordering::SeqCst), receiver.connections()), (5, 1));
}

#[tokio::test]
async fn a_refused_stream_is_sent_once_more_even_after_a_fresh_connection() {
    let (receiver, requests) = receiver(|number, respond| {
        match number {
            1 => respond.send_reset(Reason::REFUSED_STREAM),
            _ => accept(respond),
        }
        After::GoOn
    })
    .await;
    assert_eq!(trusting().attempt(post_tls(&receiver)).await.outcome, ACCEPTED);
    assert_eq!((requests.load(Ordering::SeqCst), receiver.connections()), (2, 2));
}

#[tokio::test]
async fn a_receiver_that_refuses_every_stream_sees_two() {
    let (receiver, requests) = receiver(|_, respond| {
        respond.send_reset(Reason::REFUSED_STREAM);
        After::GoOn
    })
    .await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stream_that_was_taken_and_reset_is_not_sent_again() {
    let (receiver, requests) = receiver(|_, respond| {
        respond.send_reset(Reason::INTERNAL_ERROR);
        After::GoOn
    })
    .await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn goaway_after_a_request_was_taken_does_not_send_it_again() {
    let (receiver, requests) = receiver(|_, _| After::GoAway).await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

/// Takes the connection and its first request, and says that it processed no stream at all, and why.
async fn go_away_below_the_first_stream(connection: Connection, reason: Reason) {
    const PREFACE_BYTES: usize = 24;
    const HEADERS: u8 = 1;
    let mut tls = acceptor("h2").accept(connection.tcp).await.unwrap();
    tls.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    tls.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
    let mut head = [0; 9];
    while head[3] != HEADERS {
        tls.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        tls.read_exact(&mut payload).await.unwrap();
    }
    tls.write_all(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0").await.unwrap();
    tls.write_all(&u32::from(reason).to_be_bytes()).await.unwrap();
    let _ = tls.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn goaway_below_a_request_sends_it_once_more() {
    let receiver = Receiver::start(|connection| async move {
        if connection.number == 1 {
            go_away_below_the_first_stream(connection, Reason::NO_ERROR).await;
        } else {
            let answer = |_, respond: &mut SendResponse<_>| {
                accept(respond);
                After::GoOn
            };
            serve(connection, answer, Arc::default()).await;
        }
    })
    .await;
    assert_eq!(trusting().attempt(post_tls(&receiver)).await.outcome, ACCEPTED);
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn who_asks_for_calm_gets_no_second_request() {
    let receiver =
        Receiver::start(|connection| go_away_below_the_first_stream(connection, Reason::ENHANCE_YOUR_CALM))
            .await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Closed });
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_of_another_name_fails_the_handshake() {
    let script = |connection: Connection| async move {
        let _ = acceptor("http/1.1").accept(connection.tcp).await;
    };
    let untrusted = Receiver::start(script).await;
    let strict = Sender::new(local_config()).unwrap();
    let other_name = Receiver::start(script).await;
    let lookup: postrider_sender::Lookup =
        Arc::new(|_| Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]))));
    let config = SenderConfig { lookup, extra_roots: vec![certificate()], ..local_config() };
    let by_name = post(&format!("https://other.example.com:{}/", other_name.address.port()));
    let failed = Outcome::NoAnswer { cause: NoAnswer::Tls };
    assert_eq!(strict.attempt(post_tls(&untrusted)).await.outcome, failed);
    assert_eq!(Sender::new(config).unwrap().attempt(by_name).await.outcome, failed);
}

/// Demands a certificate, and says so only after the sender takes the handshake for done (TLS 1.3).
async fn demand_a_certificate(connection: Connection) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate()], key);
    let mut config = config.unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert!(TlsAcceptor::from(Arc::new(config)).accept(connection.tcp).await.is_err());
}

#[tokio::test]
async fn a_certificate_that_is_demanded_is_told_as_a_failed_handshake_over_http2_too() {
    let receiver = Receiver::start(demand_a_certificate).await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Tls });
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_fails_the_handshake() {
    let receiver = Receiver::start(|mut connection| async move {
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.request().await;
    })
    .await;
    let outcome = trusting().attempt(post_tls(&receiver)).await.outcome;
    assert_eq!(outcome, Outcome::NoAnswer { cause: NoAnswer::Tls });
}
