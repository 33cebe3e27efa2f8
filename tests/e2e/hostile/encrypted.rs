//! The receivers that speak TLS or HTTP/2, those that the file doesn't know included: played against a worker that trusts the
//! authority of their certificates.

use std::collections::BTreeMap;

use postrider_sink::Behaviour;
use postrider_sink::behaviour::Case;
use postrider_tests::world::{World, WorldOptions};

use super::neighbour::Neighbour;
use super::{MAX_GROWTH_KB, MAX_NEIGHBOURS_WAIT, faults_of, memory};

/// The authority that signed the receivers' certificates.
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/postrider-sink/certificates/ca.pem");

/// `timeoutMs` of the jobs: those whose receivers wait for it to pass end soon.
const TIMEOUT_MS: u64 = 1500;

/// More than a receiver takes that never opens its window (RFC 9113, section 6.9.2).
const MORE_THAN_A_WINDOW: usize = 100_000;

/// How many requests each sees. Where TLS fails there are none, and nothing is sent again that may have been processed.
const REQUESTS: &[(&str, u64)] = &[
    ("self-signed", 0),
    ("expired", 0),
    ("wrong-name", 0),
    ("revoked-or-sha1", 0),
    ("weak-rsa", 0),
    ("handshake-drip", 0),
    ("old-protocol", 0),
    ("client-cert-wanted", 0),
    ("close-without-close-notify", 1),
    ("goaway-no-error", 2),
    ("refused-stream", 2),
    ("enhance-your-calm", 1),
    ("goaway-mid-stream", 1),
    ("settings-flood", 1),
    ("ping-flood", 1),
    ("ping-ack-flood", 1),
    ("unknown-frame-flood", 1),
    ("continuation-flood", 1),
    ("window-zero", 0),
    ("headers-over-16k", 1),
];

/// What a record says of those that get no answer; of the others it says that time was over.
const WORDS: &[(&str, &str)] = &[
    ("self-signed", "the TLS handshake failed"),
    ("expired", "the TLS handshake failed"),
    ("wrong-name", "the TLS handshake failed"),
    ("revoked-or-sha1", "the TLS handshake failed"),
    ("weak-rsa", "the TLS handshake failed"),
    ("old-protocol", "the TLS handshake failed"),
    ("client-cert-wanted", "the TLS handshake failed"),
    ("enhance-your-calm", "the connection was closed before an answer"),
    ("settings-flood", "the answer is not valid HTTP"),
    ("ping-flood", "the answer is not valid HTTP"),
    ("ping-ack-flood", "the answer is not valid HTTP"),
    ("unknown-frame-flood", "the answer is not valid HTTP"),
    ("continuation-flood", "the answer is not valid HTTP"),
    ("headers-over-16k", "the answer is not valid HTTP"),
    ("handshake-drip", "no answer within the time limit"),
    ("window-zero", "no answer within the time limit"),
];

/// With a worker that trusts the receivers' certificates.
pub(super) async fn trusting_world() -> World {
    World::with(WorldOptions::default().set("POSTRIDER_TLS_CA_FILE", AUTHORITY)).await
}

/// All that need TLS or HTTP/2 to be played, sharper than in the file.
fn cases() -> Vec<&'static Case> {
    let requests: BTreeMap<_, _> = REQUESTS.iter().copied().collect();
    let is_encrypted = |one: &Behaviour| matches!(one.case().needs.as_deref(), Some("tls" | "http2"));
    let sharper = |one: Behaviour| {
        let mut case = one.case().clone();
        case.timeout_ms = Some(TIMEOUT_MS);
        case.content_bytes = (one.name() == "window-zero").then_some(MORE_THAN_A_WINDOW);
        case.requests = Some(*requests.get(one.name()).expect("it is in the table"));
        case
    };
    Behaviour::all().filter(is_encrypted).map(|one| &*Box::leak(Box::new(sharper(one)))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody() {
    let (cases, world) = (cases(), trusting_world().await);
    assert_eq!(cases.len(), REQUESTS.len());
    let neighbour = Neighbour::start(&world).await;
    let before = memory::now_kb(&world.workers[0]);
    let faults = faults_of(&world, &cases).await;
    assert!(faults.is_empty(), "{} faults in {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
    neighbour.check(&world, MAX_NEIGHBOURS_WAIT).await;
    let growth = memory::peak_kb(&world.workers[0]).saturating_sub(before);
    assert!(growth < MAX_GROWTH_KB, "the worker took {growth} kB more");
    check_words(&world).await;
}

/// The owner of a hook is told which step failed.
async fn check_words(world: &World) {
    let records = world.attempts().await;
    for (name, words) in WORDS {
        let case = Behaviour::named(name).expect("it can be played").case();
        let of_case =
            |record: &&std::collections::HashMap<String, String>| record["job"] == format!("{}:1", case.id);
        let record = records.iter().find(of_case).expect("there is a record");
        assert_eq!(record["error"], *words, "{name}");
    }
}
