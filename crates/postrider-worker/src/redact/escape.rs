//! How single characters are escaped in JSON and the like, in URLs and in HTML.

/// Longest entity that is read, in bytes: `&UnderBar;`, or a number with zeros before it.
const MAX_ENTITY_BYTES: usize = 12;

/// A kind of escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// `\"`, `\u0022`, and what other languages write likewise: `\'`, `\x22`.
    Backslash,
    /// `%22`.
    Percent,
    /// `&quot;`, `&#34;`, `&#x22;`.
    Entity,
}

/// What stands at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// No escape.
    Itself,
    /// This byte, written in so many.
    Byte { byte: u8, length: usize },
    /// The start of an escape, and then the end of the text.
    Cut,
}

impl Meaning {
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Itself { other } else { self }
    }
}

impl Escape {
    pub(super) const ALL: [Self; 3] = [Self::Backslash, Self::Percent, Self::Entity];

    /// What each of them begins with.
    pub(super) fn first(self) -> u8 {
        match self {
            Self::Backslash => b'\\',
            Self::Percent => b'%',
            Self::Entity => b'&',
        }
    }

    /// Reads the start of `rest`.
    pub(super) fn read(self, rest: &[u8]) -> Meaning {
        let Some(behind) = rest.strip_prefix(&[self.first()]) else { return Meaning::Itself };
        match self {
            Self::Backslash => of_backslash(behind),
            Self::Percent => of_digits(behind, 1),
            Self::Entity => of_entity(behind),
        }
    }
}

fn of_backslash(behind: &[u8]) -> Meaning {
    let Some((kind, more)) = behind.split_first() else { return Meaning::Cut };
    let byte = match kind {
        b'u' if b"00".starts_with(more) => return Meaning::Cut,
        b'u' => return more.strip_prefix(b"00").map_or(Meaning::Itself, |digits| of_digits(digits, 4)),
        b'x' => return of_digits(more, 2),
        b't' => b'\t',
        // These may begin an escape of their own: `\&quot;` is a quote in JSON in HTML.
        b'%' | b'&' => return Meaning::Itself,
        mark if mark.is_ascii_punctuation() => *mark,
        _ => return Meaning::Itself,
    };
    Meaning::Byte { byte, length: 2 }
}

/// Two hex digits behind so many other bytes.
fn of_digits(digits: &[u8], before: usize) -> Meaning {
    match hex_byte(digits) {
        Some(byte) => Meaning::Byte { byte, length: before + 2 },
        None if digits.len() < 2 && digits.iter().all(u8::is_ascii_hexdigit) => Meaning::Cut,
        None => Meaning::Itself,
    }
}

fn of_entity(behind: &[u8]) -> Meaning {
    let longest = &behind[..behind.len().min(MAX_ENTITY_BYTES - 1)];
    let Some(end) = longest.iter().position(|byte| *byte == b';') else {
        let may_go_on = longest.len() < MAX_ENTITY_BYTES - 1;
        let is_start = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
        return if may_go_on && longest.iter().all(is_start) { Meaning::Cut } else { Meaning::Itself };
    };
    match byte_of_entity(&longest[..end]) {
        Some(byte) => Meaning::Byte { byte, length: end + 2 },
        None => Meaning::Itself,
    }
}

fn byte_of_entity(name: &[u8]) -> Option<u8> {
    let Some(number) = name.strip_prefix(b"#") else {
        return NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, byte)| *byte);
    };
    let (digits, radix) = match number {
        [b'x' | b'X', hex @ ..] => (hex, 16),
        decimal => (decimal, 10),
    };
    // Signs aren't digits, though the parser takes them.
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, radix).ok()
}

/// The byte that two hex digits at the start of `text` mean.
pub(super) fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// The characters that programs escape by name: five do all, the others those that escape whatever has one in HTML 5.
const NAMES: [(&str, u8); 38] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("Tab", b'\t'),
    ("excl", b'!'),
    ("num", b'#'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("ast", b'*'),
    ("midast", b'*'),
    ("plus", b'+'),
    ("comma", b','),
    ("period", b'.'),
    ("sol", b'/'),
    ("colon", b':'),
    ("semi", b';'),
    ("equals", b'='),
    ("quest", b'?'),
    ("commat", b'@'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("bsol", b'\\'),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("Hat", b'^'),
    ("lowbar", b'_'),
    ("UnderBar", b'_'),
    ("grave", b'`'),
    ("lcub", b'{'),
    ("lbrace", b'{'),
    ("verbar", b'|'),
    ("vert", b'|'),
    ("rcub", b'}'),
    ("rbrace", b'}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Escape, text: &str, expected: Option<u8>) {
        let expected = match expected {
            Some(byte) => Meaning::Byte { byte, length: text.len() },
            None => Meaning::Itself,
        };
        assert_eq!(kind.read(format!("{text} ").as_bytes()), expected, "{text}");
    }

    #[test]
    fn each_kind_is_read() {
        for text in [r"\u0022", r#"\""#, r"\x22"] {
            check(Escape::Backslash, text, Some(b'"'));
        }
        check(Escape::Backslash, r"\t", Some(b'\t'));
        check(Escape::Percent, "%2f", Some(b'/'));
        for text in ["&quot;", "&#34;", "&#034;", "&#x22;", "&#X0022;"] {
            check(Escape::Entity, text, Some(b'"'));
        }
        for (name, byte) in NAMES {
            check(Escape::Entity, &format!("&{name};"), Some(byte));
        }
    }

    #[test]
    fn what_is_none_is_itself() {
        for text in [r"\d", r"\&", r"\u2019", r"\u00g1", r"\xg1"] {
            check(Escape::Backslash, text, None);
        }
        check(Escape::Percent, "%g1", None);
        for text in ["&;", "&x;", "&#;", "&#+34;", "&#300;", "&#x;", "& quot;", "&#00000000034;"] {
            check(Escape::Entity, text, None);
        }
    }

    #[test]
    fn the_start_of_one_at_the_end_is_known() {
        for (kind, whole) in [
            (Escape::Backslash, r"\u0022"),
            (Escape::Backslash, r"\x22"),
            (Escape::Percent, "%22"),
            (Escape::Entity, "&#x22;"),
        ] {
            for length in 1..whole.len() {
                assert_eq!(kind.read(&whole.as_bytes()[..length]), Meaning::Cut, "{whole} {length}");
            }
        }
    }
}
