//! How a value may be shown. Hides rather too much than too little: it also sees values that are malformed.

use super::key::Key;
use super::kind::Kind;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "***";

/// The value as it may be shown, in `postrider config` and in problems.
pub(crate) fn shown(key: &Key, text: &str) -> String {
    match key.kind {
        Kind::Token | Kind::SecretHeaders if !text.is_empty() => HIDDEN.into(),
        Kind::RedisUrl => without_password(text),
        Kind::ProxyUrl | Kind::Collector => without_credentials(text),
        _ => text.into(),
    }
}

/// The URL with its password hidden. All between the scheme and the *last* `@` counts as user and password,
/// since a password with an unescaped `/` or `@` is a common mistake; a query that mentions a password goes
/// whole.
fn without_password(url: &str) -> String {
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None => ("", url),
    };
    let (credentials, place) = match rest.rfind('@') {
        Some(at) => rest.split_at(at),
        None => ("", rest),
    };
    // An `@` in the query, or a `?` in the password: which part is secret can't be told.
    if credentials.contains('?') {
        return format!("{scheme}{HIDDEN}");
    }
    format!("{scheme}{}{}", without_own_password(credentials, scheme), without_query_password(place))
}

/// The URL without user and password: a token may be either.
fn without_credentials(url: &str) -> String {
    let Some(at) = url.rfind('@') else { return url.into() };
    let scheme = url.find("://").map(|end| end + 3).filter(|end| *end <= at).map_or("", |end| &url[..end]);
    format!("{scheme}{HIDDEN}{}", &url[at..])
}

fn without_own_password(credentials: &str, scheme: &str) -> String {
    match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}"),
        None if credentials.is_empty() => String::new(),
        // A user without a password; but without a scheme nothing is certain.
        None if scheme.is_empty() => HIDDEN.into(),
        None => credentials.into(),
    }
}

fn without_query_password(place: &str) -> String {
    match place.split_once('?') {
        Some((before, query)) if query.to_ascii_lowercase().contains("pass") => format!("{before}?{HIDDEN}"),
        _ => place.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        assert_eq!(shown(Key::find(name).unwrap(), text), expected);
    }

    #[test]
    fn passwords_in_the_redis_url_are_hidden_and_the_rest_is_shown() {
        for (text, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://user@host/2", "redis://user@host/2"),
            ("redis://user:canary@host:6379/2", "redis://user:***@host:6379/2"),
            ("rediss://:canary@host", "rediss://:***@host"),
            ("redis://:can/ary@host", "redis://:***@host"),
            ("redis://:can@ary@host", "redis://:***@host"),
            ("redis://:can?ary@host", "redis://***"),
            ("redis://host?password=can@ary", "redis://***"),
            ("redis+cluster://u:canary@a:1,u:canary@b:2", "redis+cluster://u:***@b:2"),
            ("redis+unix:///run/redis.sock?db=1&pass=canary", "redis+unix:///run/redis.sock?***"),
            ("canary@host", "***@host"),
            ("user:canary@host", "user:***@host"),
        ] {
            check("redis.url", text, expected);
        }
    }

    #[test]
    fn user_and_password_of_the_proxy_are_hidden_wherever_they_end() {
        for (text, expected) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("https://canary:canary@proxy:3128", "https://***@proxy:3128"),
            ("http://canary@[::1]:3128", "http://***@[::1]:3128"),
            ("http://u:can/ary@can?ary@proxy", "http://***@proxy"),
            ("canary:canary@proxy", "***@proxy"),
            ("canary@http://proxy", "***@http://proxy"),
        ] {
            check("proxy.url", text, expected);
        }
    }

    #[test]
    fn a_token_is_never_shown_and_no_token_is_not_a_secret() {
        check("http.token", "canary", "***");
        check("http.token", "", "");
        check("traces.headers", "authorization=canary", "***");
        check("traces.endpoint", "http://canary:canary@collector", "http://***@collector");
    }
}
