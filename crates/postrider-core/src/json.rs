//! Whether a text is JSON. Only says so: never builds values, so that no depth, number or size can harm it, and never
//! changes a byte.

use serde::de::IgnoredAny;

/// What some editors put before UTF-8; RFC 8259, section 8.1 forbids to send it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Accepts exactly one JSON value (RFC 8259) in UTF-8 without byte order mark, blanks around it allowed. Takes linear
/// time, at most one byte of memory for each level of nesting, and a stack that doesn't grow with it. Numbers beyond
/// any machine type and escapes of lone surrogates are within the grammar, so they pass.
///
/// # Errors
/// What is wrong and where, by line and column or by byte; never any of the content.
pub fn validate(content: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(content)
        .map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to() + 1))?;
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err("a byte order mark at byte 1".into());
    }
    // Ignored values are walked in a loop, unlike all others, which recurse and end at 128 levels.
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(content: &[u8], problem: &str) {
        assert_eq!(validate(content).unwrap_err(), problem, "{:?}", content.escape_ascii().to_string());
    }

    /// Far too small for a stack frame for each level.
    fn on_a_small_stack(check: fn()) {
        thread::Builder::new().stack_size(64 << 10).spawn(check).unwrap().join().unwrap();
    }

    #[test]
    fn one_value_of_any_kind_is_json() {
        for text in
            ["null", "true", " 0 ", "-12.5e3", "1e400", "-0", "12345678901234567890123", "\"\"", "[]", "{}"]
        {
            assert_eq!(validate(text.as_bytes()), Ok(()), "{text}");
        }
        for text in
            [r#"{"":{"":[]}}"#, "{\n\t\"a\": [\r\n1 ]}", "\"\u{7f}\"", r#""\u0000\ud800\/""#, "\"\u{2028}\""]
        {
            assert_eq!(validate(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_almost_json_is_refused() {
        let almost = [
            "",
            " ",
            "not json",
            "{\"a\":1,}",
            "[1,2,]",
            "{'a':1}",
            "{a:1}",
            "NaN",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "01",
            "0x10",
            "{}//x",
            "1 2",
            "[[[]]",
            "[]]",
            "\u{a0}{}",
            "\"a\nb\"",
            "\"\0\"",
            r#""\x41""#,
            r#""\u12g4""#,
            "{\"a\"}",
            "tru",
            "nul",
            "\"",
            "[",
            "{",
            "-01",
            "1.e2",
            "[,]",
            "{,}",
            "\u{b}1",
            "TRUE",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
        ];
        for text in almost {
            assert!(validate(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_problem_is_told_by_its_place_alone() {
        check(b"\"canary\xff\"", "not UTF-8 at byte 8");
        check(b"\"\xc0\x80\"", "not UTF-8 at byte 2");
        check(b"\"\xed\xa0\x80\"", "not UTF-8 at byte 2");
        check(b"\xef\xbb\xbf{}", "a byte order mark at byte 1");
        check(b"{\"canary\":\n canary}", "expected value at line 2 column 2");
        check(b"{} canary", "trailing characters at line 1 column 4");
    }

    #[test]
    fn a_mebibyte_of_open_brackets_is_refused_on_a_small_stack() {
        on_a_small_stack(|| check(&vec![b'['; 1 << 20], "EOF while parsing a list at line 1 column 1048576"));
    }

    #[test]
    fn two_hundred_thousand_levels_are_accepted_on_a_small_stack() {
        on_a_small_stack(|| {
            let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
            assert_eq!(validate(deep.as_bytes()), Ok(()));
            let deep = ["{\"a\":".repeat(200_000), "1".into(), "}".repeat(200_000)].concat();
            assert_eq!(validate(deep.as_bytes()), Ok(()));
        });
    }

    proptest! {
        // Without `u`, so that no escape of a lone surrogate comes up: a value refuses it by design, while the grammar allows
        // it. So are numbers that a float can't hold.
        #[test]
        fn it_agrees_with_a_parser_that_builds_values_for_any_text(
            tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..12),
        ) {
            let text = tokens.concat();
            let value = serde_json::from_str::<serde_json::Value>(&text).map_err(|error| error.to_string());
            prop_assume!(!value.as_ref().is_err_and(|error| error.starts_with("number out of range")));
            prop_assert_eq!(validate(text.as_bytes()).is_ok(), value.is_ok(), "{:?}", text);
        }

        #[test]
        fn what_is_written_is_read_for_any_value(text in "\\PC{0,40}", number in any::<f64>()) {
            let value = serde_json::json!({ text.clone(): [text, number, null, true] });
            prop_assert!(validate(value.to_string().as_bytes()).is_ok());
        }

        #[test]
        fn nothing_panics_for_any_bytes(content in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = validate(&content);
        }
    }

    const TOKENS: [&str; 24] = [
        "[", "]", "{", "}", ",", ":", "\"", "\"a\"", "\\", "\\n", "/", "0", "7", "-", ".", "e5", "E+",
        "true", "null", " ", "\n", "\t", "é", "\u{1}",
    ];
}
