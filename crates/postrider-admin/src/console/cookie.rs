//! How a browser keeps a session: in a cookie that no script can read, that goes nowhere else, and that is bound to this host.

use std::time::Duration;

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};

use crate::auth::origin::is_loopback_name;

/// Its name. Browsers take it only over TLS, for the whole host and no other.
const NAME: &str = "__Host-postrider";

/// Its name on this machine, asked over plain http: what browsers make of `Secure` there differs.
const LOCAL_NAME: &str = "postrider";

/// The cookie that begins a session.
pub(super) fn set(headers: &HeaderMap, secret: &str, age: Duration) -> HeaderValue {
    let seconds = age.as_secs();
    let cookie = match is_local(headers) {
        true => format!("{LOCAL_NAME}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"),
        false => format!("{NAME}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"),
    };
    HeaderValue::try_from(cookie).expect("secrets are base64")
}

/// The same that ends it.
pub(super) fn unset(headers: &HeaderMap) -> HeaderValue {
    set(headers, "", Duration::ZERO)
}

/// The secret of the session that a request bears.
pub(crate) fn secret_of(headers: &HeaderMap) -> Option<&str> {
    // A browser sends no origin with most questions, so that TLS on this machine can't be told from plain http by them.
    let is_ours = |given: &str| given == NAME || (given == LOCAL_NAME && is_local(headers));
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| is_ours(given)).map(|(_, secret)| secret)
}

/// Whether a browser on this machine asks without TLS, as far as it tells.
fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_tls = text(ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
    !is_tls && text(HOST).is_some_and(is_loopback_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_the_host_and_for_no_script() {
        let set = set(&headers(&[("host", "console.example")]), "s3", Duration::from_secs(60));
        let set = set.to_str().unwrap();
        assert_eq!(set, "__Host-postrider=s3; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn on_this_machine_it_goes_without_tls() {
        let local = headers(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]);
        let set = set(&local, "s3", Duration::from_secs(60));
        assert_eq!(set.to_str().unwrap(), "postrider=s3; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn a_cookie_of_the_wrong_kind_is_none() {
        let of = |host, cookie| secret_of(&headers(&[("host", host), ("cookie", cookie)])).map(str::to_owned);
        assert_eq!(of("console.example", "a=b; __Host-postrider=s3; c=d").as_deref(), Some("s3"));
        assert_eq!(of("localhost", "postrider=s3").as_deref(), Some("s3"));
        assert_eq!(of("localhost", "__Host-postrider=s3").as_deref(), Some("s3"), "over TLS");
        assert_eq!(of("console.example", "postrider=s3"), None);
        assert_eq!(of("console.example", "x__Host-postrider=s3"), None);
    }
}
