//! The secrets of a hook over time: new ones, and those that they replace but that sign for a while yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::profile::Profile;
use crate::secret::Secret;
use crate::signature::SigningKey;
use crate::time::Timestamp;

/// Most replaced secrets that sign beside the current one: each lengthens the header of every request.
pub const MAX_EARLIER_SECRETS: usize = 8;

/// Random bytes of a new secret.
pub const NEW_SECRET_BYTES: usize = 32;

/// 32 characters, so that five bits of a byte choose one without favour.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A secret that was replaced. `Debug` hides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierSecret {
    /// The secret.
    pub secret: Secret,
    /// From then on it signs no more.
    pub until: Timestamp,
}

impl EarlierSecret {
    /// Reads an item of `secrets`: `{"secret":"…","until":"<RFC 3339>"}`; `None` where it holds no secret. One whose end can't
    /// be read signs no more, and is hidden as ever.
    pub fn parse(item: &Value) -> Option<Self> {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let secret = Secret::parse(text("secret")?.as_bytes())?;
        Some(Self { secret, until: text("until").and_then(Timestamp::parse_rfc3339).unwrap_or_default() })
    }

    /// The item as it is stored, in clear.
    pub fn to_json(&self) -> Value {
        let mut item = Map::new();
        item.insert("secret".into(), self.secret.reveal().into());
        item.insert("until".into(), self.until.to_rfc3339().into());
        Value::Object(item)
    }

    /// Whether its time isn't over.
    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

/// A secret made of random bytes that the caller brings: `whsec_` and their base64 for `standard`, else 32 lower-case
/// letters and digits.
pub fn new_secret(profile: Profile, random: [u8; NEW_SECRET_BYTES]) -> Secret {
    let text = match profile {
        Profile::Standard => format!("whsec_{}", STANDARD.encode(random)),
        _ => random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect(),
    };
    Secret::parse(text.as_bytes()).expect("letters, digits and base64 are visible ASCII")
}

/// Whether requests of this profile can be sent with this secret.
///
/// # Errors
/// The rule that is broken, to follow the field's name. Never holds the secret.
pub fn check_for_profile(secret: &Secret, profile: Profile) -> Result<(), &'static str> {
    match profile {
        Profile::Misskey => Ok(()),
        Profile::CloudEvents | Profile::Raw if secret.is_empty() => Ok(()),
        Profile::Standard | Profile::CloudEvents | Profile::Raw => SigningKey::parse(secret).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_has_the_form_of_its_profile_and_can_sign() {
        let random: [u8; 32] = std::array::from_fn(|n| (n * 37) as u8);
        for profile in Profile::ALL {
            let secret = new_secret(profile, random);
            assert_eq!(secret.reveal().starts_with("whsec_"), profile == Profile::Standard);
            assert_eq!(check_for_profile(&secret, profile), Ok(()), "{profile}");
        }
        let plain = new_secret(Profile::Misskey, random);
        assert_eq!(plain.reveal().len(), 32);
        assert!(plain.reveal().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }

    #[test]
    fn only_misskey_takes_a_secret_that_can_not_sign() {
        let fine = |secret: &str, profile| {
            check_for_profile(&Secret::parse(secret.as_bytes()).unwrap(), profile).is_ok()
        };
        let of_all = |secret| Profile::ALL.map(|profile| fine(secret, profile));
        assert_eq!(of_all(""), [true, false, true, true]);
        assert_eq!(of_all("any text"), [true; 4]);
        assert_eq!(of_all("whsec_short"), [true, false, false, false]);
        assert_eq!(of_all("whpk_x"), [true, false, false, false]);
    }

    #[test]
    fn an_item_reads_back_and_shows_no_secret() {
        let item = EarlierSecret { secret: Secret::parse(b"canary").unwrap(), until: Timestamp::MAX };
        assert_eq!(EarlierSecret::parse(&item.to_json()).as_ref(), Some(&item));
        assert!(!format!("{item:?}").contains("canary"));
    }
}
