//! The guard's cases through the command's own verdict.

use std::future::ready;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_sender::Lookup;
use serde_json::Value;
use url::Host;

use super::judge::{ANSWERS, DNS, Judge, Verdict};

const CASES: &str = include_str!("../../../../../tests/cases/ssrf_cases.json");

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(CASES).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn policy(case: &Value) -> AddressPolicy {
    let rules = |key: &str| {
        let entries = case["policy"][key].as_array().into_iter().flatten();
        entries.map(|entry| Rule::parse(entry.as_str().unwrap()).unwrap()).collect()
    };
    let (allow, deny) = (rules("ssrf.allow"), rules("ssrf.deny"));
    AddressPolicy { allow, deny, nat64: case["policy"]["nat64"] == true, ..AddressPolicy::default() }
}

/// What DNS says to the lookups of the URL's host, one after the other; `None` is a failure.
fn answers(case: &Value) -> Vec<Option<Vec<IpAddr>>> {
    let Ok(endpoint) = Endpoint::parse(case["url"].as_str().unwrap().as_bytes()) else { return Vec::new() };
    let Host::Domain(host) = endpoint.host() else { return Vec::new() };
    let of_host = &case["dns"][host.trim_end_matches('.')];
    let lookups = of_host["alternate"].as_array().or(of_host.as_array());
    lookups.into_iter().flatten().map(addresses).collect()
}

fn addresses(answer: &Value) -> Option<Vec<IpAddr>> {
    let listed = |list: &Value| list.as_array()?.iter().map(|ip| ip.as_str()?.parse().ok()).collect();
    let Some(series) = answer["series"].as_array() else { return listed(answer) };
    let first: Ipv4Addr = series[0].as_str()?.parse().ok()?;
    let count = u32::try_from(series[1].as_u64()?).ok()?;
    let counted = (0..count).map(|n| IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + n)));
    let then: Vec<IpAddr> = listed(&answer["then"])?;
    Some(counted.chain(then).collect())
}

fn answering(answers: Option<Vec<IpAddr>>) -> Lookup {
    Arc::new(move |_| Box::pin(ready(answers.clone().ok_or_else(|| io::Error::other("SERVFAIL")))))
}

async fn judged(policy: AddressPolicy, lookup: Option<Lookup>, url: &str) -> Verdict {
    Judge::new(policy, lookup, Duration::from_secs(10)).judge(url.as_bytes()).await
}

/// The verdict in the case's words, over all its lookups: one that is refused counts.
async fn judged_by_dns(case: &Value, url: &str) -> &'static str {
    let mut all = Vec::new();
    for answer in answers(case) {
        all.push(judged(policy(case), Some(answering(answer)), url).await);
    }
    match () {
        () if all.contains(&Verdict::Blocked(ANSWERS)) => "blocked",
        () if !all.is_empty() && all.iter().all(|verdict| *verdict == Verdict::Blocked(DNS)) => "unresolved",
        () => judged(policy(case), None, url).await.as_str(),
    }
}

fn is_right(case: &Value, key: &str, said: &str) -> bool {
    let also = case["also_ok"].as_array().into_iter().flatten();
    case[key] == said || also.into_iter().any(|ok| ok == said)
}

#[tokio::test]
async fn every_case_of_the_guard_gets_its_verdict_from_the_command() {
    let (cases, mut wrong) = (cases(), Vec::new());
    assert_eq!(cases.len(), 359);
    for case in &cases {
        let url = case["url"].as_str().unwrap();
        let without_dns = judged(policy(case), None, url).await.as_str();
        let in_the_end = judged_by_dns(case, url).await;
        if !is_right(case, "check", without_dns) || !is_right(case, "expect", in_the_end) {
            wrong.push(format!("{}: {without_dns}, then {in_the_end}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_reason_names_the_rule() {
    for (url, verdict) in [
        ("http://hooks.example:22/", Verdict::Blocked("the port")),
        ("http://db.internal/", Verdict::Blocked("the host name")),
        ("http://[::1]/", Verdict::Blocked("the address")),
        ("https://93.184.216.34/", Verdict::Allowed),
    ] {
        let asked: Lookup = Arc::new(|_| panic!("nothing here is to be looked up"));
        assert_eq!(judged(AddressPolicy::default(), Some(asked), url).await, verdict, "{url}");
    }
    let invalid = judged(AddressPolicy::default(), None, "https://user@hooks.example/").await;
    assert!(invalid.reason().unwrap().starts_with("must be an absolute http:// or https:// URL"));
}

#[tokio::test]
async fn a_name_that_takes_too_long_to_resolve_is_blocked_too() {
    let hanging: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let judge = Judge::new(AddressPolicy::default(), Some(hanging), Duration::from_millis(20));
    assert_eq!(judge.judge(b"https://hooks.example/").await, Verdict::Blocked("dns"));
}
