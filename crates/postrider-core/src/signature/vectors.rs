//! Every case of `tests/cases/signing_vectors.json`, and what holds for all keys.

use std::time::Duration;

use base64::engine::general_purpose::URL_SAFE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::endpoint::EndpointCache;
use crate::entry_id::EntryId;
use crate::job::{EntryKind, Job, ParseContext};
use crate::time::Timestamp;

const CASES: &str = include_str!("../../../../tests/cases/signing_vectors.json");
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PAIR: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const ID: &str = "msg_2";
const NOW: u64 = 1_764_324_000;
const BODY: &[u8] = b"{\"a\":1}";

fn cases(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let all = file["cases"].as_array().unwrap();
    assert_eq!(all.len() as u64, file["count"].as_u64().unwrap());
    all.iter().filter(|case| case["kind"] == kind).cloned().collect()
}

fn secret(text: &str) -> Secret {
    Secret::parse(text.as_bytes()).unwrap()
}

fn key(text: &str) -> SigningKey {
    SigningKey::parse(&secret(text)).unwrap()
}

fn body_of(case: &Value) -> Vec<u8> {
    if let Some(encoded) = case["body_base64"].as_str() {
        return STANDARD.decode(encoded).unwrap();
    }
    match case["body_repeat"].as_array() {
        Some(repeat) => repeat[0].as_str().unwrap().repeat(repeat[1].as_u64().unwrap() as usize).into(),
        None => case["body"].as_str().unwrap().into(),
    }
}

/// A request as a receiver sees it.
struct Request {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn new(id: &str, timestamp: &str, signature: &str, body: &[u8]) -> Self {
        let pairs = [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        let headers = pairs
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
        Self { headers: headers.collect(), body: body.into() }
    }

    fn signed(secret: &str, timestamp: u64) -> Self {
        Self::new(ID, &timestamp.to_string(), &sign(&[key(secret)], ID, timestamp, BODY), BODY)
    }

    /// As `signed`, with the one signature's base64 rewritten.
    fn rewritten(rewrite: impl Fn(&str) -> String) -> Self {
        let signature = sign(&[key(SECRET)], ID, NOW, BODY);
        Self::new(ID, &NOW.to_string(), &rewrite(signature.strip_prefix("v1,").unwrap()), BODY)
    }

    fn verify(&self, secrets: &[&str], now: u64) -> Result<(), VerifyError> {
        let secrets: Vec<Secret> = secrets.iter().map(|text| secret(text)).collect();
        verify(
            &self.headers,
            &self.body,
            &secrets,
            Timestamp::from_millis(now * 1000 + 999),
            DEFAULT_TOLERANCE,
        )
    }
}

#[test]
fn every_vector_is_reproduced_and_each_of_its_keys_accepts_it() {
    for case in cases("vector") {
        let secrets: Vec<&str> =
            case["secrets"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        let keys: Vec<SigningKey> = secrets.iter().map(|text| key(text)).collect();
        let (id, timestamp) = (case["webhook_id"].as_str().unwrap(), case["timestamp"].as_u64().unwrap());
        let body = body_of(&case);
        let signature = sign(&keys, id, timestamp, &body);
        assert_eq!(signature, case["signature"].as_str().unwrap(), "{}", case["id"]);

        let request = Request::new(id, &timestamp.to_string(), &signature, &body);
        for accepting in secrets.into_iter().chain(case["public_key"].as_str()) {
            assert_eq!(request.verify(&[accepting], timestamp), Ok(()), "{}", case["id"]);
        }
    }
}

#[test]
fn every_bad_secret_is_refused_without_being_shown() {
    for case in cases("refuse") {
        let Some(text) = case["secret"].as_str() else { continue };
        let rule = SigningKey::parse(&secret(text)).unwrap_err();
        let encoded = text.split_once('_').unwrap().1;
        assert!(encoded.is_empty() || !rule.contains(encoded), "{}", case["id"]);
    }
}

#[test]
fn every_bad_event_id_makes_the_job_invalid() {
    for case in cases("refuse") {
        let Some(id) = case["eventId"].as_str() else { continue };
        let fields = [("to", "https://hooks.example/"), ("type", "note"), ("content", "{}"), ("eventId", id)];
        let fields =
            fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
        let mut context = ParseContext {
            kind: EntryKind::Job,
            max_job_bytes: 1 << 20,
            event_id_suffix: "".into(),
            endpoints: EndpointCache::default(),
        };
        let invalid = Job::parse(EntryId { millis: 1, sequence: 0 }, fields, &mut context).unwrap_err();
        assert!(invalid.fault.sentence().starts_with("field 'eventId'"), "{}", case["id"]);
    }
}

#[test]
fn every_forgery_is_rejected_for_its_reason() {
    for case in cases("reject") {
        let id = case["id"].as_str().unwrap();
        let (request, expected) = forgery(id);
        assert_eq!(request.verify(&[SECRET], NOW), Err(expected), "{id}: {}", case["mutation"]);
    }
}

/// The mutation that a case tells in words.
fn forgery(case: &str) -> (Request, VerifyError) {
    use VerifyError::{Header, MalformedTimestamp, NoMatch, TooNew, TooOld};
    let good = sign(&[key(SECRET)], ID, NOW, BODY);
    let with_signature = |signature: &str| Request::new(ID, &NOW.to_string(), signature, BODY);
    match case {
        "reject-01" => (Request::new(ID, &(NOW + 1).to_string(), &good, BODY), NoMatch),
        "reject-02" => (Request::signed(SECRET, NOW - 301), TooOld),
        "reject-03" => (Request::signed(SECRET, NOW + 301), TooNew),
        "reject-04" => (with_signature("v1,"), NoMatch),
        "reject-05" => (Request::signed("another hook's secret", NOW), NoMatch),
        "reject-06" => (with_signature(&format!("{good},{good}")), NoMatch),
        "reject-07" => (with_signature(&sign(&[key(PAIR)], ID, NOW, BODY).replace("v1a,", "v1,")), NoMatch),
        "reject-08" => (Request::rewritten(str::to_owned), NoMatch),
        "reject-09" => (url_safe(), NoMatch),
        "reject-10" => {
            (Request::rewritten(|encoded| format!("v1,{}", hex(&STANDARD.decode(encoded).unwrap()))), NoMatch)
        }
        "reject-11" => (Request::signed(SECRET, NOW * 1000), TooNew),
        "reject-12" => (without_signature(), Header { name: "webhook-signature" }),
        "reject-13" => (Request::new(ID, &format!(" +{NOW}"), &good, BODY), MalformedTimestamp),
        "reject-14" => (with_signature(&sign(&[bytes_of_the_text(SECRET)], ID, NOW, BODY)), NoMatch),
        "reject-15" => (Request::new(ID, &NOW.to_string(), &good, b"{\"a\":1}\n"), NoMatch),
        "reject-16" => (Request::new("a", "1", &sign(&[key(SECRET)], "a.1", 2, b"{}"), b"2.{}"), TooOld),
        other => panic!("case {other} is not told here"),
    }
}

/// A signature that the URL-safe alphabet writes differently.
fn url_safe() -> Request {
    let differs = |timestamp: &u64| sign(&[key(SECRET)], ID, *timestamp, BODY).contains(['+', '/']);
    let timestamp = (NOW..).find(differs).unwrap();
    let signature = sign(&[key(SECRET)], ID, timestamp, BODY);
    let bytes = STANDARD.decode(&signature[3..]).unwrap();
    Request::new(ID, &timestamp.to_string(), &format!("v1,{}", URL_SAFE.encode(bytes)), BODY)
}

fn without_signature() -> Request {
    let mut request = Request::signed(SECRET, NOW);
    request.headers.remove("webhook-signature");
    request
}

fn bytes_of_the_text(text: &str) -> SigningKey {
    SigningKey(Algorithm::Hmac(Box::new(HmacSha256::new_from_slice(text.as_bytes()).unwrap())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_signature_holds_for_the_tolerance_both_ways() {
    let request = Request::signed(SECRET, NOW);
    assert_eq!([NOW - 300, NOW, NOW + 300].map(|now| request.verify(&[SECRET], now)), [Ok(()); 3]);
    let exact =
        |now| verify(&request.headers, BODY, &[secret(SECRET)], Timestamp::from_millis(now), Duration::ZERO);
    assert_eq!(exact(NOW * 1000), Ok(()));
    assert_eq!(exact((NOW + 1) * 1000), Err(VerifyError::TooOld));
    assert_eq!(exact((NOW - 1) * 1000), Err(VerifyError::TooNew));
}

#[test]
fn a_header_that_is_given_twice_proves_nothing() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut request = Request::signed(SECRET, NOW);
        let value = request.headers[name].clone();
        request.headers.append(name, value);
        assert_eq!(request.verify(&[SECRET], NOW), Err(VerifyError::Header { name }));
    }
}

#[test]
fn an_id_with_a_full_stop_proves_nothing() {
    let signature = sign(&[key(SECRET)], "a.1", NOW, BODY);
    let request = Request::new("a.1", &NOW.to_string(), &signature, BODY);
    assert_eq!(request.verify(&[SECRET], NOW), Err(VerifyError::MalformedId));
}

#[test]
fn a_receiver_without_a_usable_secret_accepts_nothing() {
    let request = Request::signed(SECRET, NOW);
    assert_eq!(request.verify(&[], NOW), Err(VerifyError::NoMatch));
    for (text, rule) in
        [("", EMPTY), ("whpk_AAAA", BAD_PUBLIC), ("whsec_AAAA", BAD_HMAC), ("whsk_AAAA", BAD_PAIR)]
    {
        assert_eq!(request.verify(&[text], NOW), Err(VerifyError::UnusableSecret { rule }));
    }
    let weak = format!("whpk_{}", STANDARD.encode([0; 32]));
    assert_eq!(request.verify(&[&weak], NOW), Err(VerifyError::UnusableSecret { rule: BAD_PUBLIC }));
}

#[test]
fn only_the_first_signatures_are_looked_at() {
    let good = sign(&[key(SECRET)], ID, NOW, BODY);
    let late = |before: usize| {
        Request::new(ID, &NOW.to_string(), &format!("{}{good}", "v1a,AA== ".repeat(before)), BODY)
    };
    assert_eq!(late(31).verify(&[SECRET], NOW), Ok(()));
    assert_eq!(late(32).verify(&[SECRET], NOW), Err(VerifyError::NoMatch));
}

#[test]
fn no_secret_at_all_can_not_sign() {
    assert_eq!(SigningKey::parse(&Secret::default()).unwrap_err(), EMPTY);
    assert_eq!(sign(&[], ID, NOW, BODY), "");
}

#[test]
fn debug_hides_every_key() {
    for text in ["canary-4711", SECRET, PAIR] {
        assert_eq!(format!("{:?}", key(text)), "SigningKey(hidden)");
    }
}

/// Secrets of all three forms, with what their receivers check by.
fn any_secret() -> impl Strategy<Value = (String, String)> {
    let hmac = prop::collection::vec(any::<u8>(), HMAC_KEY_BYTES).prop_map(|key| {
        let text = format!("whsec_{}", STANDARD.encode(key));
        (text.clone(), text)
    });
    let text = "[!-~]([ -~]{0,40}[!-~])?".prop_filter("other forms", |text: &String| !text.starts_with("wh"));
    let pair = any::<[u8; 32]>().prop_map(|seed| {
        let pair = ed25519_dalek::SigningKey::from_bytes(&seed);
        let encoded = STANDARD.encode(pair.to_keypair_bytes());
        (format!("whsk_{encoded}"), format!("whpk_{}", STANDARD.encode(pair.verifying_key().as_bytes())))
    });
    prop_oneof![hmac, text.prop_map(|text| (text.clone(), text)), pair]
}

proptest! {
    // Each case makes and checks several ed25519 signatures, which are slow unoptimised.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_signed_verifies_and_any_change_of_it_does_not(
        (signing, checking) in any_secret(),
        id in "[!-\\-/-~]{1,40}",
        body in prop::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
    ) {
        let signature = sign(&[key(&signing)], &id, NOW, &body);
        let mut request = Request::new(&id, &NOW.to_string(), &signature, &body);
        prop_assert_eq!(request.verify(&[&checking], NOW), Ok(()));
        prop_assert_eq!(request.verify(&["another", &checking], NOW), Ok(()));

        let at = at.index(request.body.len());
        request.body[at] ^= 1;
        prop_assert_eq!(request.verify(&[&checking], NOW), Err(VerifyError::NoMatch));
    }

    #[test]
    fn no_headers_make_it_panic(id in "\\PC{0,9}", timestamp in "[0-9.+ -]{0,24}", signature in "(v1a?,[A-Za-z0-9+/=]{0,100} ?){0,3}") {
        let proof = Proof { id: &id, timestamp: &timestamp, signature: &signature };
        let now = Timestamp::from_millis(NOW * 1000);
        prop_assert!(proof.verify(BODY, &[secret(SECRET), secret(PAIR)], now, Duration::MAX).is_err());
    }
}
