//! The cases of `tests/cases/ssrf_cases.json`, as far as URL, policy and the resolver's answers decide them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use serde_json::Value;
use url::Host;

const CASES: &str = include_str!("../../../tests/cases/ssrf_cases.json");

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len() as u64, file["count"].as_u64().unwrap());
    cases
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

/// What `postrider check` says without asking DNS.
fn check(policy: &AddressPolicy, url: &str) -> &'static str {
    match Endpoint::parse(url.as_bytes()) {
        Err(_) => "invalid",
        Ok(endpoint) if policy.check_endpoint(&endpoint).is_err() => "blocked",
        Ok(_) => "allowed",
    }
}

/// All answers of all lookups of a host, in order; `None` for a failed lookup.
fn lookups(case: &Value, host: &str) -> Vec<Option<Vec<IpAddr>>> {
    let of_host = &case["dns"][host.trim_end_matches('.')];
    let lookups = of_host["alternate"].as_array().or(of_host.as_array());
    lookups.into_iter().flatten().map(answers).collect()
}

fn answers(lookup: &Value) -> Option<Vec<IpAddr>> {
    if let Some(series) = lookup["series"].as_array() {
        let first: Ipv4Addr = series[0].as_str().unwrap().parse().unwrap();
        let count = series[1].as_u64().unwrap() as u32;
        let counted = (0..count).map(|n| IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + n)));
        return Some(counted.chain(answers(&lookup["then"]).unwrap()).collect());
    }
    let texts = lookup.as_array().unwrap().iter().map(|answer| answer.as_str().unwrap());
    texts.map(|text| text.parse().ok()).collect()
}

/// The final verdict, over all lookups: one that is refused counts.
fn verdict(policy: &AddressPolicy, case: &Value) -> &'static str {
    let url = case["url"].as_str().unwrap();
    let first = check(policy, url);
    if first != "allowed" {
        return first;
    }
    let endpoint = Endpoint::parse(url.as_bytes()).unwrap();
    let Host::Domain(host) = endpoint.host() else { return "allowed" };
    let lookups = lookups(case, host);
    let failed = |answers: &Option<Vec<IpAddr>>| answers.as_ref().is_none_or(Vec::is_empty);
    let refused = |answers: &Vec<IpAddr>| policy.check_answers(host, endpoint.port(), answers).is_err();
    if lookups.iter().flatten().any(refused) {
        "blocked"
    } else if !lookups.is_empty() && lookups.iter().all(failed) {
        "unresolved"
    } else {
        "allowed"
    }
}

fn is_right(case: &Value, key: &str, said: &str) -> bool {
    let also = case["also_ok"].as_array().into_iter().flatten();
    said == case[key] || also.into_iter().any(|ok| ok == said)
}

#[test]
fn every_case_gets_its_verdict() {
    let mut wrong = Vec::new();
    for case in cases() {
        let policy = policy(&case);
        let without_dns = check(&policy, case["url"].as_str().unwrap());
        let in_the_end = verdict(&policy, &case);
        if !is_right(&case, "check", without_dns) || !is_right(&case, "expect", in_the_end) {
            wrong.push(format!("{}: {without_dns}, then {in_the_end}: {case}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_normalised_url_gets_the_verdict_of_the_raw_one() {
    for case in cases() {
        let policy = policy(&case);
        let raw = case["url"].as_str().unwrap();
        if let Ok(endpoint) = Endpoint::parse(raw.as_bytes()) {
            assert_eq!(check(&policy, endpoint.as_str()), check(&policy, raw), "{}", case["id"]);
        }
    }
}
