//! Whether a request shows that its sender knows the secret. Owns the judgement; never answers the request.

use http::HeaderMap;
use postrider_core::secret::Secret;
use postrider_core::signature::{self, DEFAULT_TOLERANCE};
use postrider_core::time::Timestamp;
use subtle::ConstantTimeEq;

/// What a request proves about its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: no secret to check with, or none sent.
    None,
    /// The secret header holds our secret.
    SecretMatches,
    /// The secret header holds another one.
    SecretDiffers,
    /// A Standard Webhooks signature of ours that is fresh.
    SignatureValid,
    /// A signature that does not hold, and why.
    SignatureInvalid(String),
}

/// Judges a request that came `now`: by its signature where it has or should have one, else by its secret header.
pub(crate) fn judge(secret: Option<&Secret>, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Proof {
    let Some(secret) = secret else { return Proof::None };
    if claims_a_signature(headers) {
        let secrets = std::slice::from_ref(secret);
        return match signature::verify(headers, body, secrets, now, DEFAULT_TOLERANCE) {
            Ok(()) => Proof::SignatureValid,
            Err(error) => Proof::SignatureInvalid(error.to_string()),
        };
    }
    match secret_header(headers) {
        Some(sent) if bool::from(sent.ct_eq(secret.reveal().as_bytes())) => Proof::SecretMatches,
        Some(_) => Proof::SecretDiffers,
        None => Proof::None,
    }
}

/// Whether the request is one of Standard Webhooks. Without the signature it was tampered with: nobody sends the other two
/// headers alone.
fn claims_a_signature(headers: &HeaderMap) -> bool {
    let has = |name| headers.contains_key(name);
    has("webhook-signature") || (has("webhook-id") && has("webhook-timestamp"))
}

/// The value of `X-…-Hook-Secret`; the middle of the name is a setting of the sender.
fn secret_header(headers: &HeaderMap) -> Option<&[u8]> {
    let is_secret = |name: &str| name.starts_with("x-") && name.ends_with("-hook-secret");
    headers.iter().find(|(name, _)| is_secret(name.as_str())).map(|(_, value)| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use postrider_core::signature::{SigningKey, sign};

    use super::*;

    const NOW: u64 = 1_764_324_000;

    fn headers_of(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[track_caller]
    fn check(pairs: &[(&'static str, &str)], expected: &Proof) {
        let secret = Secret::parse(b"s3cret").unwrap();
        let now = Timestamp::from_millis(NOW * 1000);
        assert_eq!(judge(Some(&secret), &headers_of(pairs), b"{}", now), *expected);
        assert_eq!(judge(None, &headers_of(pairs), b"{}", now), Proof::None);
    }

    #[test]
    fn the_secret_header_is_compared_whatever_its_prefix() {
        check(&[("x-misskey-hook-secret", "s3cret")], &Proof::SecretMatches);
        check(&[("x-own-hook-secret", "s3cret")], &Proof::SecretMatches);
        for other in ["", "s3cre", "s3cret2", "S3cret"] {
            check(&[("x-misskey-hook-secret", other)], &Proof::SecretDiffers);
        }
        check(&[("hook-secret", "s3cret")], &Proof::None);
    }

    #[test]
    fn a_signature_beats_the_secret_header_and_must_be_ours_and_fresh() {
        let check_signed = |signer: &[u8], seconds: u64, expected: &Proof| {
            let keys = [SigningKey::parse(&Secret::parse(signer).unwrap()).unwrap()];
            let (signature, seconds) = (sign(&keys, "e1", seconds, b"{}"), seconds.to_string());
            check(
                &[
                    ("webhook-id", "e1"),
                    ("webhook-timestamp", &seconds),
                    ("webhook-signature", &signature),
                    ("x-misskey-hook-secret", "s3cret"),
                ],
                expected,
            );
        };
        let invalid = |reason: &str| Proof::SignatureInvalid(reason.to_owned());
        check_signed(b"s3cret", NOW, &Proof::SignatureValid);
        check_signed(b"another", NOW, &invalid("no signature in webhook-signature fits"));
        check_signed(b"s3cret", NOW - 301, &invalid("webhook-timestamp is too old"));
    }

    #[test]
    fn a_signature_that_is_missing_from_a_signed_request_is_invalid() {
        let seconds = NOW.to_string();
        let unsigned = [("webhook-id", "e1"), ("webhook-timestamp", &*seconds)];
        let reason = "header webhook-signature is missing, given twice, or not visible ASCII";
        check(&unsigned, &Proof::SignatureInvalid(reason.to_owned()));
        check(&[("webhook-id", "e1")], &Proof::None);
    }
}
