//! Request headers that producers and owners of hooks add: which names and values are accepted, and how two sets are
//! merged. Never says which names a profile sets itself: that is [`crate::profile`].

use std::fmt;

use http::{HeaderName, HeaderValue};

/// Longest header name in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// Longest header value in bytes: as much as common servers accept for one line.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Most headers of one set: as many as an entry may have fields.
pub const MAX_HEADERS: usize = crate::job::MAX_FIELDS;

/// Names that speak about the connection (RFC 9110, section 7.6.1) or about the message's framing and handling. They
/// are the sender's: a receiver behind it could be made to read another request than the one that was sent.
const REFUSED_NAMES: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header of this name, in lower case, speaks about the connection or the message's framing, so that it ends with
/// it and is never passed on.
pub fn is_of_the_connection(name: &str) -> bool {
    REFUSED_NAMES.contains(&name)
}

const NAME: &str = "is not a header name: 1 to 128 of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~";
const REFUSED: &str = "is set by the sender itself: it concerns the connection";
const TWICE: &str = "is given twice: header names that differ only in case are the same";
const TOO_MANY: &str = "is one header too many: at most 1000 are accepted";
const VALUE: &str = "must be visible ASCII, spaces and tabs, 1 to 8192 bytes and not blank";

/// One extra header. `Debug` shows its name only.
#[derive(Clone)]
pub struct ExtraHeader {
    /// The name, lower case.
    pub name: HeaderName,
    /// The name as it was given, for errors.
    pub given_name: Box<str>,
    /// Its value; never printed.
    pub value: HeaderValue,
}

impl fmt::Debug for ExtraHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: (hidden)", self.given_name)
    }
}

/// Extra headers, no two of one name, at most [`MAX_HEADERS`].
#[derive(Clone, Debug, Default)]
pub struct ExtraHeaders(Vec<ExtraHeader>);

impl ExtraHeaders {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. The name is a token (RFC 9110, section 5.1) of at most [`MAX_NAME_BYTES`], neither hop-by-hop nor one
    /// that frames the message; the value is as for [`header_text`].
    ///
    /// # Errors
    /// The rule that is broken, to follow the field's name: `field 'header:X' …`. Never holds the value.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let given_name = token(name).ok_or(NAME)?;
        let name = HeaderName::from_bytes(name).map_err(|_| NAME)?;
        if is_of_the_connection(name.as_str()) {
            return Err(REFUSED);
        }
        if self.contains(&name) {
            return Err(TWICE);
        }
        if self.0.len() == MAX_HEADERS {
            return Err(TOO_MANY);
        }
        let mut value = header_text(value).ok_or(VALUE)?;
        value.set_sensitive(true);
        self.0.push(ExtraHeader { name, given_name: given_name.into(), value });
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one has this name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|header| header.name == name)
    }

    /// All, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &ExtraHeader> {
        self.0.iter()
    }

    /// These, then those of `base` whose name is neither among these nor `taken`.
    pub fn over(&self, base: &Self, taken: impl Fn(&HeaderName) -> bool) -> Self {
        let beneath = base.iter().filter(|header| !self.contains(&header.name) && !taken(&header.name));
        Self(self.iter().chain(beneath).cloned().collect())
    }
}

/// A header's value: visible ASCII with spaces and tabs inside, at most [`MAX_VALUE_BYTES`]; `None` for anything else,
/// nothing or blanks alone included. Blanks around it are no part of a value (RFC 9110, section 5.5) and HTTP/2 forbids
/// to send them, so they are dropped.
pub fn header_text(value: &[u8]) -> Option<HeaderValue> {
    let text = value.trim_ascii();
    let accepted =
        (1..=MAX_VALUE_BYTES).contains(&value.len()) && !text.is_empty() && value.iter().all(is_text);
    HeaderValue::from_bytes(text).ok().filter(|_| accepted)
}

fn is_text(byte: &u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~')
}

/// The name as text, where it is a token of an accepted length.
fn token(name: &[u8]) -> Option<&str> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.iter().all(is_token_byte);
    std::str::from_utf8(name).ok().filter(|_| fits)
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> ExtraHeaders {
        let mut headers = ExtraHeaders::new();
        for (name, value) in pairs {
            headers.add(name.as_bytes(), value.as_bytes()).unwrap();
        }
        headers
    }

    fn shown(headers: &ExtraHeaders) -> Vec<String> {
        headers.iter().map(|header| format!("{}={}", header.name, header.value.to_str().unwrap())).collect()
    }

    #[track_caller]
    fn check_refused(name: &[u8], value: &[u8], rule: &str) {
        assert_eq!(headers(&[("X-A", "1")]).add(name, value), Err(rule), "{}", name.escape_ascii());
    }

    #[test]
    fn plain_headers_are_kept_in_order_and_lower_case() {
        let headers =
            headers(&[("X-Tenant", "t 1;\ta=b"), ("Authorization", "Bearer abc"), ("x-LOWER", "1")]);
        assert_eq!(shown(&headers), ["x-tenant=t 1;\ta=b", "authorization=Bearer abc", "x-lower=1"]);
        assert_eq!(&*headers.iter().last().unwrap().given_name, "x-LOWER");
    }

    #[test]
    fn names_are_tokens_of_at_most_128_bytes() {
        for name in
            [&b""[..], b"X Bad", "X-ね".as_bytes(), b"X\r\nY", b"X(1)", b"X:", b"\0", b"X\xff", &[b'a'; 129]]
        {
            check_refused(name, b"1", NAME);
        }
        assert_eq!(ExtraHeaders::new().add(&[b'a'; 128], b"1"), Ok(()));
        assert_eq!(ExtraHeaders::new().add(b"!#$%&'*+-.^_`|~09azAZ", b"1"), Ok(()));
    }

    #[test]
    fn every_byte_is_judged_as_the_http_library_does() {
        for byte in 0..=u8::MAX {
            assert_eq!(token(&[byte]).is_some(), HeaderName::from_bytes(&[byte]).is_ok(), "{byte}");
        }
    }

    #[test]
    fn the_connections_own_names_are_refused_in_any_case() {
        for name in REFUSED_NAMES {
            check_refused(name.as_bytes(), b"x", REFUSED);
            check_refused(name.to_uppercase().as_bytes(), b"x", REFUSED);
        }
    }

    #[test]
    fn names_that_differ_only_in_case_are_one_name() {
        check_refused(b"x-a", b"2", TWICE);
        check_refused(b"X-A", b"1", TWICE);
    }

    #[test]
    fn values_are_visible_ascii_with_blanks_inside() {
        for value in
            [&b"1\n2"[..], b"1\r2", b"\0", b"a\x7f", b"\x1b[31m", "é".as_bytes(), b"", b" \t", &[b'a'; 8193]]
        {
            check_refused(b"x", value, VALUE);
        }
        assert_eq!(header_text(&[b'a'; 8192]).map(|value| value.len()), Some(8192));
    }

    #[test]
    fn blanks_around_a_value_are_dropped() {
        assert_eq!(header_text(b" \ta b\t ").unwrap(), "a b");
    }

    #[test]
    fn the_set_is_bounded() {
        let mut headers = ExtraHeaders::new();
        for n in 0..MAX_HEADERS {
            headers.add(format!("x{n}").as_bytes(), b"v").unwrap();
        }
        assert_eq!(headers.add(b"one-more", b"v"), Err(TOO_MANY));
    }

    #[test]
    fn debug_shows_no_value() {
        let headers = headers(&[("X-Key", "canary-4711")]);
        let value = &headers.iter().next().unwrap().value;
        assert!(!format!("{headers:?} {value:?}").contains("4711"));
    }

    #[test]
    fn the_upper_set_wins_and_taken_names_are_left_out() {
        let base = headers(&[("X-A", "base"), ("X-B", "base"), ("User-Agent", "base")]);
        let merged = headers(&[("x-b", "top"), ("x-c", "top")]).over(&base, |name| name == "user-agent");
        assert_eq!(shown(&merged), ["x-b=top", "x-c=top", "x-a=base"]);
    }

    /// Mostly bytes that belong there, so that some texts are accepted.
    fn text(usual: &'static str, longest: usize) -> impl Strategy<Value = Vec<u8>> {
        let usual = prop::sample::select(usual.as_bytes().to_vec());
        prop::collection::vec(prop_oneof![40 => usual, 1 => any::<u8>()], 0..=longest)
    }

    proptest! {
        #[test]
        fn one_line_of_http_is_made_for_any_accepted_header(name in text("aZ09-_!|~", 8), value in text("aZ09 \t:;\"~", 24)) {
            if ExtraHeaders::new().add(&name, &value).is_ok() {
                let line = [&name[..], b": ", header_text(&value).unwrap().as_bytes(), b"\r\n"].concat();
                let read = split_line(&line);
                prop_assert_eq!(read, Some((&name[..], value.trim_ascii())), "{:?}", line.escape_ascii().to_string());
            }
        }

        #[test]
        fn adding_succeeds_for_any_likely_header(name in "[A-Za-z][A-Za-z0-9-]{0,20}x", value in "[!-~][ -~\t]{0,40}") {
            prop_assert_eq!(ExtraHeaders::new().add(name.as_bytes(), value.as_bytes()), Ok(()));
        }
    }

    /// A strict reader of one header line, apart from the code under test.
    fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
        let line = line.strip_suffix(b"\r\n")?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let clean = |text: &[u8]| !text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        let sound = !name.is_empty() && !name.contains(&b' ') && !name.contains(&b'\t') && clean(line);
        sound.then_some((name, value.trim_ascii()))
    }
}
