//! One entry of `ssrf.allow` or `ssrf.deny`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

use super::{name, range};
use crate::endpoint::is_host_name;

/// A network, an address or a host name, each with an optional port: `10.0.0.0/8`, `1.2.3.4:8080`, `[::1]:8080`,
/// `[fd00::]/64:8080`, `hooks.example:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    subject: Subject,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Net(IpNet),
    /// Lower-case, without the root's dot.
    Name(Box<str>),
}

/// An entry that can't be read; says what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{entry}' {problem}")]
pub struct RuleError {
    entry: Box<str>,
    problem: &'static str,
}

const FORM: &str = "is not a CIDR, an address or a host name, each with an optional :port";
const BAD_PORT: &str = "has a port that is not a whole number from 1 to 65535";
const BAD_PREFIX: &str = "has a prefix length that is not 0 to 32 (IPv4) or 0 to 128 (IPv6)";
const MAPPED: &str = "is an IPv4 address in IPv6 dress, which is always refused: write it as IPv4";
const SPELLING: &str = "is an odd spelling of an IPv4 address: write it as four decimal numbers";

impl Rule {
    /// Reads one entry. Bits beyond a prefix are ignored.
    ///
    /// # Errors
    /// What is wrong with the entry, naming it.
    pub fn parse(entry: &str) -> Result<Self, RuleError> {
        read(entry.trim()).map_err(|problem| RuleError { entry: entry.into(), problem })
    }

    /// Whether the entry is of this host name and port.
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        matches!(&self.subject, Subject::Name(own) if **own == *name::without_root(host)) && self.is_for(port)
    }

    /// Whether the address and port are in this entry's network.
    pub(super) fn contains(&self, ip: IpAddr, port: u16) -> bool {
        matches!(&self.subject, Subject::Net(net) if net.contains(&ip)) && self.is_for(port)
    }

    /// As [`Self::contains`], but a metadata address must be named exactly.
    pub(super) fn opens(&self, ip: IpAddr, port: u16) -> bool {
        self.contains(ip, port) && (self.is_one_address() || !range::is_metadata(ip))
    }

    /// Whether it is of addresses, on this port.
    pub(super) fn opens_addresses(&self, port: u16) -> bool {
        matches!(self.subject, Subject::Net(_)) && self.is_for(port)
    }

    /// Whether it speaks of one port only.
    pub(super) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    fn is_for(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }

    fn is_one_address(&self) -> bool {
        matches!(&self.subject, Subject::Net(net) if net.prefix_len() == net.max_prefix_len())
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        Self::parse(entry)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.subject, self.port) {
            (Subject::Net(net), None) => write!(f, "{net}"),
            (Subject::Net(IpNet::V6(net)), Some(port)) => {
                write!(f, "[{}]/{}:{port}", net.addr(), net.prefix_len())
            }
            (Subject::Net(net), Some(port)) => write!(f, "{net}:{port}"),
            (Subject::Name(name), None) => f.write_str(name),
            (Subject::Name(name), Some(port)) => write!(f, "{name}:{port}"),
        }
    }
}

fn read(entry: &str) -> Result<Rule, &'static str> {
    if let Ok(ip) = entry.parse::<IpAddr>() {
        return Ok(Rule { subject: net(ip, None)?, port: None });
    }
    let (text, port) = split_port(entry)?;
    let (host, prefix) = match text.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (text, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let subject = match (bare.parse::<IpAddr>(), prefix) {
        (Ok(ip), prefix) => net(ip, prefix)?,
        (Err(_), None) => host_name(host)?,
        (Err(_), Some(_)) => return Err(FORM),
    };
    Ok(Rule { subject, port })
}

/// Splits off `:port`. The colons of an IPv6 network without brackets are its own.
fn split_port(entry: &str) -> Result<(&str, Option<u16>), &'static str> {
    let is_bare_v6 = !entry.starts_with('[') && entry.matches(':').count() > 1;
    let after_brackets = entry.rfind(']').map_or(0, |at| at + 1);
    match entry[after_brackets..].rsplit_once(':') {
        Some((before, port)) if !is_bare_v6 => {
            let all_digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.parse().ok().filter(|port| all_digits && *port != 0).ok_or(BAD_PORT)?;
            Ok((&entry[..after_brackets + before.len()], Some(port)))
        }
        _ => Ok((entry, None)),
    }
}

fn net(ip: IpAddr, prefix: Option<&str>) -> Result<Subject, &'static str> {
    if matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()) {
        return Err(MAPPED);
    }
    let all_bits = if ip.is_ipv4() { 32 } else { 128 };
    let length = prefix.map_or(Ok(all_bits), |text| text.parse().map_err(|_| BAD_PREFIX))?;
    IpNet::new(ip, length).map(|net| Subject::Net(net.trunc())).map_err(|_| BAD_PREFIX)
}

fn host_name(text: &str) -> Result<Subject, &'static str> {
    match Host::parse(text) {
        Ok(Host::Domain(host)) if is_host_name(&host) => Ok(Subject::Name(name::without_root(&host).into())),
        Ok(Host::Ipv4(_)) => Err(SPELLING),
        _ => Err(FORM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_entry_is_read() {
        for (entry, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("1.2.3.4", "1.2.3.4/32"),
            ("1.2.3.4:8080", "1.2.3.4/32:8080"),
            ("10.0.0.0/8:8080", "10.0.0.0/8:8080"),
            ("::1", "::1/128"),
            ("[::1]", "::1/128"),
            ("[::1]:8080", "[::1]/128:8080"),
            ("fd00::/64", "fd00::/64"),
            ("[fd00::]/64:8080", "[fd00::]/64:8080"),
            ("Hooks.Example.", "hooks.example"),
            ("hooks.example:8443", "hooks.example:8443"),
            ("redis", "redis"),
        ] {
            let rule = Rule::parse(entry).unwrap();
            assert_eq!(rule.to_string(), shown);
            assert_eq!(Rule::parse(shown), Ok(rule), "{shown} reads back");
        }
    }

    #[test]
    fn an_entry_that_can_not_be_read_says_why() {
        for (entry, problem) in [
            ("", FORM),
            ("*.example", FORM),
            ("http://hooks.example", BAD_PORT),
            ("hooks.example/8", FORM),
            ("hooks.example:0", BAD_PORT),
            ("hooks.example:+80", BAD_PORT),
            ("10.0.0.0/33", BAD_PREFIX),
            ("fd00::/129", BAD_PREFIX),
            ("::ffff:10.0.0.1", MAPPED),
            ("127.1", SPELLING),
            ("[::1", FORM),
            ("]:", BAD_PORT),
        ] {
            assert_eq!(Rule::parse(entry).unwrap_err().problem, problem, "{entry:?}");
        }
    }
}
