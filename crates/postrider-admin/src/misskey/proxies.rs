//! Proxies that have found out who asks, and say so in a header. The header means nothing from anyone else.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use postrider_core::hook::id::is_user_id;

/// The header in which a proxy names the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserHeader(HeaderName);

impl UserHeader {
    /// Reads its name; `None` for what is no header's name.
    pub fn parse(name: &str) -> Option<Self> {
        HeaderName::from_bytes(name.as_bytes()).ok().map(Self)
    }
}

/// The proxies, and their header.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    header: UserHeader,
    networks: Vec<IpNet>,
}

/// What a request's headers say about its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing.
    Nobody,
    /// Who it is.
    User(String),
    /// Something that names no user, or several.
    Unclear,
}

impl TrustedProxies {
    /// Proxies in these networks, who name the user in this header.
    pub fn new(header: UserHeader, networks: Vec<IpNet>) -> Self {
        Self { header, networks }
    }

    /// Whether this peer is one of them.
    pub(super) fn trust(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// Whom the header names, whoever sent it. An empty one names nobody: some proxies send it for strangers.
    pub(super) fn named(&self, headers: &HeaderMap) -> Named {
        let mut values = headers.get_all(&self.header.0).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(&self.header.0) { Named::Unclear } else { Named::Nobody };
        };
        match value.to_str() {
            Ok("") => Named::Nobody,
            Ok(user) if is_user_id(user) => Named::User(user.to_owned()),
            _ => Named::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> TrustedProxies {
        let networks = ["10.1.0.0/16", "fd00::/64"].map(|network| network.parse().unwrap());
        TrustedProxies::new(UserHeader::parse("X-User").unwrap(), networks.to_vec())
    }

    #[test]
    fn only_peers_of_the_networks_are_trusted_however_their_address_is_written() {
        let trust = |peer: &str| proxies().trust(peer.parse().unwrap());
        assert!(trust("10.1.2.3") && trust("::ffff:10.1.2.3") && trust("fd00::1"));
        assert!(!trust("10.2.0.1") && !trust("127.0.0.1") && !trust("fd00:0:0:1::1") && !trust("0.0.0.0"));
    }

    #[test]
    fn one_header_names_one_user_or_nobody() {
        let named = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-user", value.parse().unwrap());
            }
            proxies().named(&headers)
        };
        assert_eq!((named(&[]), named(&[""])), (Named::Nobody, Named::Nobody));
        assert_eq!(named(&["9u"]), Named::User("9u".into()));
        for unclear in [&["9u", "8v"][..], &["9u", "9u"], &["9u, 8v"], &["9ü"], &["", "9u"]] {
            assert_eq!(named(unclear), Named::Unclear, "{unclear:?}");
        }
    }

    #[test]
    fn a_header_has_a_headers_name() {
        assert!(UserHeader::parse("X-Forwarded-User").is_some());
        assert!(["", "a b", "a:", "ä"].iter().all(|name| UserHeader::parse(name).is_none()));
    }
}
