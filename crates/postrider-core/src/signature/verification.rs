//! The receiving half: whether a request carries the proof that it came from a holder of the secret, just now.

use std::time::Duration;

use ed25519_dalek::{Signature, VerifyingKey};
use http::HeaderMap;
use subtle::ConstantTimeEq;

use super::{
    BAD_PUBLIC, ED25519_LABEL, EMPTY, HMAC_LABEL, HmacSha256, PUBLIC_PREFIX, SIGNING_PREFIX, authenticate,
    decode, hmac_of, key_pair, signed_bytes,
};
use crate::secret::Secret;
use crate::time::{Timestamp, parse_whole};

/// How far `webhook-timestamp` may lie from the receiver's clock, both ways: five minutes, as the specification's own
/// libraries have it.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Most signatures of one request that are looked at, since each costs an ed25519 check. A sender has one for each
/// secret that is valid at a time, which is two or three.
const MAX_SIGNATURES: usize = 32;

/// Why a request is not proven. Such a request is not to be acted upon, and is answered with a 4xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// One of the three headers can't be used.
    #[error("header {name} is missing, given twice, or not visible ASCII")]
    Header {
        /// Which one.
        name: &'static str,
    },
    /// `webhook-id` is empty, or holds a full stop, by which id, timestamp and body could be told apart in two ways.
    #[error("webhook-id is empty or holds a full stop")]
    MalformedId,
    /// `webhook-timestamp` isn't a whole number.
    #[error("webhook-timestamp is not a whole number of seconds")]
    MalformedTimestamp,
    /// It was signed longer ago than the tolerance: perhaps a replay.
    #[error("webhook-timestamp is too old")]
    TooOld,
    /// It was signed further ahead than the tolerance.
    #[error("webhook-timestamp lies too far ahead")]
    TooNew,
    /// A secret of the receiver's own can't check anything.
    #[error("the receiver's secret {rule}")]
    UnusableSecret {
        /// Which rule it breaks.
        rule: &'static str,
    },
    /// No signature was made with one of the secrets over this id, timestamp and body.
    #[error("no signature in webhook-signature fits")]
    NoMatch,
}

/// Checks a request's Standard Webhooks proof, as a receiver does before it reads the body as anything.
///
/// `body` is the request's body as it came, before any parsing. `secrets` are all that are valid now: `whsec_`, `whpk_`
/// or `whsk_` keys, or any other text, whose bytes are the key. `tolerance` is the widest distance between the
/// signature's time and `now`, usually [`DEFAULT_TOLERANCE`]. Comparing takes the same time wherever signatures differ.
///
/// # Errors
/// Why it is not proven.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    Proof::of(headers)?.verify(body, secrets, now, tolerance)
}

/// The values of the three headers, for receivers that hold them otherwise than in a [`HeaderMap`].
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`, as text.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

impl<'a> Proof<'a> {
    /// Takes the three headers out of a request's.
    ///
    /// # Errors
    /// [`VerifyError::Header`] where one can't be used.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, VerifyError> {
        Ok(Self {
            id: only(headers, "webhook-id")?,
            timestamp: only(headers, "webhook-timestamp")?,
            signature: only(headers, "webhook-signature")?,
        })
    }

    /// As [`verify`].
    ///
    /// # Errors
    /// Why it is not proven.
    pub fn verify(
        &self,
        body: &[u8],
        secrets: &[Secret],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<(), VerifyError> {
        if self.id.is_empty() || self.id.contains('.') {
            return Err(VerifyError::MalformedId);
        }
        check_time(self.timestamp, now, tolerance)?;
        for secret in secrets {
            let key = CheckingKey::parse(secret).map_err(|rule| VerifyError::UnusableSecret { rule })?;
            if key.made_one_of(self, body) {
                return Ok(());
            }
        }
        Err(VerifyError::NoMatch)
    }

    /// The decoded signatures with this label.
    fn signatures(&self, wanted: &str) -> impl Iterator<Item = Vec<u8>> {
        let labelled = self.signature.split(' ').take(MAX_SIGNATURES).filter_map(|part| part.split_once(','));
        labelled.filter(move |(label, _)| *label == wanted).filter_map(|(_, encoded)| decode(encoded))
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) => Ok(value),
        _ => Err(VerifyError::Header { name }),
    }
}

fn check_time(timestamp: &str, now: Timestamp, tolerance: Duration) -> Result<(), VerifyError> {
    let signed = parse_whole(timestamp.as_bytes()).ok_or(VerifyError::MalformedTimestamp)?;
    let now = now.as_millis() / 1000;
    if now.saturating_sub(signed) > tolerance.as_secs() {
        return Err(VerifyError::TooOld);
    }
    if signed.saturating_sub(now) > tolerance.as_secs() {
        return Err(VerifyError::TooNew);
    }
    Ok(())
}

/// A receiver's secret made ready to check.
enum CheckingKey {
    Hmac(HmacSha256),
    Ed25519(VerifyingKey),
}

impl CheckingKey {
    fn parse(secret: &Secret) -> Result<Self, &'static str> {
        let text = secret.reveal();
        if text.is_empty() {
            return Err(EMPTY);
        }
        if let Some(encoded) = text.strip_prefix(PUBLIC_PREFIX) {
            return public_key(encoded).map(Self::Ed25519);
        }
        match text.strip_prefix(SIGNING_PREFIX) {
            Some(encoded) => key_pair(encoded).map(|pair| Self::Ed25519(pair.verifying_key())),
            None => hmac_of(text).map(Self::Hmac),
        }
    }

    fn made_one_of(&self, proof: &Proof<'_>, body: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => {
                let expected = authenticate(key, proof.id, proof.timestamp, body);
                proof.signatures(HMAC_LABEL).any(|given| expected[..].ct_eq(&given).into())
            }
            Self::Ed25519(key) => {
                let message = signed_bytes(proof.id, proof.timestamp, body);
                let fits = |given: Signature| key.verify_strict(&message, &given).is_ok();
                proof.signatures(ED25519_LABEL).any(|given| Signature::from_slice(&given).is_ok_and(fits))
            }
        }
    }
}

fn public_key(encoded: &str) -> Result<VerifyingKey, &'static str> {
    let bytes: [u8; 32] = decode(encoded).and_then(|bytes| bytes.try_into().ok()).ok_or(BAD_PUBLIC)?;
    // A weak key would let anybody's signature pass.
    VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).ok_or(BAD_PUBLIC)
}
