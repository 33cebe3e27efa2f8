//! Text that must never be printed.

use std::fmt;

/// A shared secret. `Debug` hides it, there is no `Display`, and it is never a log field.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Longest secret in bytes (contract section 1).
pub const MAX_SECRET_BYTES: usize = 1024;

impl Secret {
    /// Accepts visible ASCII with spaces inside, at most [`MAX_SECRET_BYTES`]; `None` for anything else. Empty is allowed.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let inside = |byte: &u8| (0x20..=0x7e).contains(byte);
        let edges = |byte: Option<&u8>| byte != Some(&b' ');
        let fits = text.len() <= MAX_SECRET_BYTES
            && text.iter().all(inside)
            && edges(text.first())
            && edges(text.last());
        if !fits {
            return None;
        }
        std::str::from_utf8(text).ok().map(|text| Self(text.into()))
    }

    /// The secret in clear, for the one place that puts it into a request.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is no secret at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(empty)" } else { "Secret(hidden)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_secret() {
        let secret = Secret::parse(b"canary-4711").unwrap();
        assert!(!format!("{secret:?} {:?}", Some(&secret)).contains("4711"));
    }

    #[test]
    fn only_visible_ascii_and_inner_spaces_are_secrets() {
        for good in ["", "a b", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"] {
            assert!(Secret::parse(good.as_bytes()).is_some(), "{good:?}");
        }
        for bad in [&b" a"[..], b"a ", b"a\nb", b"a\tb", b"a\x7f", b"\xff", &[b'a'; 1025]] {
            assert!(Secret::parse(bad).is_none());
        }
    }
}
