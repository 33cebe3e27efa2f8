//! The guard on URLs: what gets through is what the rules, written a second time, let through.

use std::net::IpAddr;

use postrider_core::address::AddressPolicy;
use postrider_core::endpoint::{Endpoint, MAX_URL_BYTES};
use proptest::prelude::*;
use url::Host;

use crate::damage::{Damage, damage, damaged};
use crate::oracle;

/// URLs as they occur, and as attackers write them.
const SOUND: &[&str] = &[
    "https://hooks.example.com/services/T000/B000/XXXX",
    "https://discord.com/api/webhooks/1234567890/abc-DEF_ghi?wait=true",
    "https://hooks.slack.com:443/services/T0/B0/x",
    "http://93.184.216.34:8080/in?key=k#part",
    "https://[2606:4700:4700::1111]:8443/in",
    "https://xn--e1afmkfd.xn--p1ai/%D0%BF?q=%20",
    "http://bücher.example/päth",
    "https://a_b-c.example.co.uk./in",
    "http://127.0.0.1:9000/",
    "http://2130706433/",
    "http://0x7f.0.0.0x1/",
    "http://0177.0.0.01/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/latest/meta-data",
    "http://localhost:6379/",
    "http://169.254.169.254.nip.io/",
    "http://①②⑦.⓪.⓪.①/",
    "HTTP://EXAMPLE.COM:80",
];

/// What matters to a URL's reader.
const PIECES: &[&str] = &[
    "@",
    ":",
    "/",
    "//",
    "\\",
    "#",
    "?",
    ".",
    "..",
    "[",
    "]",
    "%",
    "%2e",
    "%00",
    "%40",
    "%2F",
    "[::1]",
    "[::ffff:",
    "0x",
    "0",
    "127.0.0.1",
    "localhost",
    ".local",
    ".internal",
    "xn--",
    "\u{3002}",
    "\u{ff0e}",
    "\u{ad}",
    "\u{200b}",
    "\u{2044}",
    "\u{ff10}",
    "\u{130}",
    "\u{feff}",
    "\t",
    "\n",
    " ",
    "\0",
    ":80",
    ":443",
    ":22",
    ":65535",
    ":65536",
    ":6379",
    ".test",
    ".home.arpa",
    ".onion.",
    ":0",
    "http:",
    "https://",
    "user:pass@",
    "64:ff9b::",
    "::",
    "fe80::1%25eth0",
    "a",
    "1",
    "-",
    "_",
];

fn any_url() -> impl Strategy<Value = Vec<u8>> {
    let sound = prop::sample::select(SOUND);
    let changes = prop::collection::vec(damage(PIECES), 0..4);
    (sound, changes).prop_map(|(url, changes): (&str, Vec<Damage>)| damaged(url.as_bytes(), &changes))
}

fn policy(nat64: bool) -> AddressPolicy {
    AddressPolicy { nat64, ..AddressPolicy::default() }
}

/// Whether the default policy may let it through, by the rules' second writing.
fn may_be_allowed(endpoint: &Endpoint) -> bool {
    let host_is_public = match endpoint.host() {
        Host::Domain(name) => oracle::is_public_name(name),
        Host::Ipv4(ip) => oracle::is_public(IpAddr::V4(ip)),
        Host::Ipv6(ip) => oracle::is_public(IpAddr::V6(ip)),
    };
    host_is_public && oracle::is_open_port(endpoint.port())
}

/// Host and port as a plain reader finds them in the text that is sent, apart from any URL library.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end..].split_once(':') {
        Some((more, port)) => Some((&authority[..end + more.len()], Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

proptest! {
    #[test]
    fn the_guard_agrees_with_its_oracle_for_any_url(raw in any_url()) {
        if let Ok(endpoint) = Endpoint::parse(&raw) {
            prop_assert_eq!(policy(false).check_endpoint(&endpoint).is_ok(), may_be_allowed(&endpoint), "{}", endpoint.as_str());
        }
    }

    #[test]
    fn the_normalised_text_has_the_same_verdict_for_any_url(raw in any_url()) {
        if let Ok(endpoint) = Endpoint::parse(&raw) {
            let again = Endpoint::parse(endpoint.as_str().as_bytes());
            // Normalising may lengthen a text beyond the bound, which nothing that is sent depends on.
            if endpoint.as_str().len() <= MAX_URL_BYTES {
                let again = again.unwrap();
                prop_assert_eq!(again.as_str(), endpoint.as_str());
                for nat64 in [false, true] {
                    prop_assert_eq!(policy(nat64).check_endpoint(&again), policy(nat64).check_endpoint(&endpoint));
                }
            }
        }
    }

    #[test]
    fn all_that_read_it_see_the_same_host_for_any_url(raw in any_url()) {
        if let Ok(endpoint) = Endpoint::parse(&raw) {
            let (host, port) = host_and_port(endpoint.as_str()).unwrap();
            prop_assert_eq!(endpoint.host().to_string(), host);
            prop_assert_eq!(endpoint.uri().host(), Some(host));
            let default = if endpoint.is_https() { 443 } else { 80 };
            prop_assert_eq!(endpoint.port(), port.unwrap_or(default));
            prop_assert_eq!(endpoint.uri().port_u16().unwrap_or(default), endpoint.port());
            // What is left of a name has no second reading as an address.
            if let Host::Domain(name) = endpoint.host() {
                prop_assert!(name.parse::<IpAddr>().is_err() && !name.contains(['%', '@', '\\', ':']));
            }
        }
    }

    #[test]
    fn only_plain_text_is_accepted_for_any_url(raw in any_url()) {
        if Endpoint::parse(&raw).is_ok() {
            let text = std::str::from_utf8(&raw).unwrap();
            let authority = text.split("://").nth(1).unwrap().split(['/', '?', '#']).next().unwrap();
            prop_assert!(text.len() <= MAX_URL_BYTES && !authority.contains('@'));
            prop_assert!(!text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\'));
        }
    }

    #[test]
    fn nothing_printed_holds_path_or_query_for_any_url(raw in any_url()) {
        let canary = [raw.as_slice(), b"/canary-path?canary-query"].concat();
        if let Ok(endpoint) = Endpoint::parse(&canary) {
            // A host that swallowed the canary is no path.
            if !endpoint.host().to_string().contains("canary") {
                let printed = format!("{endpoint} {endpoint:?} {}", endpoint.origin());
                prop_assert!(!printed.contains("canary"), "{}", printed);
            }
        }
    }
}
