//! The operator's proxy (`proxy.url`): every request goes through it by CONNECT, plain ones too. So all that comes before
//! the tunnel is open is the proxy's, and all that comes after is the receiver's: that is how faults are told apart.
//!
//! - [`fault`]: what can be wrong with the proxy itself; `answer`: what it says to CONNECT.
//! - `gate`: from the proxy's name to an open tunnel; `way`: whose fault it is that time is up.
//!
//! Never guards its own address, since the operator named it, and never looks up a receiver's name.

mod answer;
pub(crate) mod fault;
pub(crate) mod gate;
pub(crate) mod way;

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

/// Longest URL of a proxy, in bytes; its credentials may be long tokens.
const MAX_PROXY_URL_BYTES: usize = 4096;

const ACCEPTED: &str = "http://[user:password@]host:port or https://[user:password@]host:port, special characters of user and \
                        password percent-encoded";

/// Where the proxy is, and what it wants to see. `Debug` hides the credentials.
#[derive(Clone)]
pub struct Proxy {
    is_https: bool,
    /// As in a URL: an IPv6 address has its brackets.
    host: Box<str>,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Box<str>>,
}

impl Proxy {
    /// Reads the setting.
    ///
    /// # Errors
    /// What would be accepted, completing "expected …"; without a word of the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // The parser would silently drop some of these.
        let is_odd = text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
        if is_odd || text.len() > MAX_PROXY_URL_BYTES {
            return Err(ACCEPTED);
        }
        let url = Url::parse(text).map_err(|_| ACCEPTED)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty());
        match (url.scheme(), host, url.port_or_known_default()) {
            (scheme @ ("http" | "https"), Some(host), Some(port @ 1..)) if is_bare => Ok(Self {
                is_https: scheme == "https",
                host: host.into(),
                port,
                authorization: authorization(&url)?,
            }),
            _ => Err(ACCEPTED),
        }
    }
}

/// Basic credentials (RFC 7617), where the URL has some.
fn authorization(url: &Url) -> Result<Option<Box<str>>, &'static str> {
    let decoded = |text: &str| -> Result<String, &'static str> {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| ACCEPTED)?;
        if text.chars().any(char::is_control) { Err(ACCEPTED) } else { Ok(text.into_owned()) }
    };
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
    if user.contains(':') {
        return Err(ACCEPTED);
    }
    let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
    Ok(Some(format!("Basic {credentials}").into()))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_are_read_and_credentials_are_decoded() {
        for (text, shown, authorization) in [
            ("http://proxy:3128", "http://proxy:3128", None),
            ("https://10.0.0.1/", "https://10.0.0.1:443", None),
            ("http://[::1]:8080", "http://[::1]:8080", None),
            ("http://u:p@proxy:3128", "http://proxy:3128", Some("Basic dTpw")),
            ("http://u%40x:p%3Aw%2F@proxy:3128", "http://proxy:3128", Some("Basic dUB4OnA6dy8=")),
            ("http://token@proxy:3128", "http://proxy:3128", Some("Basic dG9rZW46")),
            ("http://@proxy:3128", "http://proxy:3128", None),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.authorization.as_deref()), (shown, authorization));
        }
    }

    #[test]
    fn whatever_is_not_a_proxys_place_is_refused_without_a_word_of_it() {
        for bad in [
            "",
            "proxy:3128",
            "socks5://proxy:1080",
            "http://",
            "http://proxy:3128/path",
            "http://proxy:3128?x",
            "http://proxy:3128#x",
            "http://proxy:0",
            "http://proxy:99999",
            "http://pro xy:3128",
            "http://proxy:31\n28",
            "http://a%3Ab:p@proxy:3128",
            "http://a:%0d%0aX@proxy:3128",
            "http://a:%ff@proxy:3128",
        ] {
            assert_eq!(Proxy::parse(bad).unwrap_err(), ACCEPTED, "{bad:?}");
        }
        assert!(Proxy::parse(&format!("http://u:{}@proxy", "p".repeat(MAX_PROXY_URL_BYTES))).is_err());
    }

    #[test]
    fn nothing_printed_holds_the_credentials() {
        let proxy = Proxy::parse("http://canary-user:canary-password@proxy:3128").unwrap();
        let encoded = proxy.authorization.clone().unwrap();
        let printed = format!("{proxy} {proxy:?} {:?}", Some(&proxy));
        assert!(!printed.contains("canary") && !printed.contains(&*encoded), "{printed}");
    }
}
