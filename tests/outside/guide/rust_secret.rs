use http::HeaderMap;
use subtle::ConstantTimeEq;

pub fn has_secret(headers: &HeaderMap, secret: &str) -> bool {
    let given = headers.get("x-misskey-hook-secret").map_or(&b""[..], |value| value.as_bytes());
    !secret.is_empty() && bool::from(given.ct_eq(secret.as_bytes()))
}
