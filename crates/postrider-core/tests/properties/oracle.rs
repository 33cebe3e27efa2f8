//! The guard's rules, written down a second time, by bits and by hand: what the rules under test are held against.

use std::net::{IpAddr, Ipv6Addr};

/// First bits and their number, of 128; IPv4 addresses stand in the last 32.
type Net = (u128, u32);

/// Of IPv4, what is shut.
const SHUT_V4: [(u32, u32); 16] = [
    (0x0000_0000, 8),
    (0x0a00_0000, 8),
    (0x6440_0000, 10),
    (0x7f00_0000, 8),
    (0xa83f_8110, 32),
    (0xa9fe_0000, 16),
    (0xac10_0000, 12),
    (0xc000_0000, 24),
    (0xc000_0200, 24),
    (0xc058_6300, 24),
    (0xc0a8_0000, 16),
    (0xc612_0000, 15),
    (0xc633_6400, 24),
    (0xcb00_7100, 24),
    (0xe000_0000, 4),
    (0xf000_0000, 4),
];

/// Of IPv6, what is open, …
const OPEN_V6: Net = (0x2000 << 112, 3);

/// … and what of it is shut.
const SHUT_V6: [Net; 4] =
    [(0x2001 << 112, 23), (0x2001_0db8 << 96, 32), (0x2002 << 112, 16), (0x3fff << 112, 20)];

const REFUSED_PORTS: &[u16] = &[
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080, 11211,
];

const SPECIAL_NAMES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "home.arpa",
    "arpa",
    "lan",
    "corp",
    "home",
    "intranet",
    "private",
    "onion",
    "i2p",
    "invalid",
    "test",
    "alt",
];

/// Whether everybody on the internet can reach it.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let bits = u32::from(ip);
            !SHUT_V4.iter().any(|(net, length)| (bits ^ net).leading_zeros() >= *length)
        }
        IpAddr::V6(ip) => lies_in(ip, OPEN_V6) && !SHUT_V6.iter().any(|net| lies_in(ip, *net)),
    }
}

fn lies_in(ip: Ipv6Addr, (net, length): Net) -> bool {
    (u128::from(ip) ^ net).leading_zeros() >= length
}

/// Whether a webhook may use it.
pub(crate) fn is_open_port(port: u16) -> bool {
    port == 80 || port == 443 || (port > 1023 && !REFUSED_PORTS.contains(&port))
}

/// Whether it can be the name of a public host.
pub(crate) fn is_public_name(name: &str) -> bool {
    let mut labels: Vec<&str> = name.split('.').collect();
    if labels.last() == Some(&"") {
        labels.pop();
    }
    let special = |suffix: &str| labels.ends_with(&suffix.split('.').collect::<Vec<_>>());
    labels.len() > 1
        && labels.iter().all(|label| is_label(label))
        && !SPECIAL_NAMES.iter().any(|name| special(name))
}

fn is_label(label: &str) -> bool {
    let known = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
    !label.is_empty() && label.len() < 64 && label.chars().all(known)
}
