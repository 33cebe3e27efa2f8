//! Bearer tokens: those of the settings, of which digests are kept, and tokens of owners, which are signed with a key that
//! is made of an admin's token, so that to replace that one ends them all. Knows neither clock nor HTTP.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use postrider_core::hook::id::is_user_id;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Caller;

/// Shortest token in characters.
pub const MIN_TOKEN_CHARS: usize = 32;

/// Most tokens at a time: two while one is replaced, for a few users.
const MAX_TOKENS: usize = 16;

/// What stands in the place of a token in examples, and so in the lists of those who guess.
const PLACEHOLDERS: [&str; 5] = ["changeme", "change-me", "change_me", "your-token", "yourtoken"];

const NO_PLACEHOLDER: &str =
    "expected tokens, not what stands in their place in examples; `postrider token --role admin` makes one";

/// What the key that signs owners' tokens is made for.
const OWNER_KEY_LABEL: &[u8] = b"postrider: tokens of owners, 1";

/// What tokens of owners begin with.
const OWNER_PREFIX: &str = "owner1";

/// Random bytes of a token that is made here.
const NEW_TOKEN_BYTES: usize = 32;

/// The tokens that are accepted. `Debug` shows how many.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Clone)]
struct Token {
    digest: [u8; 32],
    caller: Caller,
    /// Signs tokens of owners; an admin's has one.
    owner_key: Option<[u8; 32]>,
}

impl Tokens {
    /// Reads a list: tokens with commas or line breaks between them, each an admin's unless `read:` stands before it.
    ///
    /// # Errors
    /// The rule that one breaks; never holds the token.
    pub fn parse(list: &str) -> Result<Self, String> {
        let given = list.split([',', '\n', '\r']).map(str::trim).filter(|token| !token.is_empty());
        let tokens: Vec<Token> = given.map(read).collect::<Result<_, _>>()?;
        if tokens.len() > MAX_TOKENS {
            return Err(format!("expected at most {MAX_TOKENS} tokens"));
        }
        Ok(Self(tokens))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A token for the owner of hooks, good until `expires_at` (Unix seconds); `None` without an admin's token to sign it,
    /// or for what is no user's id.
    pub fn sign_owner(&self, user_id: &str, expires_at: u64) -> Option<String> {
        let key = self.0.iter().find_map(|token| token.owner_key)?;
        is_user_id(user_id).then(|| {
            let claim = format!("{OWNER_PREFIX}.{}.{expires_at}", URL_SAFE_NO_PAD.encode(user_id));
            let seal = URL_SAFE_NO_PAD.encode(keyed(&key, claim.as_bytes()).finalize().into_bytes());
            format!("{claim}.{seal}")
        })
    }

    /// Whose token this is at `now` (Unix seconds). All are compared, and each whole, so that time tells nothing.
    pub(crate) fn caller_of(&self, given: &[u8], now: u64) -> Option<Caller> {
        let digest: [u8; 32] = Sha256::digest(given).into();
        let mut found = None;
        for token in &self.0 {
            if bool::from(token.digest.ct_eq(&digest)) {
                found = Some(token.caller.clone());
            }
        }
        found.or_else(|| self.owner_of(std::str::from_utf8(given).ok()?, now))
    }

    /// How long an owner's token, which [`Self::caller_of`] has accepted, still holds at `now` (Unix seconds); others hold
    /// for as long as they are in the settings.
    pub(crate) fn lifetime_of(&self, accepted: &str, now: u64) -> Option<Duration> {
        let mut parts = accepted.strip_prefix(OWNER_PREFIX)?.strip_prefix('.')?.split('.').skip(1);
        let expires: u64 = parts.next()?.parse().ok()?;
        parts.next().map(|_seal| Duration::from_secs(expires.saturating_sub(now)))
    }

    fn owner_of(&self, given: &str, now: u64) -> Option<Caller> {
        let (claim, seal) = given.rsplit_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        let keys = self.0.iter().filter_map(|token| token.owner_key);
        let is_ours = keys.fold(Choice::from(0), |ours, key| {
            ours | keyed(&key, claim.as_bytes()).finalize().into_bytes().as_slice().ct_eq(&seal)
        });
        if !bool::from(is_ours) {
            return None;
        }
        let mut parts = claim.split('.');
        let (prefix, user, expires) = (parts.next()?, parts.next()?, parts.next()?);
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        let expires: u64 = expires.parse().ok()?;
        (prefix == OWNER_PREFIX && parts.next().is_none() && now < expires && is_user_id(&user))
            .then_some(Caller::Owner(user))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// A token that nobody knows yet: 43 characters of base64's URL alphabet.
///
/// # Errors
/// The system gives no randomness.
pub fn fresh_token() -> std::io::Result<String> {
    let mut random = [0; NEW_TOKEN_BYTES];
    getrandom::fill(&mut random)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

fn read(given: &str) -> Result<Token, String> {
    let (caller, text) = match given.split_once(':') {
        Some(("read", text)) => (Caller::Reader, text),
        Some(("admin", text)) => (Caller::Admin, text),
        _ => (Caller::Admin, given),
    };
    check(text)?;
    let owner_key = (caller == Caller::Admin)
        .then(|| keyed(text.as_bytes(), OWNER_KEY_LABEL).finalize().into_bytes().into());
    Ok(Token { digest: Sha256::digest(text).into(), caller, owner_key })
}

fn check(text: &str) -> Result<(), String> {
    if text.len() < MIN_TOKEN_CHARS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("expected tokens of at least {MIN_TOKEN_CHARS} visible ASCII characters each"));
    }
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Err(NO_PLACEHOLDER.to_owned());
    }
    Ok(())
}

fn keyed(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length").chain_update(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: &str = "k3q9-Zx71-wPl2-Vb8m-Tn4s-Yc6d-Rf0g";
    const OTHER: &str = "Hq72-mNa1-Lp93-Xs5v-Wd8k-Bj4t-Ge6u";

    fn tokens(list: &str) -> Tokens {
        Tokens::parse(list).unwrap()
    }

    #[test]
    fn several_tokens_are_good_at_once_each_with_its_role() {
        let tokens = tokens(&format!("{ADMIN}, read:{OTHER}"));
        assert_eq!(tokens.caller_of(ADMIN.as_bytes(), 0), Some(Caller::Admin));
        assert_eq!(tokens.caller_of(OTHER.as_bytes(), 0), Some(Caller::Reader));
        for wrong in ["", "read", &ADMIN[1..], &format!("{ADMIN}x"), &format!("read:{OTHER}")] {
            assert_eq!(tokens.caller_of(wrong.as_bytes(), 0), None, "{wrong}");
        }
    }

    #[test]
    fn short_tokens_and_placeholders_are_refused_without_being_told() {
        let spaced = "tok en tok en tok en tok en tok en 1234567";
        for bad in [&ADMIN[..31], &"ChangeMe".repeat(5), "put-your-token-here-put-your-token-here", spaced] {
            let refusal = Tokens::parse(bad).unwrap_err();
            assert!(refusal.starts_with("expected tokens") && !refusal.contains(bad), "{refusal}");
        }
    }

    #[test]
    fn an_owners_token_names_one_owner_until_its_end_and_ends_with_the_token_that_signed_it() {
        let old = tokens(ADMIN);
        let owner = old.sign_owner("9u", 100).unwrap();
        assert_eq!(old.caller_of(owner.as_bytes(), 99), Some(Caller::Owner("9u".into())));
        assert_eq!(old.caller_of(owner.as_bytes(), 100), None);
        assert_eq!(old.lifetime_of(&owner, 40), Some(Duration::from_secs(60)));
        assert_eq!((old.lifetime_of(ADMIN, 40), old.lifetime_of("owner1.x", 40)), (None, None));
        assert_eq!(
            tokens(&format!("{OTHER},{ADMIN}")).caller_of(owner.as_bytes(), 99),
            Some(Caller::Owner("9u".into()))
        );
        assert_eq!(tokens(OTHER).caller_of(owner.as_bytes(), 99), None);
        assert_eq!(tokens(&format!("read:{ADMIN}")).caller_of(owner.as_bytes(), 99), None);
    }

    #[test]
    fn no_part_of_an_owners_token_can_be_changed() {
        let tokens = tokens(ADMIN);
        let owner = tokens.sign_owner("9u", 100).unwrap();
        for place in 0..owner.len() {
            let mut changed = owner.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let is_last = place + 1 == owner.len();
            // The last digit of base64 has bits that say nothing, and a decoder that is strict about them.
            assert!(is_last || tokens.caller_of(&changed, 0).is_none(), "{place}");
        }
    }

    #[test]
    fn only_an_admins_token_signs_and_only_for_users() {
        assert_eq!(tokens(&format!("read:{ADMIN}")).sign_owner("9u", 1), None);
        assert_eq!(tokens(ADMIN).sign_owner("", 1), None);
    }

    #[test]
    fn any_token_of_32_visible_characters_is_accepted() {
        for good in ["0123456789abcdef0123456789abcdef", &"a".repeat(32), &ADMIN[..32]] {
            assert_eq!(tokens(good).caller_of(good.as_bytes(), 0), Some(Caller::Admin), "{good}");
        }
    }

    #[test]
    fn a_fresh_token_is_accepted() {
        let (one, other) = (fresh_token().unwrap(), fresh_token().unwrap());
        assert!(one != other && Tokens::parse(&one).is_ok());
    }
}
