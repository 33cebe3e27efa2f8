//! Blanks a job's secrets out of what a receiver sent back: some echo the request.

/// Put in the place of a secret.
const BLANK: &[u8] = b"[hidden]";

/// A shorter text at the end of an answer is no start of a secret worth the name.
const MIN_CUT_BYTES: usize = 4;

/// `text` with every occurrence of each secret blanked, also where the cut at its end has left only a secret's start.
pub(crate) fn blanked<'a>(text: &[u8], secrets: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut secrets: Vec<Vec<u8>> = secrets
        .filter(|secret| !secret.is_empty())
        .flat_map(|secret| [secret.to_vec(), in_json(secret)])
        .collect();
    // The longest first: a secret that holds another one must not survive in part.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    let mut blanked = text.to_vec();
    for secret in &secrets {
        blanked = replace_all(&blanked, secret);
        let cut = cut_at_end(&blanked, secret);
        if cut > 0 {
            blanked.truncate(blanked.len() - cut);
            blanked.extend_from_slice(BLANK);
        }
    }
    blanked
}

/// The text as it stands inside a JSON string.
fn in_json(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

fn replace_all(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(BLANK);
        rest = &rest[at + secret.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// How many bytes at the end of `text` are the start of `secret`.
fn cut_at_end(text: &[u8], secret: &[u8]) -> usize {
    let longest = secret.len().min(text.len());
    (MIN_CUT_BYTES..=longest).rev().find(|length| text.ends_with(&secret[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, secrets: &[&str], expected: &str) {
        let blanked = blanked(text.as_bytes(), secrets.iter().map(|secret| secret.as_bytes()));
        assert_eq!(String::from_utf8(blanked).unwrap(), expected);
    }

    #[test]
    fn secrets_are_blanked_wherever_they_stand() {
        check("a s3cret b s3cret", &["s3cret"], "a [hidden] b [hidden]");
        check("got s3cr", &["s3cret"], "got [hidden]");
        check("secret-long", &["secret", "secret-long"], "[hidden]");
        check("abc is short", &["abc"], "[hidden] is short");
        check(r#"{"echo":"a\"b\\c"}"#, &[r#"a"b\c"#], r#"{"echo":"[hidden]"}"#);
        check("nothing here", &["s3cret", ""], "nothing here");
        check("", &["s3cret"], "");
    }
}
