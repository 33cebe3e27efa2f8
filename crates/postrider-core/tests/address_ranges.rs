//! The address rules, proven over all of IPv4 and sampled over IPv6.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use postrider_core::address::{AddressPolicy, Reach, Rule, is_public_v4, is_public_v6};
use postrider_core::endpoint::Endpoint;
use proptest::prelude::*;

/// The contract's list, written down a second time.
const DENIED_NETS: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

const DENIED_ADDRESSES: u64 = 592_708_865;

fn is_public(bits: u32) -> bool {
    is_public_v4(Ipv4Addr::from_bits(bits))
}

/// Counts by /24, looking at the first and last address of each: the verdict depends on the fourth byte in one of them
/// only, which is looked at whole. Counting one by one takes minutes in a build without optimisation; it proves that this
/// dependence is as said, and runs on request below.
fn denied_in_net24(net: u32) -> u64 {
    let first = net << 8;
    let whole = (first..=first + 255).contains(&u32::from(Ipv4Addr::new(168, 63, 129, 16)));
    match whole {
        true => (first..=first + 255).filter(|bits| !is_public(*bits)).count() as u64,
        false => {
            assert_eq!(is_public(first), is_public(first + 255), "{}", Ipv4Addr::from_bits(first));
            if is_public(first) { 0 } else { 256 }
        }
    }
}

#[test]
fn the_denied_ipv4_addresses_are_592708865() {
    let nets: Vec<Ipv4Net> = DENIED_NETS.iter().map(|net| net.parse().unwrap()).collect();
    let listed: u64 = nets.iter().map(|net| 1_u64 << (32 - net.prefix_len())).sum();
    assert_eq!(listed, DENIED_ADDRESSES);
    assert_eq!((0..1 << 24).map(denied_in_net24).sum::<u64>(), DENIED_ADDRESSES);
    for net in nets {
        let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
        assert!(!is_public(first) && !is_public(last), "{net}");
    }
}

/// Every single address, without any assumption: 15 s in an optimised build, so only where it is asked for.
#[test]
fn the_denied_ipv4_addresses_are_592708865_counted_one_by_one() {
    if std::env::var_os("POSTRIDER_TEST_EXHAUSTIVE").is_none() {
        return;
    }
    assert_eq!((0..=u32::MAX).filter(|bits| !is_public(*bits)).count() as u64, DENIED_ADDRESSES);
}

fn policy(nat64: bool) -> AddressPolicy {
    AddressPolicy { nat64, ..AddressPolicy::default() }
}

fn allowing(entries: &[&str]) -> AddressPolicy {
    let allow = entries.iter().map(|entry| Rule::parse(entry).unwrap()).collect();
    AddressPolicy { allow, ..AddressPolicy::default() }
}

fn check(policy: &AddressPolicy, url: &str) -> Result<(), &'static str> {
    policy.check_endpoint(&Endpoint::parse(url.as_bytes()).unwrap())
}

proptest! {
    #[test]
    fn nothing_outside_2000_3_is_public_for_any_address(bits in any::<u128>()) {
        let ip = Ipv6Addr::from_bits(bits);
        prop_assert!(!is_public_v6(ip) || bits >> 125 == 1);
    }

    #[test]
    fn its_mapped_form_is_refused_whatever_is_allowed_for_any_ipv4_address(bits in any::<u32>()) {
        let mapped = IpAddr::V6(Ipv4Addr::from_bits(bits).to_ipv6_mapped());
        for policy in [policy(false), policy(true), allowing(&["0.0.0.0/0", "::/0"])] {
            prop_assert!(policy.check_literal(mapped, 443).is_err());
        }
    }

    #[test]
    fn nat64_gives_the_verdict_of_the_address_in_it_for_any_ipv4_address(bits in any::<u32>()) {
        let wrapped = Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | u128::from(bits));
        let embedded = Ipv4Addr::from_bits(bits);
        prop_assert_eq!(policy(true).check_literal(wrapped.into(), 443), policy(true).check_literal(embedded.into(), 443));
        prop_assert!(policy(false).check_literal(wrapped.into(), 443).is_err());
    }

    #[test]
    fn the_normalised_url_gets_the_verdict_of_the_raw_one_for_any_host(host in "[0-9a-fx.%\\[\\]:]{1,20}|\\PC{1,12}", tail in "[/?#]\\PC{0,20}") {
        let policy = policy(true);
        if let Ok(endpoint) = Endpoint::parse(format!("http://{host}{tail}").as_bytes()) {
            let again = Endpoint::parse(endpoint.as_str().as_bytes()).unwrap();
            prop_assert_eq!(again.as_str(), endpoint.as_str());
            prop_assert_eq!(policy.check_endpoint(&again), policy.check_endpoint(&endpoint));
        }
    }

    #[test]
    fn nothing_panics_for_any_entry_of_a_list(entry in "[0-9a-f.:/\\[\\]]{0,20}|\\PC{0,20}") {
        let _ = Rule::parse(&entry);
    }
}

#[test]
fn deny_wins_over_allow() {
    let both = AddressPolicy { deny: vec![Rule::parse("10.1.0.0/16").unwrap()], ..allowing(&["10.0.0.0/8"]) };
    assert!(check(&both, "http://10.2.0.1/").is_ok());
    assert!(check(&both, "http://10.1.0.1/").is_err());
}

#[test]
fn an_entry_with_a_port_is_of_that_port_only() {
    let policy = allowing(&["10.0.0.0/8:6379", "redis:6379", "queue.internal"]);
    for open in ["http://10.0.0.1:6379/", "http://redis:6379/", "http://queue.internal/"] {
        assert!(check(&policy, open).is_ok(), "{open}");
    }
    for shut in ["http://10.0.0.1/", "http://redis/", "http://queue.internal:6379/", "http://other.internal/"]
    {
        assert!(check(&policy, shut).is_err(), "{shut}");
    }
}

#[test]
fn a_list_opens_only_what_it_holds() {
    let policy = AddressPolicy { reach: Reach::List, ..allowing(&["hooks.example.com", "8.8.8.0/24"]) };
    assert!(check(&policy, "http://8.8.8.8/").is_ok());
    assert!(check(&policy, "http://1.1.1.1/").is_err());
    let answer = |name: &str, ip: &str| policy.check_answers(name, 443, &[ip.parse().unwrap()]);
    assert!(answer("hooks.example.com", "1.1.1.1").is_ok());
    assert!(answer("hooks.example.com.", "1.1.1.1").is_ok());
    assert!(answer("hooks.example.com", "10.0.0.1").is_err(), "private addresses need an entry of their own");
    assert!(answer("other.example.com", "1.1.1.1").is_err());
    assert!(answer("other.example.com", "8.8.8.8").is_ok());
}

#[test]
fn a_name_that_no_entry_of_the_list_can_open_is_refused_before_it_is_looked_up() {
    let listing = |entries: &[&str]| AddressPolicy { reach: Reach::List, ..allowing(entries) };
    let check = |entries: &[&str], url: &str| check(&listing(entries), url).is_ok();
    assert!(!check(&[], "https://other.example.com/"));
    assert!(!check(&["hooks.example.com"], "https://other.example.com/"));
    assert!(check(&["hooks.example.com"], "https://hooks.example.com/"));
    assert!(check(&["8.8.8.0/24"], "https://other.example.com/"), "it may resolve to one of these");
    assert!(!check(&["8.8.8.0/24:8443"], "https://other.example.com/"), "not on this port");
}

#[test]
fn behind_a_proxy_an_address_of_the_list_opens_no_name_since_nobody_checks_what_it_resolves_to() {
    let listed = AddressPolicy { reach: Reach::List, ..allowing(&["hooks.example.com", "8.8.8.0/24"]) };
    let policy = AddressPolicy { behind_proxy: true, ..listed };
    assert!(check(&policy, "https://hooks.example.com/").is_ok());
    assert!(check(&policy, "https://8.8.8.8/").is_ok());
    assert!(check(&policy, "https://other.example.com/").is_err());
    let public = AddressPolicy { reach: Reach::Public, ..policy };
    assert!(check(&public, "https://other.example.com/").is_ok());
}

#[test]
fn https_only_refuses_http_even_where_the_address_is_allowed() {
    let policy = AddressPolicy { https_only: true, ..allowing(&["127.0.0.0/8"]) };
    assert!(check(&policy, "https://127.0.0.1/").is_ok());
    assert!(check(&policy, "http://127.0.0.1/").is_err());
}

#[test]
fn a_refusal_never_holds_the_address() {
    for url in ["http://10.11.12.13/", "http://secret.internal/", "http://8.8.8.8:25/"] {
        let reason = check(&policy(false), url).unwrap_err();
        assert!(!url.contains(reason) && !reason.contains("10.11"), "{reason}");
    }
}
