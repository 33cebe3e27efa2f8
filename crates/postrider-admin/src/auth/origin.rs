//! Where a request comes from, as far as its peer and its headers tell: this machine, or a page of another site.

use std::net::IpAddr;

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::problem::Problem;
use crate::router::is_json;

const NO_TOKEN: &str = "without http.token the API answers only this machine, asked as localhost, 127.0.0.1 or [::1]; \
    set http.token to a random token of at least 32 characters";

/// The peer must be this machine, and have called it by a name of this machine: a page elsewhere whose name was made to
/// mean this address (DNS rebinding) names itself.
pub(crate) fn check_loopback(peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if peer.to_canonical().is_loopback() && is_loopback_name(host) {
        return Ok(());
    }
    Err(Problem::forbidden(NO_TOKEN))
}

/// Pages of other sites change nothing, whatever the browser adds to their requests.
pub(crate) fn check_site(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_same_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let host = text(HOST.as_str()).unwrap_or_default();
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    if is_same_site && text(ORIGIN.as_str()).is_none_or(is_own) {
        return Ok(());
    }
    Err(Problem::forbidden("changes are not taken from pages of other sites"))
}

/// A browser sends the cookie of a session whoever made it ask: a change has to say that it comes from a page of this port, and
/// in a way that no form can.
pub(crate) fn check_session(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let is_said = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|given| is_json(given.as_bytes()));
    if method.is_safe() || (is_said && is_json) {
        return check_site(method, headers);
    }
    Err(Problem::forbidden("a session makes changes only for the console's own pages, in JSON"))
}

/// `localhost`, `127.0.0.1` or `[::1]`, with any port.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for good in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:8080"] {
            assert!(is_loopback_name(good), "{good}");
        }
        for bad in
            ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "::1", "a@localhost"]
        {
            assert!(!is_loopback_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_session_changes_nothing_without_a_word_of_where_it_comes_from() {
        let check = |method: Method, given: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:8080".parse().unwrap());
            for (name, value) in given {
                headers.insert(*name, value.parse().unwrap());
            }
            check_session(&method, &headers).is_ok()
        };
        let (json, own) = (("content-type", "application/json"), ("origin", "http://localhost:8080"));
        assert!(check(Method::GET, &[]));
        assert!(
            check(Method::POST, &[json, own])
                && check(Method::DELETE, &[json, ("sec-fetch-site", "same-origin")])
        );
        let form = ("content-type", "application/x-www-form-urlencoded");
        let others: [&[_]; 4] = [&[json], &[own], &[form, own], &[json, ("origin", "https://evil.example")]];
        for given in others {
            assert!(!check(Method::POST, given), "{given:?}");
        }
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let check = |method: Method, given: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:8080".parse().unwrap());
            for (name, value) in given {
                headers.insert(*name, value.parse().unwrap());
            }
            check_site(&method, &headers).is_ok()
        };
        assert!(check(Method::POST, &[]));
        assert!(check(
            Method::POST,
            &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(check(Method::GET, &[("origin", "https://evil.example")]));
        for bad in ["cross-site", "same-site"] {
            assert!(!check(Method::DELETE, &[("sec-fetch-site", bad)]), "{bad}");
        }
        for bad in ["https://evil.example", "null", "http://localhost:8081"] {
            assert!(!check(Method::POST, &[("origin", bad)]), "{bad}");
        }
    }
}
