//! The table of users' tokens, of which digests are kept.

use std::collections::HashMap;
use std::fmt;

use postrider_core::hook::id::is_user_id;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Shortest token in characters: Misskey's own have as many, random letters and digits.
pub const MIN_USER_TOKEN_CHARS: usize = 16;

/// Longest token in characters.
const MAX_USER_TOKEN_CHARS: usize = 1024;

/// Most tokens: each request is compared with all of them, in well under a millisecond.
pub const MAX_USER_TOKENS: usize = 10_000;

/// Tokens, each with its user. `Debug` shows how many.
#[derive(Clone, Default)]
pub struct UserTokens(Vec<UserToken>);

#[derive(Clone)]
struct UserToken {
    digest: [u8; 32],
    user: Box<str>,
}

impl UserTokens {
    /// Reads a table: a line for each token, `user token`. A user may have several; a token belongs to one.
    ///
    /// # Errors
    /// The rule that is broken, and in which line; never holds a token.
    pub fn parse(table: &str) -> Result<Self, String> {
        let (mut tokens, mut seen) = (Vec::new(), HashMap::new());
        let lines = (1..).zip(table.lines()).filter(|(_, line)| !line.trim().is_empty());
        for (number, line) in lines {
            let token = read(line).ok_or_else(|| format!("line {number}: expected {LINE}"))?;
            if let Some(first) = seen.insert(token.digest, number) {
                return Err(format!("line {number}: expected a token that isn't the one of line {first}"));
            }
            tokens.push(token);
        }
        if tokens.len() > MAX_USER_TOKENS {
            return Err(format!("expected at most {MAX_USER_TOKENS} tokens"));
        }
        Ok(Self(tokens))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token this is. All are compared, and each whole, so that time tells nothing.
    pub(super) fn user_of(&self, given: &[u8]) -> Option<&str> {
        let digest: [u8; 32] = Sha256::digest(given).into();
        self.0.iter().fold(None, |found, token| match bool::from(token.digest.ct_eq(&digest)) {
            true => Some(&*token.user),
            false => found,
        })
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserTokens({})", self.0.len())
    }
}

const LINE: &str =
    "a user's id and a token of 16 to 1024 visible ASCII characters, with a space between them";

fn read(line: &str) -> Option<UserToken> {
    let mut words = line.split_whitespace();
    let (user, token) = (words.next()?, words.next()?);
    let fits = (MIN_USER_TOKEN_CHARS..=MAX_USER_TOKEN_CHARS).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    (fits && is_user_id(user) && words.next().is_none())
        .then(|| UserToken { digest: Sha256::digest(token).into(), user: user.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "cnry0OneOfSixtee";
    const OTHER: &str = "cnry1OtherOfUser";

    #[test]
    fn each_token_is_of_its_user_and_no_other_text_is_of_anyone() {
        let tokens = UserTokens::parse(&format!("9u {ONE}\r\n\n  8v\t{OTHER}  \n9u {OTHER}x\n")).unwrap();
        for (token, user) in [(ONE, "9u"), (OTHER, "8v"), ("cnry1OtherOfUserx", "9u")] {
            assert_eq!(tokens.user_of(token.as_bytes()), Some(user));
        }
        for wrong in ["", &ONE[1..], "9u", &format!("9u {ONE}"), &format!("{ONE} ")] {
            assert_eq!(tokens.user_of(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(format!("{tokens:?}"), "UserTokens(3)");
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_shown_to_nobody() {
        let (short, long) = (&ONE[1..], "x".repeat(1025));
        for bad in [
            ONE,
            &format!("9u {short}"),
            &format!("9u {ONE} more"),
            &format!("9ü {ONE}"),
            &format!("9u {long}"),
        ] {
            let refusal = UserTokens::parse(&format!("8v {OTHER}\n{bad}")).unwrap_err();
            assert!(refusal.starts_with("line 2: expected a user's id and a token"), "{refusal}");
            assert!(!refusal.contains("cnry"), "{refusal}");
        }
        let twice = UserTokens::parse(&format!("9u {ONE}\n\n8v {ONE}")).unwrap_err();
        assert_eq!(twice, "line 3: expected a token that isn't the one of line 1");
    }

    #[test]
    fn the_table_is_bounded() {
        let table =
            |count: usize| (0..count).map(|n| format!("u{n} token-number-{n:08}\n")).collect::<String>();
        assert!(UserTokens::parse(&table(MAX_USER_TOKENS)).is_ok());
        assert!(UserTokens::parse(&table(MAX_USER_TOKENS + 1)).is_err());
    }
}
