//! Whether a URL and an address may be connected to (contract section 7).
//!
//! Owns the policy as the settings give it: ranges, ports, names, allow and deny lists. Never resolves a name and never
//! connects; the sender asks here once before each attempt and once for each connection.

mod name;
mod port;
mod range;
mod rule;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

pub use self::rule::{Rule, RuleError};
use crate::endpoint::Endpoint;

/// Most addresses of one host that are dialled; all answers are checked.
pub const MAX_DIALLED: usize = 8;

const SCHEME: &str = "the scheme (ssrf.https_only)";
const PORT: &str = "the port";
const NAME: &str = "the host name";
const ADDRESS: &str = "the address";
const DENIED: &str = "the destination (ssrf.deny)";
const UNLISTED: &str = "the destination (not in ssrf.allow)";

/// `ssrf.policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All globally reachable addresses, and what `ssrf.allow` opens beside them.
    #[default]
    Public,
    /// Only what `ssrf.allow` opens.
    List,
}

impl Reach {
    /// Reads the setting: `public` or `list`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "public" => Some(Self::Public),
            "list" => Some(Self::List),
            _ => None,
        }
    }
}

/// Where requests may go. The default is the contract's: what is public, over both schemes.
///
/// Its checks answer with the rule that refuses, in a few words that complete "not allowed: …" and never hold the
/// address.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// `ssrf.policy`.
    pub reach: Reach,
    /// `ssrf.allow`.
    pub allow: Vec<Rule>,
    /// `ssrf.deny`; wins over `allow`.
    pub deny: Vec<Rule>,
    /// `ssrf.https_only`.
    pub https_only: bool,
    /// `ssrf.nat64`: addresses in 64:ff9b::/96 (RFC 6052) are judged by the IPv4 address in them.
    pub nat64: bool,
    /// A proxy looks names up (`proxy.url`): what they resolve to is never checked here.
    pub behind_proxy: bool,
}

impl AddressPolicy {
    /// All that the URL itself shows: scheme, port, name, and the address where it holds one.
    ///
    /// # Errors
    /// The rule that refuses it. A job to it is dead at once, since no answer of DNS can change this.
    pub fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), &'static str> {
        if self.https_only && !endpoint.is_https() {
            return Err(SCHEME);
        }
        match endpoint.host() {
            Host::Ipv4(ip) => self.check_literal(ip.into(), endpoint.port()),
            Host::Ipv6(ip) => self.check_literal(ip.into(), endpoint.port()),
            Host::Domain(name) => self.check_name(name, endpoint.port()),
        }
    }

    /// An address that stands in the URL.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn check_literal(&self, ip: IpAddr, port: u16) -> Result<(), &'static str> {
        match self.check_address(ip, port, self.reach)? {
            Opened::ByAllow => Ok(()),
            Opened::ByDefault if port::is_ordinary(port) => Ok(()),
            Opened::ByDefault => Err(PORT),
        }
    }

    /// The addresses that a host name resolved to: one that is bad refuses the host, since it shows an attack.
    ///
    /// # Errors
    /// The rule that refuses one of them.
    pub fn check_answers(&self, name: &str, port: u16, answers: &[IpAddr]) -> Result<(), &'static str> {
        // A name that `ssrf.allow` opens may have any public address; private ones need entries of their own.
        let reach = if self.opens_name(name, port) { Reach::Public } else { self.reach };
        answers.iter().try_for_each(|ip| self.check_address(*ip, port, reach).map(|_| ()))
    }

    /// Whether `ssrf.allow` opens this very host name on this port.
    pub fn opens_name(&self, name: &str, port: u16) -> bool {
        self.allow.iter().any(|rule| rule.names(name, port))
    }

    fn check_name(&self, name: &str, port: u16) -> Result<(), &'static str> {
        if self.deny.iter().any(|rule| rule.names(name, port)) {
            return Err(DENIED);
        }
        let mut opened_by = self.allow.iter().filter(|rule| rule.names(name, port)).peekable();
        if opened_by.peek().is_none() {
            if !name::is_public(name) {
                return Err(NAME);
            }
            // An address or network of the list may turn out to be the name's; without one, DNS can't change anything.
            let may_be_opened =
                !self.behind_proxy && self.allow.iter().any(|rule| rule.opens_addresses(port));
            if self.reach == Reach::List && !may_be_opened {
                return Err(UNLISTED);
            }
        }
        let port_named = opened_by.any(Rule::has_port);
        if port_named || port::is_ordinary(port) { Ok(()) } else { Err(PORT) }
    }

    fn check_address(&self, ip: IpAddr, port: u16, reach: Reach) -> Result<Opened, &'static str> {
        if self.deny.iter().any(|rule| rule.contains(ip, port)) {
            return Err(DENIED);
        }
        match ip {
            IpAddr::V4(_) => {}
            // The kernel connects to the IPv4 address, past every rule that speaks of IPv4.
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return Err(ADDRESS),
            IpAddr::V6(v6) => {
                if let Some(v4) = range::nat64_embedded(v6).filter(|_| self.nat64) {
                    return self.check_address(v4.into(), port, reach);
                }
            }
        }
        if self.allow.iter().any(|rule| rule.opens(ip, port)) {
            return Ok(Opened::ByAllow);
        }
        match reach {
            _ if !range::is_public(ip) => Err(ADDRESS),
            Reach::List => Err(UNLISTED),
            Reach::Public => Ok(Opened::ByDefault),
        }
    }
}

/// What lets an address through.
enum Opened {
    /// An entry of `ssrf.allow`, which exempts it from the port rule.
    ByAllow,
    /// It is public.
    ByDefault,
}

/// Whether the public policy lets this IPv4 address through, whatever the port.
pub fn is_public_v4(ip: Ipv4Addr) -> bool {
    range::is_public(ip.into())
}

/// Whether the public policy lets this IPv6 address through, whatever the port.
pub fn is_public_v6(ip: Ipv6Addr) -> bool {
    range::is_public(ip.into())
}
