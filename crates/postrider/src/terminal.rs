//! What a terminal is and isn't told: foreign text on it only shows itself, colours stand on it only where nobody minds, and
//! how wide it is. Knows characters, not what is printed where.

use std::fmt::Write;
use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Whether words have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// None.
    Plain,
    /// Beside the words, never in their stead.
    Coloured,
}

impl Paint {
    /// Colours only on a terminal, and where nobody minds (<https://no-color.org>).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb { Self::Coloured } else { Self::Plain }
    }
}

/// How many columns the terminal has that a stream goes to; none where it goes elsewhere: then nothing needs to be cut.
pub(crate) fn columns_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok()).flatten()?;
    Some(size.ws_col.into()).filter(|columns| *columns > 0)
}

/// A text in which control characters, and those that hide or turn the direction of writing, are written as `\u{1b}`.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// The same for several lines, which stay lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix('\n') {
        Some(line) => harmless(line) + "\n",
        None => harmless(line),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// JSON of the same meaning: such characters stand in its texts only, where `\u001b` is the same.
pub(crate) fn harmless_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmless(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

fn is_harmless(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[31m\t\u{7f}\u{9b}\u{202e}\u{e0001}é\\'\"";

    #[test]
    fn what_a_terminal_obeys_is_only_shown() {
        assert_eq!(harmless(HOSTILE), "a\\u{1b}[31m\\t\\u{7f}\\u{9b}\\u{202e}\\u{e0001}é\\'\"");
        assert_eq!(harmless("a\r\nb"), "a\\r\\nb");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(harmless_lines("a\u{1b}\r\nb\n\nc"), "a\\u{1b}\\r\nb\n\nc");
    }

    #[test]
    fn json_means_what_it_meant() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let shown = harmless_json(&json);
        assert_eq!(shown, r#""a\u001b[31m\t\u007f\u009b\u202e\udb40\udc01é\\'\"""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), HOSTILE);
    }
}
