//! The code of `docs/receivers.md`, run as it stands there on requests of a real worker, genuine and forged: the receivers'
//! own libraries among it. Beside it, whether what the guide says arrives is what arrives.

mod arrives;
mod captured;
mod cases;
mod document;
mod programs;
mod receiver;
mod rust;

use captured::{Sample, capture, signed_samples};
use cases::{Case, Demand};
use document::block;
pub(crate) use programs::python;
use programs::{ask, ask_code};
use serde_json::Value;

const SIGNATURES: &str = "Signatures";
const SECRET: &str = "The secret header";

/// Compares what the code said with what is true; `knows` says which genuine requests it must accept.
fn check(name: &str, cases: &[Case], said: &[Value], knows: &[Demand]) {
    let wrong: Vec<String> = cases
        .iter()
        .zip(said)
        .filter(|(case, said)| **said != Value::Bool(case.genuine && knows.contains(&case.demand)))
        .map(|(case, said)| format!("{said} of {}", case.name))
        .collect();
    assert!(wrong.is_empty(), "{name} says {wrong:#?}");
}

/// The captured requests and what was made of them: hundreds, or the test tests nothing.
async fn signed_cases() -> Vec<Case> {
    let cases = cases::of_signed(&capture(signed_samples()).await);
    let genuine = cases.iter().filter(|case| case.genuine).count();
    assert!(genuine > 40 && cases.len() - genuine > 180, "{genuine} of {}", cases.len());
    cases
}

const EVERYTHING: [Demand; 3] = [Demand::Plain, Demand::PublicKeys, Demand::AnyBytes];

async fn check_signatures(heading: &str) {
    let cases = signed_cases().await;
    check(heading, &cases, &ask(SIGNATURES, heading, &cases).await, &EVERYTHING);
}

#[tokio::test]
async fn the_code_for_node_accepts_what_is_sent_and_nothing_else() {
    check_signatures("Node").await;
}

#[tokio::test]
async fn the_code_for_python_accepts_what_is_sent_and_nothing_else() {
    check_signatures("Python").await;
}

#[tokio::test]
async fn the_code_for_go_accepts_what_is_sent_and_nothing_else() {
    check_signatures("Go").await;
}

#[tokio::test]
async fn the_code_for_ruby_accepts_what_is_sent_and_nothing_else() {
    check_signatures("Ruby").await;
}

#[tokio::test]
async fn the_code_for_php_accepts_what_is_sent_and_nothing_else() {
    check_signatures("PHP").await;
}

#[tokio::test]
async fn the_code_for_rust_accepts_what_is_sent_and_nothing_else() {
    rust::check_is_the_documents();
    let cases = signed_cases().await;
    check("Rust", &cases, &rust::ask_signatures(&cases), &EVERYTHING);
}

#[tokio::test]
async fn standardwebhooks_of_npm_and_svix_accept_what_they_know_of_it_and_nothing_else() {
    let (cases, heading) = (signed_cases().await, "Node with a library");
    check("standardwebhooks", &cases, &ask(SIGNATURES, heading, &cases).await, &[Demand::Plain]);
    let mut block = block(SIGNATURES, heading);
    block.text = block.text.replace(r#"from "standardwebhooks""#, r#"from "svix""#);
    check("svix", &cases, &ask_code(&block, "svix", &cases).await, &[Demand::Plain]);
}

#[tokio::test]
async fn standardwebhooks_of_pypi_accepts_what_it_knows_of_it_and_nothing_else() {
    let (cases, heading) = (signed_cases().await, "Python with a library");
    check(heading, &cases, &ask(SIGNATURES, heading, &cases).await, &[Demand::Plain]);
}

#[tokio::test]
async fn the_code_for_misskeys_secret_accepts_it_and_nothing_else() {
    let captured = capture(vec![Sample::misskey()]).await;
    let cases = cases::of_secret_header(&captured[0]);
    for heading in ["In Node", "In Python", "In Go", "In Ruby", "In PHP"] {
        check(heading, &cases, &ask(SECRET, heading, &cases).await, &EVERYTHING);
    }
    check("Rust", &cases, &rust::ask_secret(&cases), &EVERYTHING);
}

/// Each check of the guide's code, and the code without it.
const LEFT_OUT: [(&str, &str); 6] = [
    (r#" || id.includes(".")"#, ""),
    ("> TOLERANCE_SECONDS", "> 1e6"),
    ("key.length > 0 && ", ""),
    (
        "signature.length === expected.length && timingSafeEqual(signature, expected)",
        "expected.indexOf(signature) === 0",
    ),
    (r#"label === "v1" && "#, ""),
    (r#"label === "v1a" && "#, ""),
];

#[tokio::test]
async fn a_check_that_the_code_leaves_out_lets_a_forged_request_in() {
    let mut cases = signed_cases().await;
    // The large ones show nothing here that the others don't, and take most of the time.
    cases.retain(|case| case.body.len() < 1000);
    for (number, (check, without)) in LEFT_OUT.into_iter().enumerate() {
        let mut block = block(SIGNATURES, "Node");
        assert!(block.text.contains(check), "the code has {check}");
        block.text = block.text.replace(check, without);
        let said = ask_code(&block, &format!("left-out-{number}"), &cases).await;
        let let_in =
            cases.iter().zip(&said).filter(|(case, said)| !case.genuine && **said == Value::Bool(true));
        assert!(let_in.count() > 0, "no forged request needs {check}");
    }
}
