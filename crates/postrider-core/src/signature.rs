//! Standard Webhooks 1.0 signatures: what `webhook-signature` proves, made and checked over `id.timestamp.body`, the
//! very bytes that are sent. Never decides who has to sign: that is [`crate::profile`].

mod verification;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

pub use verification::{DEFAULT_TOLERANCE, Proof, VerifyError, verify};

/// Bytes that a `whsec_` key may have, by the specification.
const HMAC_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

const HMAC_PREFIX: &str = "whsec_";
const SIGNING_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";

/// Label of an HMAC-SHA256 signature.
const HMAC_LABEL: &str = "v1";
/// Label of an ed25519 signature.
const ED25519_LABEL: &str = "v1a";

const EMPTY: &str = "is empty: a secret is needed to sign";
const BAD_HMAC: &str = "must have the base64 (standard alphabet, padded) of 24 to 64 bytes after whsec_";
const BAD_PAIR: &str =
    "must have the base64 (standard alphabet, padded) of a 32-byte seed and its public key after whsk_";
const BAD_PUBLIC: &str =
    "must have the base64 (standard alphabet, padded) of a 32-byte ed25519 public key after whpk_";
const PUBLIC: &str = "is a public key (whpk_), which can't sign: give the whsk_ key";

/// HMAC-SHA256 with its key set up.
type HmacSha256 = Hmac<Sha256>;

/// A secret made ready to sign. `Debug` hides it.
#[derive(Clone)]
pub struct SigningKey(Algorithm);

#[derive(Clone)]
enum Algorithm {
    Hmac(Box<HmacSha256>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl SigningKey {
    /// Makes a secret ready: `whsec_…` signs HMAC-SHA256 with the key it encodes, `whsk_…` ed25519, any other text
    /// HMAC-SHA256 with its bytes.
    ///
    /// # Errors
    /// The rule that is broken, to follow the field's name: `field 'secret' …`. Never holds the secret.
    pub fn parse(secret: &Secret) -> Result<Self, &'static str> {
        let text = secret.reveal();
        if text.is_empty() {
            return Err(EMPTY);
        }
        if text.starts_with(PUBLIC_PREFIX) {
            return Err(PUBLIC);
        }
        Ok(Self(match text.strip_prefix(SIGNING_PREFIX) {
            Some(encoded) => Algorithm::Ed25519(Box::new(key_pair(encoded)?)),
            None => Algorithm::Hmac(Box::new(hmac_of(text)?)),
        }))
    }

    fn sign_onto(&self, signatures: &mut String, id: &str, timestamp: &str, body: &[u8]) {
        match &self.0 {
            Algorithm::Hmac(key) => {
                push_signature(signatures, HMAC_LABEL, &authenticate(key, id, timestamp, body));
            }
            Algorithm::Ed25519(key) => {
                let signature = key.sign(&signed_bytes(id, timestamp, body));
                push_signature(signatures, ED25519_LABEL, &signature.to_bytes());
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}

/// The value of `webhook-signature`: one signature for each key, in order, separated by spaces.
pub fn sign(keys: &[SigningKey], id: &str, timestamp_seconds: u64, body: &[u8]) -> String {
    let timestamp = timestamp_seconds.to_string();
    let mut signatures = String::new();
    for key in keys {
        if !signatures.is_empty() {
            signatures.push(' ');
        }
        key.sign_onto(&mut signatures, id, &timestamp, body);
    }
    signatures
}

fn push_signature(signatures: &mut String, label: &str, signature: &[u8]) {
    signatures.push_str(label);
    signatures.push(',');
    STANDARD.encode_string(signature, signatures);
}

/// The key of a `whsec_` secret, or of any text without a known prefix.
fn hmac_of(text: &str) -> Result<HmacSha256, &'static str> {
    let decoded;
    let key = match text.strip_prefix(HMAC_PREFIX) {
        None => text.as_bytes(),
        Some(encoded) => {
            decoded = decode(encoded).filter(|key| HMAC_KEY_BYTES.contains(&key.len())).ok_or(BAD_HMAC)?;
            &decoded
        }
    };
    Ok(HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length"))
}

/// The key of a `whsk_` secret, whose public half must be the seed's own: a mixed pair would give the seed away.
fn key_pair(encoded: &str) -> Result<ed25519_dalek::SigningKey, &'static str> {
    let bytes: [u8; 64] = decode(encoded).and_then(|bytes| bytes.try_into().ok()).ok_or(BAD_PAIR)?;
    ed25519_dalek::SigningKey::from_keypair_bytes(&bytes).map_err(|_| BAD_PAIR)
}

fn decode(encoded: &str) -> Option<Vec<u8>> {
    STANDARD.decode(encoded).ok()
}

fn authenticate(key: &HmacSha256, id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = key.clone();
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn signed_bytes(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod vectors;
