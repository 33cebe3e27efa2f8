//! Which user asks: by what a trusted proxy says, else by a token in the header `Authorization` or in the body's `i`.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::Value;

use super::MisskeyConfig;
use super::error::ApiError;
use super::proxies::Named;
use crate::auth::bearer;
use crate::auth::failures::Failures;

/// What is known of whoever asks.
pub(super) struct Asker<'a> {
    pub(super) peer: IpAddr,
    pub(super) headers: &'a HeaderMap,
    /// The body's `i`.
    pub(super) token: Option<&'a Value>,
}

impl MisskeyConfig {
    /// The user. Failures count among those of the API's other routes.
    ///
    /// # Errors
    /// Nobody is named, or nobody who is known, or too often.
    pub(super) fn user_of(&self, asker: &Asker<'_>, failures: &Failures) -> Result<String, ApiError> {
        let is_trusted = self.proxies.as_ref().is_some_and(|proxies| proxies.trust(asker.peer));
        let named = self.proxies.as_ref().map_or(Named::Nobody, |proxies| proxies.named(asker.headers));
        let token: &[u8] = match named {
            Named::User(user) if is_trusted => return Ok(user),
            Named::Nobody => asker.token()?,
            // From a stranger the header is an attempt to be someone else, whatever token is beside it.
            Named::User(_) | Named::Unclear => b"",
        };
        // A proxy speaks for many: one of them must not lock out the others.
        if !is_trusted && let Some(wait) = failures.wait_of(asker.peer, Instant::now()) {
            return Err(ApiError::too_often(wait));
        }
        let user = self.tokens.user_of(token);
        user.map(str::to_owned).ok_or_else(|| match failures.note(asker.peer, Instant::now()) {
            Some(wait) => ApiError::too_often(wait),
            None => ApiError::authentication_failed(),
        })
    }
}

impl Asker<'_> {
    fn token(&self) -> Result<&[u8], ApiError> {
        if let Some(token) = self.headers.get(AUTHORIZATION).and_then(|given| bearer(given.as_bytes())) {
            return Ok(token);
        }
        match self.token {
            Some(Value::String(token)) => Ok(token.as_bytes()),
            None | Some(Value::Null) => Err(ApiError::credential_required()),
            Some(_) => Err(ApiError::invalid_param("i", "must be a text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{TrustedProxies, UserHeader, UserTokens};
    use super::*;
    use crate::auth::failures::MAX_OF_ONE;

    const TOKEN: &str = "cnry0OneOfSixtee";
    const PROXY: &str = "10.1.2.3";
    const STRANGER: &str = "192.0.2.1";

    fn config() -> MisskeyConfig {
        let header = UserHeader::parse("X-User").unwrap();
        let proxies = TrustedProxies::new(header, vec!["10.1.0.0/16".parse().unwrap()]);
        MisskeyConfig { tokens: UserTokens::parse(&format!("9u {TOKEN}")).unwrap(), proxies: Some(proxies) }
    }

    /// The user, or the code of the error.
    fn ask(failures: &Failures, peer: &str, headers: &[(&'static str, &str)], token: &Value) -> String {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        let asker = Asker { peer: peer.parse().unwrap(), headers: &headers.collect(), token: Some(token) };
        config().user_of(&asker, failures).unwrap_or_else(|error| error.code().to_owned())
    }

    #[test]
    fn a_token_names_its_user_in_the_body_or_in_the_header() {
        let failures = Failures::default();
        assert_eq!(ask(&failures, STRANGER, &[], &json!(TOKEN)), "9u");
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(ask(&failures, STRANGER, &[("authorization", &bearer)], &Value::Null), "9u");
        assert_eq!(ask(&failures, STRANGER, &[], &Value::Null), "CREDENTIAL_REQUIRED");
        assert_eq!(ask(&failures, STRANGER, &[], &json!(7)), "INVALID_PARAM");
        assert_eq!(ask(&failures, STRANGER, &[], &json!("wrong")), "AUTHENTICATION_FAILED");
    }

    #[test]
    fn a_user_whom_a_proxy_names_is_believed_of_the_proxy_only() {
        let failures = Failures::default();
        let named = [("x-user", "8v")];
        assert_eq!(ask(&failures, PROXY, &named, &json!(TOKEN)), "8v");
        assert_eq!(ask(&failures, PROXY, &[], &json!(TOKEN)), "9u");
        for peer in [STRANGER, "127.0.0.1"] {
            assert_eq!(ask(&failures, peer, &named, &json!(TOKEN)), "AUTHENTICATION_FAILED");
        }
        let twice = [("x-user", "8v"), ("x-user", "9u")];
        assert_eq!(ask(&failures, PROXY, &twice, &json!(TOKEN)), "AUTHENTICATION_FAILED");
    }

    #[test]
    fn who_guesses_is_soon_not_listened_to_but_a_proxy_speaks_for_many() {
        let failures = Failures::default();
        for peer in [STRANGER, PROXY] {
            for _ in 0..MAX_OF_ONE {
                assert_eq!(ask(&failures, peer, &[], &json!("wrong")), "AUTHENTICATION_FAILED");
            }
        }
        assert_eq!(ask(&failures, STRANGER, &[], &json!(TOKEN)), "RATE_LIMIT_EXCEEDED");
        assert_eq!(ask(&failures, PROXY, &[], &json!(TOKEN)), "9u");
    }
}
