//! Where a request goes: a plain `http`/`https` URL, checked once in [`Endpoint::parse`], trusted afterwards.
//!
//! Owns the shape of a URL (contract section 7). Never says whether it may be connected to: that is
//! [`crate::address`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use url::{Host, Url};

/// Longest URL in bytes, as it was given (contract section 7).
pub const MAX_URL_BYTES: usize = 2048;

/// Longest host name in bytes, without the root's dot (RFC 1035, section 2.3.4).
pub const MAX_HOST_BYTES: usize = 253;

/// Longest label of a host name in bytes (RFC 1035, section 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;

/// Most URLs that an [`EndpointCache`] remembers. A worker meets few more destinations between two looks at the same
/// one, and 1,024 URLs of the greatest length are about 6 MiB.
pub const MAX_CACHED_ENDPOINTS: usize = 1024;

const PLAIN: &str = "must be an absolute http:// or https:// URL without userinfo, blanks, backslashes or control \
                     characters, at most 2048 bytes";
const HOST: &str = "must be an http:// or https:// URL whose host is an IP address or a host name of at most 253 bytes, \
                    with labels of 1 to 63 of letters, digits, '-' and '_'";

/// A plain `http`/`https` URL. Cheap to clone; `Debug` and `Display` show its origin only, since the path and the
/// query of a webhook are secrets.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    url: Url,
    uri: Uri,
    origin: Box<str>,
    port: u16,
}

impl Endpoint {
    /// Checks the raw text and parses it once, by the WHATWG rules.
    ///
    /// # Errors
    /// The rule that is broken, to follow the field's name: `field 'to' must be …`.
    pub fn parse(raw: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(raw).map_err(|_| PLAIN)?;
        if !is_plain(text) {
            return Err(PLAIN);
        }
        let url = Url::parse(text).map_err(|_| PLAIN)?;
        let port = url.port_or_known_default().ok_or(PLAIN)?;
        match url.host() {
            Some(Host::Domain(name)) if !is_host_name(name) => return Err(HOST),
            Some(_) => {}
            None => return Err(PLAIN),
        }
        // Made of the parsed URL's own text, once, so that sending never parses and nothing reads the raw text twice.
        let uri = Uri::try_from(url.as_str()).map_err(|_| PLAIN)?;
        let origin = url.origin().ascii_serialization().into();
        Ok(Self(Arc::new(Inner { url, uri, origin, port })))
    }

    /// The parsed URL, with path and query: for the request only.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The same as the HTTP client takes it, without the fragment; cheap to clone.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The normalised text, with path and query: for the request only, never for a log.
    pub fn as_str(&self) -> &str {
        self.0.url.as_str()
    }

    /// `scheme://host`, with `:port` where it isn't the scheme's own: all that logs, records and lists may show.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The host; names are lower-case ASCII and may end in the root's dot.
    pub fn host(&self) -> Host<&str> {
        self.0.url.host().expect("parse refuses a URL without a host")
    }

    /// The port, the scheme's own where the URL has none.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The same place with the path and query of another.
    pub fn with_path_of(&self, other: &Self) -> Self {
        let path = other.0.uri.path_and_query().map_or("/", |path| path.as_str());
        // What was a path before is one here too.
        Self::parse(format!("{}{path}", self.origin()).as_bytes()).unwrap_or_else(|_| self.clone())
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.url.scheme() == "https"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.origin())
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.url == other.0.url
    }
}

impl Eq for Endpoint {}

/// What the parser would silently repair or drop, and userinfo even where it is empty.
fn is_plain(text: &str) -> bool {
    let Some(rest) = after_scheme(text) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    text.len() <= MAX_URL_BYTES
        && !authority.is_empty()
        && !authority.contains('@')
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\' || c == '\u{feff}')
}

fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(rest)
}

/// A name that DNS can carry; underscores occur in real receivers' names.
pub(crate) fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= MAX_HOST_BYTES && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Parses each URL once; bounded by [`MAX_CACHED_ENDPOINTS`], and emptied when it is full.
#[derive(Debug, Default)]
pub struct EndpointCache {
    parsed: HashMap<Box<[u8]>, Endpoint>,
}

impl EndpointCache {
    /// The endpoint of this text, parsed now or before.
    ///
    /// # Errors
    /// As [`Endpoint::parse`]; refusals aren't remembered.
    pub fn get(&mut self, raw: &[u8]) -> Result<Endpoint, &'static str> {
        if let Some(known) = self.parsed.get(raw) {
            return Ok(known.clone());
        }
        let endpoint = Endpoint::parse(raw)?;
        if self.parsed.len() >= MAX_CACHED_ENDPOINTS {
            self.parsed.clear();
        }
        self.parsed.insert(raw.into(), endpoint.clone());
        Ok(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn origin(url: &str) -> String {
        Endpoint::parse(url.as_bytes()).unwrap().origin().to_owned()
    }

    #[test]
    fn the_origin_has_a_port_only_where_it_is_not_the_schemes_own() {
        assert_eq!(origin("HTTPS://Hooks.Example:443/a?b#c"), "https://hooks.example");
        assert_eq!(origin("http://hooks.example:443"), "http://hooks.example:443");
        assert_eq!(origin("http://[::1]:8080/"), "http://[::1]:8080");
    }

    #[test]
    fn nothing_printed_holds_the_path_or_the_query() {
        let endpoint = Endpoint::parse(b"https://hooks.example/canary-1?canary-2").unwrap();
        let mut cache = EndpointCache::default();
        let cached = cache.get(endpoint.as_str().as_bytes()).unwrap();
        assert_eq!(format!("{endpoint} {cached:?}"), "https://hooks.example Endpoint(https://hooks.example)");
    }

    #[test]
    fn a_host_that_dns_can_not_carry_is_no_url() {
        for bad in ["http://a..b.example/", "http://./", "http://a!b.example/", "http://a\"b.example/"] {
            assert_eq!(Endpoint::parse(bad.as_bytes()).unwrap_err(), HOST, "{bad}");
        }
        let label = "a".repeat(64);
        assert!(Endpoint::parse(format!("http://{label}.example/").as_bytes()).is_err());
        assert!(Endpoint::parse(format!("http://{}.example/", &label[1..]).as_bytes()).is_ok());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_url() {
        assert_eq!(Endpoint::parse(b"http://hooks.example/\xff").unwrap_err(), PLAIN);
    }

    #[test]
    fn the_cache_stays_within_its_bound() {
        let mut cache = EndpointCache::default();
        for n in 0..=MAX_CACHED_ENDPOINTS {
            cache.get(format!("http://hooks.example/{n}").as_bytes()).unwrap();
            assert!(cache.parsed.len() <= MAX_CACHED_ENDPOINTS);
        }
        assert!(cache.get(b"ftp://hooks.example/").is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics_for_any_bytes(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Endpoint::parse(&raw);
        }

        #[test]
        fn the_http_client_reads_it_as_we_do_for_any_accepted_url(rest in "\\PC{1,12}[./:?#]?\\PC{0,40}") {
            if let Ok(endpoint) = Endpoint::parse(format!("http://{rest}").as_bytes()) {
                let uri = endpoint.uri();
                prop_assert_eq!(uri.host().unwrap(), endpoint.url().host_str().unwrap());
                prop_assert_eq!(uri.port_u16().unwrap_or(80), endpoint.port());
            }
        }
    }
}
