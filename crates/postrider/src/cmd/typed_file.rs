//! What is typed as the name of a file: a secret, so that it stands neither in a list of processes nor in a history, or
//! an event.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;

/// The file's text without the line break at its end; `-` is stdin. Of a longer file no more than `max_bytes` and a line
/// break are read, and one byte that shows that it is too long.
pub(super) fn read_secret(file: &Path, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
    Ok(without_line_break(read_at_most(file, max_bytes + "\r\n".len() + 1)?))
}

/// The file's first bytes; `-` is stdin.
pub(super) fn read_at_most(file: &Path, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = max_bytes as u64;
    let done = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("failed to read {}", file.display()))?;
    Ok(bytes)
}

fn without_line_break(mut text: Vec<u8>) -> Vec<u8> {
    if text.ends_with(b"\n") {
        text.pop();
        if text.ends_with(b"\r") {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_a_secret() {
        for (text, secret) in [("a\n", "a"), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), ("\n", "")] {
            assert_eq!(without_line_break(text.into()), secret.as_bytes(), "{text:?}");
        }
    }
}
