//! `ssrf.allow`, `ssrf.deny` and addresses: any lists, any address, judged as the rules' second writing does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use postrider_core::address::{AddressPolicy, Reach, Rule};
use proptest::prelude::*;

use crate::oracle;

/// Where IPv6 has its borders and its wrappings of IPv4.
const PREFIXES: &[(u128, u32)] = &[
    (0, 96),
    (0xffff << 32, 96),
    (0xffff << 48, 96),
    (0x0064_ff9b << 96, 96),
    (0x0064_ff9b_0001 << 80, 48),
    (0x2000 << 112, 3),
    (0x2001 << 112, 23),
    (0x2001_0db8 << 96, 32),
    (0x2002 << 112, 16),
    (0x2606_4700 << 96, 32),
    (0x3fff << 112, 20),
    (0xfc00 << 112, 7),
    (0xfd00_0ec2 << 96, 32),
    (0xfe80 << 112, 10),
    (0xff00 << 112, 8),
];

fn any_v4() -> impl Strategy<Value = u32> {
    let near = prop::sample::select(vec![
        0x0a00_0000_u32,
        0x6464_64c8,
        0x7f00_0001,
        0xa83f_8110,
        0xa9fe_a9fe,
        0xc000_00c0,
    ]);
    prop_oneof![any::<u32>(), (near, 0..32_u32).prop_map(|(ip, bit)| ip ^ (1 << bit))]
}

/// Inside one of the prefixes, or one bit outside, or anywhere.
fn any_v6() -> impl Strategy<Value = u128> {
    let near = (prop::sample::select(PREFIXES), any::<u128>(), prop::option::of(0..128_u32));
    let near = near.prop_map(|((prefix, length), rest, flipped)| {
        let inside = prefix | (rest >> length.min(127));
        flipped.map_or(inside, |bit| inside ^ (1 << bit))
    });
    let wrapped =
        (prop::sample::select(PREFIXES), any_v4()).prop_map(|((prefix, _), v4)| prefix | u128::from(v4));
    prop_oneof![1 => any::<u128>(), 4 => near, 2 => wrapped]
}

fn any_ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any_v4().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any_v6().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ]
}

/// A network around an address, perhaps of one port only.
type Entry = (IpNet, Option<u16>);

fn entry_around(ip: IpAddr) -> impl Strategy<Value = Entry> {
    let longest: u8 = if ip.is_ipv4() { 32 } else { 128 };
    let port = prop::option::of(prop::sample::select(vec![80, 443, 6379]));
    (0..=longest, port).prop_map(move |(length, port)| (IpNet::new(ip, length).unwrap().trunc(), port))
}

/// An address, and a list of which some entries may speak of it.
fn ip_and_lists() -> impl Strategy<Value = (IpAddr, Vec<Entry>, Vec<Entry>)> {
    (any_ip(), any_ip()).prop_flat_map(|(ip, other)| {
        let entry = prop_oneof![entry_around(ip), entry_around(other)];
        let list = prop::collection::vec(entry, 0..3).boxed();
        (Just(ip), list.clone(), list)
    })
}

/// As the settings would hold it; none for one in IPv6 dress, which the settings refuse.
fn rules(entries: &[Entry]) -> Option<Vec<Rule>> {
    let text = |(net, port): &Entry| match port {
        Some(port) => format!("[{}]/{}:{port}", net.addr(), net.prefix_len()),
        None => net.to_string(),
    };
    entries.iter().map(|entry| Rule::parse(&text(entry)).ok()).collect()
}

fn speaks_of((net, own): &Entry, ip: IpAddr, port: u16) -> bool {
    net.contains(&ip) && own.is_none_or(|own| own == port)
}

/// The rule that was broken most easily: an address of a cloud's metadata, as plain as it can be written.
fn is_plain_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_link_local()
                || ["100.100.100.200", "192.0.0.192", "168.63.129.16"].contains(&&*ip.to_string())
        }
        IpAddr::V6(ip) => (ip.segments()[0] & 0xffc0) == 0xfe80 || ip.segments()[..2] == [0xfd00, 0xec2],
    }
}

proptest! {
    #[test]
    fn the_guard_agrees_with_its_oracle_for_any_address(ip in any_ip()) {
        prop_assert_eq!(AddressPolicy::default().check_literal(ip, 443).is_ok(), oracle::is_public(ip), "{}", ip);
        let policy = AddressPolicy::default();
        prop_assert_eq!(policy.check_answers("hooks.example", 443, &[ip]).is_ok(), oracle::is_public(ip), "{}", ip);
    }

    #[test]
    fn lists_open_and_shut_only_what_they_speak_of_for_any_address(
        (ip, allow, deny) in ip_and_lists(),
        port in prop::sample::select(vec![22_u16, 80, 443, 6379, 8080]),
        listed_only in any::<bool>(),
    ) {
        let (Some(allow_rules), Some(deny_rules)) = (rules(&allow), rules(&deny)) else { return Ok(()) };
        let reach = if listed_only { Reach::List } else { Reach::Public };
        let policy = AddressPolicy { reach, allow: allow_rules, deny: deny_rules, ..AddressPolicy::default() };
        let said = policy.check_literal(ip, port).is_ok();
        let opened = allow.iter().any(|entry| speaks_of(entry, ip, port));
        let by_default = !listed_only && oracle::is_public(ip) && oracle::is_open_port(port);
        if deny.iter().any(|entry| speaks_of(entry, ip, port)) {
            prop_assert!(!said, "what is denied stays shut");
        } else if by_default {
            prop_assert!(said, "what is public stays open");
        } else if !opened {
            prop_assert!(!said, "nobody opened it");
        }
        let named = |entry: &Entry| entry.0.prefix_len() == entry.0.max_prefix_len() && speaks_of(entry, ip, port);
        if is_plain_metadata(ip) && !allow.iter().any(named) {
            prop_assert!(!said, "metadata has to be named");
        }
    }

    #[test]
    fn a_rule_reads_back_from_its_own_text_for_any_network(ip in any_ip(), length in 0..=128_u8, port in prop::option::of(1..=u16::MAX)) {
        let Ok(net) = IpNet::new(ip, length.min(if ip.is_ipv4() { 32 } else { 128 })) else { return Ok(()) };
        if let Some(rules) = rules(&[(net.trunc(), port)]) {
            let again = Rule::parse(&rules[0].to_string());
            prop_assert_eq!(again.as_ref(), Ok(&rules[0]));
        }
    }

    #[test]
    fn one_bad_answer_refuses_the_name_for_any_answers(good in prop::collection::vec(any_ip(), 0..12), bad in any_ip(), at in any::<prop::sample::Index>()) {
        let policy = AddressPolicy::default();
        let mut answers: Vec<IpAddr> = good.into_iter().filter(|ip| oracle::is_public(*ip)).collect();
        prop_assert!(policy.check_answers("hooks.example", 443, &answers).is_ok());
        answers.insert(at.index(answers.len() + 1), bad);
        prop_assert_eq!(policy.check_answers("hooks.example", 443, &answers).is_ok(), oracle::is_public(bad));
    }
}
