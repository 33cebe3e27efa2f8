//! The cases of `tests/cases/ssrf_cases.json` that only an attempt can decide: redirects, names whose answers change,
//! proxies of the environment; and what becomes of a job in every case that must not be sent. `postrider-core` runs the
//! verdicts of all of them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_core::outcome::{NoAnswer, Outcome};
use postrider_core::retry::{RetryPolicy, Roll};
use postrider_core::verdict::{DeadReason, Limits, Verdict};
use postrider_sender::{Lookup, Sender, SenderConfig};
use serde_json::Value;

use crate::post;
use crate::receiver::{Connection, Receiver};

const CASES: &str = include_str!("../../../../tests/cases/ssrf_cases.json");

/// Which test runs the cases of a stage that `postrider-core` can't decide.
const RUN_HERE: &[(&str, &str)] = &[
    ("redirect", "no_redirect_of_any_kind_is_followed"),
    ("rebind", "answers_that_change_between_attempts_open_nothing"),
    // In guard.rs: once for each of the six variables.
    ("proxy-env", "proxies_of_the_environment_are_ignored"),
];

/// Stands for the public addresses of the cases, which no test may connect to.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(CASES).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn cases_of(group: &str) -> Vec<Value> {
    cases().into_iter().filter(|case| case["group"] == group).collect()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{key} is no text: {case}"))
}

fn policy(case: &Value) -> AddressPolicy {
    let rules = |key: &str| {
        let entries = case["policy"][key].as_array().into_iter().flatten();
        entries.map(|entry| Rule::parse(entry.as_str().unwrap()).unwrap()).collect()
    };
    AddressPolicy {
        allow: rules("ssrf.allow"),
        deny: rules("ssrf.deny"),
        nat64: case["policy"]["nat64"].as_bool().unwrap_or(false),
        ..AddressPolicy::default()
    }
}

/// The resolver as the case describes it: the answers to one lookup after the other. Counts the lookups.
fn lookup(case: &Value, map: fn(IpAddr) -> IpAddr) -> (Lookup, Arc<AtomicUsize>) {
    let answers = case["dns"].as_object().and_then(|hosts| hosts.values().next()).cloned();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let lookup: Lookup = Arc::new(move |_| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let found = answers.as_ref().map(|answers| addresses(answers, number));
        let found = found.unwrap_or_else(|| Err(io::Error::other("no such name")));
        Box::pin(std::future::ready(found.map(|found| found.into_iter().map(map).collect())))
    });
    (lookup, count)
}

fn addresses(answers: &Value, number: usize) -> io::Result<Vec<IpAddr>> {
    let one = match answers["alternate"].as_array() {
        Some(turns) => &turns[number % turns.len()],
        None => {
            let lookups = answers.as_array().unwrap();
            &lookups[number.min(lookups.len() - 1)]
        }
    };
    if let Some(series) = one["series"].as_array() {
        let first: Ipv4Addr = series[0].as_str().unwrap().parse().unwrap();
        let counted =
            (0..series[1].as_u64().unwrap() as u32).map(|n| Ipv4Addr::from_bits(first.to_bits() + n));
        let last = addresses(&Value::Array(vec![one["then"].clone()]), 0)?;
        return Ok(counted.map(IpAddr::V4).chain(last).collect());
    }
    let parse = |answer: &Value| answer.as_str().unwrap().parse().map_err(io::Error::other);
    one.as_array().unwrap().iter().map(parse).collect()
}

fn verdict(outcome: &Outcome) -> Verdict {
    let limits = Limits { max_attempts: 12, time_left: None };
    RetryPolicy::default().decide(1, outcome, limits, Roll::new(0.0))
}

/// What becomes of the job after an attempt at the case's URL, as the file spells it.
async fn fate(case: &Value) -> String {
    let Ok(endpoint) = Endpoint::parse(text(case, "url").as_bytes()) else {
        return "dead:invalid".to_owned();
    };
    let (lookup, _) = lookup(case, |ip| ip);
    let sender =
        Sender::new(SenderConfig { policy: policy(case), lookup, ..SenderConfig::default() }).unwrap();
    let attempt = sender.attempt(crate::request(endpoint)).await;
    match verdict(&attempt.outcome) {
        Verdict::RetryAfter(_) if attempt.error == NoAnswer::Connect.as_str() => "retried".to_owned(),
        Verdict::RetryAfter(_) if attempt.error == NoAnswer::Dns.as_str() => "retried".to_owned(),
        Verdict::Dead(DeadReason::Blocked) => "dead:blocked".to_owned(),
        other => format!("{other:?}, {}", attempt.error),
    }
}

#[test]
fn every_case_that_the_core_can_not_decide_has_its_test_here() {
    let mut found = BTreeMap::new();
    for case in cases().iter().filter(|case| ["connect", "redirect"].contains(&text(case, "stage"))) {
        *found.entry(text(case, "group").to_owned()).or_insert(0) += 1;
    }
    let expected = [("proxy-env", 4), ("rebind", 3), ("redirect", 8)].map(|(group, n)| (group.to_owned(), n));
    assert_eq!(found, BTreeMap::from(expected));
    assert!(RUN_HERE.iter().all(|(group, _)| found.contains_key(*group)));
    let sources = concat!(include_str!("ssrf_cases.rs"), include_str!("guard.rs"));
    for (_, test) in RUN_HERE {
        assert!(sources.contains(&format!("async fn {test}()")), "{test}");
    }
}

/// Those that are `sent` would connect to strangers: for them, the verdict of `postrider-core` has to do.
#[tokio::test]
async fn a_job_that_must_not_be_sent_comes_to_the_end_that_the_case_names() {
    let mut wrong = Vec::new();
    let not_sent =
        |case: &Value| text(case, "job") != "sent" && !["connect", "redirect"].contains(&text(case, "stage"));
    let not_sent: Vec<Value> = cases().into_iter().filter(not_sent).collect();
    for case in &not_sent {
        let also_allowed = case["also_ok"].as_array().is_some_and(|ok| ok.iter().any(|ok| ok == "allowed"));
        if also_allowed && Endpoint::parse(text(case, "url").as_bytes()).is_ok() {
            continue;
        }
        let (fate, expected) = (fate(case).await, text(case, "job"));
        // The file leaves the choice between two ways of saying no.
        let may_be_either = case["also_ok"].is_array() && fate.starts_with("dead:");
        if fate != expected && !may_be_either {
            wrong.push(format!("{}: {fate} instead of {expected}", case["id"]));
        }
    }
    assert!(not_sent.len() > 250 && wrong.is_empty(), "of {}: {}", not_sent.len(), wrong.join("\n"));
}

#[tokio::test]
async fn no_redirect_of_any_kind_is_followed() {
    let trap = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let cases = cases_of("redirect");
    let locations: Vec<&str> = cases.iter().map(|case| text(&case["respond"], "location")).collect();
    let of_the_file = cases.iter().map(|case| {
        let answer = &case["respond"];
        (answer["status"].as_u64().unwrap(), text(answer, "location"))
    });
    let all =
        [301, 302, 303, 307, 308].map(|status| locations.iter().map(move |location| (status, *location)));
    for (status, location) in of_the_file.chain(all.into_iter().flatten()) {
        // The port of the trap, so that following would be seen.
        let location = location.replace("127.0.0.1/", &format!("{}/", trap.address));
        let outcome = outcome_of_redirect(status, &location).await;
        assert_eq!(
            outcome,
            Outcome::Unavailable { status: status as u16, retry_after: None },
            "{location:.80}"
        );
        assert!(matches!(verdict(&outcome), Verdict::RetryAfter(_)));
    }
    assert_eq!(trap.connections(), 0);
}

/// What an attempt at a receiver that answers so comes to. It is asked once.
async fn outcome_of_redirect(status: u64, location: &str) -> Outcome {
    let answer = format!("HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let receiver = Receiver::start(move |mut connection: Connection| {
        let answer = answer.clone();
        async move {
            while connection.request().await.is_some() {
                connection.send(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let lookup: Lookup = Arc::new(|_| Box::pin(std::future::ready(Ok(vec![Ipv4Addr::LOCALHOST.into()]))));
    let sender = Sender::new(SenderConfig { lookup, ..crate::local_config() }).unwrap();
    let url = format!("http://ok.example.com:{}/", receiver.address.port());
    let outcome = sender.attempt(post(&url)).await.outcome;
    assert_eq!((receiver.requests().len(), receiver.connections()), (1, 1), "{location:.80}");
    outcome
}

#[tokio::test]
async fn answers_that_change_between_attempts_open_nothing() {
    for case in cases_of("rebind") {
        let attempts = case["attempts"].as_u64().unwrap() as usize;
        let (refused, made) = rebind(&case, attempts).await;
        let (expected_refused, expected_made) = match text(&case, "id") {
            "rebind-01" => (1, 1),
            "rebind-02" => (50, 50),
            "rebind-03" => (1, 0),
            other => panic!("{other} is new"),
        };
        assert_eq!((refused, made), (expected_refused, expected_made), "{case}");
    }
}

/// Makes the attempts; how many were refused for their address, and how many requests the public address got. Loopback,
/// where somebody listens on the same port, gets none.
async fn rebind(case: &Value, attempts: usize) -> (usize, usize) {
    let answer_and_close = |mut connection: Connection| async move {
        connection.request().await;
        connection.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    };
    let public = Receiver::start_at(SocketAddr::new(PUBLIC, 0), answer_and_close).await;
    let port = public.address.port();
    let loopback =
        Receiver::start_at(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port), answer_and_close).await;
    let (lookup, lookups) = lookup(case, |ip| if is_public(ip) { PUBLIC } else { ip });
    let allow = vec![PUBLIC.to_string().parse().unwrap()];
    let policy = AddressPolicy { allow, ..AddressPolicy::default() };
    let sender = Sender::new(SenderConfig { policy, lookup, ..SenderConfig::default() }).unwrap();
    let url = format!("{}:{port}/", text(case, "url").trim_end_matches('/'));
    let mut refused = 0;
    for _ in 0..attempts {
        let outcome = sender.attempt(post(&url)).await.outcome;
        refused += usize::from(outcome == Outcome::NoAnswer { cause: NoAnswer::AddressNotAllowed });
        assert!(matches!(verdict(&outcome), Verdict::Done | Verdict::RetryAfter(_)));
    }
    assert_eq!(
        (lookups.load(Ordering::SeqCst), loopback.connections()),
        (attempts, 0),
        "each attempt is checked"
    );
    (refused, public.requests().len())
}

fn is_public(ip: IpAddr) -> bool {
    AddressPolicy::default().check_literal(ip, 80).is_ok()
}
