//! `tls.*`: a private authority, a receiver that demands a certificate, and files that don't fit.

use std::time::Duration;

use postrider_tests::redis_server::RedisServer;
use postrider_tests::tls_front::{TlsFront, TlsIdentity};
use postrider_tests::worker_process::WorkerProcess;
use postrider_tests::world::{World, WorldOptions};

/// The test authority, and a certificate of it for loopback.
pub(crate) const CA_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/postrider-sink/certificates/ca.pem");
const CHAIN_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/postrider-sink/certificates/good.pem");
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/postrider-sink/certificates/key.pem");

const CA: &[u8] = include_bytes!("../../crates/postrider-sink/certificates/ca.pem");

/// A receiver that whoever trusts [`CA_FILE`] accepts.
pub(crate) const TRUSTED: TlsIdentity<'static> = TlsIdentity {
    chain: include_bytes!("../../crates/postrider-sink/certificates/good.pem"),
    key: include_bytes!("../../crates/postrider-sink/certificates/key.pem"),
    client_roots: None,
};

async fn send(world: &World, front: &TlsFront) {
    world.enqueue(&[("to", front.url("/in").as_str()), ("type", "note"), ("content", "{}")]).await;
}

#[tokio::test]
async fn a_receiver_of_a_private_authority_that_demands_a_certificate_is_served() {
    let options = WorldOptions::default()
        .set("POSTRIDER_TLS_CA_FILE", CA_FILE)
        .set("POSTRIDER_TLS_CLIENT_CERT_FILE", CHAIN_FILE)
        .set("POSTRIDER_TLS_CLIENT_KEY_FILE", KEY_FILE);
    let world = World::with(options).await;
    let demanding = TlsIdentity { client_roots: Some(CA), ..TRUSTED };
    let front = TlsFront::start(demanding, world.receiver.address()).await;
    send(&world, &front).await;
    assert_eq!(world.receiver.next_request().await.path(), "/in");
    world.settled().await;
}

#[tokio::test]
async fn without_the_setting_a_private_authority_is_not_trusted() {
    let world = World::start().await;
    let front = TlsFront::start(TRUSTED, world.receiver.address()).await;
    send(&world, &front).await;
    world
        .until("the attempt is on record", Duration::from_secs(20), || async {
            let error = world.attempts().await.pop().map(|attempt| attempt["error"].clone());
            if error.as_deref() == Some("the TLS handshake failed") {
                Ok(())
            } else {
                Err(format!("{error:?}"))
            }
        })
        .await;
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test]
async fn a_file_that_does_not_fit_ends_the_start_with_2_and_a_line_that_tells_nothing_of_it() {
    let redis = RedisServer::start().await;
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("POSTRIDER_TLS_CA_FILE", "/nonexistent.pem")],
            "tls.ca_file = \"/nonexistent.pem\": expected a PEM",
        ),
        (&[("POSTRIDER_TLS_CA_FILE", KEY_FILE)], "expected a PEM file with one or more certificates"),
        (&[("POSTRIDER_TLS_CLIENT_CERT_FILE", CHAIN_FILE)], "needs tls.client_key_file beside it"),
        (
            &[("POSTRIDER_TLS_CLIENT_CERT_FILE", CA_FILE), ("POSTRIDER_TLS_CLIENT_KEY_FILE", KEY_FILE)],
            "the RSA, ECDSA or Ed25519 key of the first certificate",
        ),
        (
            &[("POSTRIDER_TLS_CLIENT_CERT_FILE", CHAIN_FILE), ("POSTRIDER_TLS_CLIENT_KEY_FILE", CA_FILE)],
            "expected a PEM file with one unencrypted private key",
        ),
    ];
    for (environment, expected) in cases {
        let mut worker = WorkerProcess::start(&redis, environment);
        let (code, log) = (worker.wait_exit(Duration::from_secs(20)).await, worker.log());
        let line = log.lines().last().unwrap_or_default();
        assert!(line.starts_with("postrider: tls.") && line.contains(expected), "{log}");
        assert_eq!(code, Some(2), "{log}");
        assert!(!log.contains("BEGIN") && !log.contains("MIG"), "{log}");
    }
}
