//! The guide's code for Rust, which is compiled with these tests: its files have to be what the document shows.

#[allow(unreachable_pub, reason = "it is written for a reader's own crate")]
#[path = "rust_secret.rs"]
mod secret_header;
#[allow(unreachable_pub, reason = "it is written for a reader's own crate")]
#[path = "rust_signature.rs"]
mod signature;

use http::{HeaderMap, HeaderName, HeaderValue};
use postrider_core::secret::Secret;
use serde_json::Value;

use super::cases::Case;
use super::document::block;

pub(crate) fn check_is_the_documents() {
    for (section, heading, compiled) in [
        ("Signatures", "Rust", include_str!("rust_signature.rs")),
        ("The secret header", "In Rust", include_str!("rust_secret.rs")),
    ] {
        assert_eq!(block(section, heading).text, compiled, "{section} / {heading} is what was compiled");
    }
}

pub(crate) fn ask_signatures(cases: &[Case]) -> Vec<Value> {
    let verdict = |case: &Case| {
        let secrets: Vec<Secret> =
            case.secrets.iter().filter_map(|text| Secret::parse(text.as_bytes())).collect();
        signature::is_genuine(&headers(case), &case.body, &secrets).into()
    };
    cases.iter().map(verdict).collect()
}

pub(crate) fn ask_secret(cases: &[Case]) -> Vec<Value> {
    cases.iter().map(|case| secret_header::has_secret(&headers(case), &case.secrets[0]).into()).collect()
}

fn headers(case: &Case) -> HeaderMap {
    let pairs = case.headers.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().expect("it came as a header");
        (name, HeaderValue::from_str(value).expect("it is visible ASCII"))
    });
    pairs.collect()
}
