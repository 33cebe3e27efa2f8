//! What is wrong with an entry, in one sentence that names the field.

use std::fmt;

/// Longest field name that is repeated in a sentence; names come from strangers.
const MAX_NAME_CHARS: usize = 64;

/// Why an entry can't become a request. Names the field and what would be accepted, and never holds its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Fault {
    sentence: Box<str>,
}

impl Fault {
    /// A fault of one field: `field 'timeoutMs' must be a whole number from 100 to 120000`.
    pub fn of_field(field: &[u8], rule: impl fmt::Display) -> Self {
        Self { sentence: format!("field '{}' {rule}", printable(field)).into() }
    }

    /// A fault of the entry as a whole.
    pub fn of_entry(sentence: impl Into<Box<str>>) -> Self {
        Self { sentence: sentence.into() }
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// A field name in printable ASCII, cut to a bounded length.
pub fn printable(name: &[u8]) -> String {
    let shown: String = name.escape_ascii().take(MAX_NAME_CHARS).map(char::from).collect();
    if name.escape_ascii().count() > MAX_NAME_CHARS { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_name_can_not_break_out_of_the_sentence() {
        let fault = Fault::of_field(b"header:X\r\nY\xff", "is not a header name");
        assert_eq!(fault.to_string(), r"field 'header:X\r\nY\xff' is not a header name");
        assert!(Fault::of_field(&[b'a'; 5000], "is long").to_string().len() < 100);
    }
}
