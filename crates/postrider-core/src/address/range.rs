//! Which addresses are globally reachable, and which belong to a cloud's metadata service.
//!
//! IPv4 is open but for a list; IPv6 is closed but for what IANA has assigned as global unicast, so that the many ways of
//! wrapping an IPv4 address gain nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Globally reachable by the IANA special-purpose registries (RFC 6890), read strictly.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127, ..]               // this network, private, loopback
            | [100, 64..=127, ..]        // carriers' NAT (RFC 6598)
            | [168, 63, 129, 16]         // Azure's WireServer: public in form, but the host's own
            | [169, 254, ..]             // link-local, metadata services
            | [172, 16..=31, ..]         // private
            | [192, 0, 0 | 2, _]         // protocol assignments, documentation
            | [192, 88, 99, _]           // 6to4 relays
            | [192, 168, ..]             // private
            | [198, 18 | 19, ..]         // benchmarks
            | [198, 51, 100, _]          // documentation
            | [203, 0, 113, _]           // documentation
            | [224..=255, ..] // multicast, reserved, broadcast
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let groups = ip.segments();
    (0x2000..=0x3fff).contains(&groups[0])
        && !matches!(
            groups,
            [0x2001, 0..=0x1ff, ..]      // Teredo, benchmarks, ORCHID and other protocol assignments
                | [0x2001, 0xdb8, ..]    // documentation
                | [0x2002, ..]           // 6to4
                | [0x3fff, 0..=0xfff, ..] // documentation (RFC 9637)
        )
}

/// Addresses that hand out a cloud's credentials, in any wrapping: no range opens them, only their own name.
pub(super) fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_metadata_v4(ip),
        IpAddr::V6(ip) => is_metadata_v6(ip) || embedded_v4(ip).is_some_and(is_metadata_v4),
    }
}

fn is_metadata_v4(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [169, 254, ..] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16])
}

fn is_metadata_v6(ip: Ipv6Addr) -> bool {
    matches!(
        ip.segments(),
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] | [0xfe80..=0xfebf, ..]
    )
}

/// The IPv4 address in 64:ff9b::/96 (RFC 6052).
pub(super) fn nat64_embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    matches!(ip.segments(), [0x64, 0xff9b, 0, 0, 0, 0, _, _]).then(|| low_v4(ip))
}

/// The IPv4 address that a stack or gateway might take out of an IPv6 one: NAT64, IPv4-compatible, mapped and
/// translated (RFC 2765) forms, ISATAP, and 6to4.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _]
        | [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(low_v4(ip)),
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(low_v4(ip)),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

fn low_v4(ip: Ipv6Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits((ip.to_bits() & u128::from(u32::MAX)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_stays_metadata_in_any_wrapping() {
        for ip in [
            "169.254.169.254",
            "fe80::a9fe:a9fe",
            "::169.254.169.254",
            "::ffff:169.254.169.254",
            "::ffff:0:a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd12::5efe:a9fe:a9fe",
        ] {
            assert!(is_metadata(ip.parse().unwrap()), "{ip}");
        }
        assert!(!is_metadata("8.8.8.8".parse().unwrap()));
        assert!(!is_metadata("64:ff9b::808:808".parse().unwrap()));
    }
}
