//! Where URLs come from: the command line, and stdin where `-` stands in it. Owns the bound of what is in memory.

use std::io::{self, BufRead, BufReader, Read};
use std::vec::IntoIter;

use indicatif::ProgressBar;
use postrider_core::endpoint::MAX_URL_BYTES;

use crate::progress;

/// Stands for the lines of stdin.
const STDIN: &str = "-";

/// A longer line is no URL, whatever is in it: of its rest nothing is kept.
const MAX_LINE_BYTES: usize = MAX_URL_BYTES + 2;

/// Gives URLs, chunk by chunk.
pub(super) struct Source<R> {
    typed: IntoIter<String>,
    stdin: BufReader<R>,
    in_stdin: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(typed: Vec<String>, stdin: R) -> Self {
        Self { typed: typed.into_iter(), stdin: BufReader::new(stdin), in_stdin: false }
    }

    /// What shows how far it has come, where stdin is read.
    pub(super) fn bar(&self) -> ProgressBar {
        let reads_stdin = self.typed.as_slice().iter().any(|url| url == STDIN);
        if reads_stdin { progress::of_stdin() } else { progress::hidden() }
    }

    /// At most so many, or as many as are there without waiting; none at the end.
    pub(super) fn next_chunk(&mut self, most: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut chunk = Vec::new();
        while chunk.len() < most {
            // What is there is judged before this waits for more.
            if self.in_stdin && !chunk.is_empty() && !self.stdin.buffer().contains(&b'\n') {
                break;
            }
            match self.next_url()? {
                Some(url) => chunk.push(url),
                None => break,
            }
        }
        Ok(chunk)
    }

    fn next_url(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.in_stdin {
                match self.next_line()? {
                    Some(line) if line.trim_ascii().is_empty() => continue,
                    Some(line) => return Ok(Some(line)),
                    None => self.in_stdin = false,
                }
            }
            match self.typed.next() {
                Some(url) if url == STDIN => self.in_stdin = true,
                url => return Ok(url.map(String::into_bytes)),
            }
        }
    }

    /// Without its end, which may be Windows'.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if self.stdin.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.ends_with(b"\n") {
            line.pop();
            line.pop_if(|byte| *byte == b'\r');
        } else {
            self.stdin.skip_until(b'\n')?;
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(typed: &[&str], stdin: &[u8]) -> Vec<String> {
        let typed = typed.iter().map(|url| (*url).to_owned()).collect();
        let mut source = Source::new(typed, stdin);
        let next = || Some(source.next_chunk(2).unwrap()).filter(|chunk| !chunk.is_empty());
        let urls = std::iter::from_fn(next).flatten();
        urls.map(|url| String::from_utf8(url).unwrap()).collect()
    }

    #[test]
    fn lines_stand_where_the_dash_stood() {
        assert_eq!(all(&["a", "-", "b"], b"1\n\n \t\r\n2\r\n3"), ["a", "1", "2", "3", "b"]);
        assert_eq!(all(&["-", "-"], b"1\n"), ["1"]);
        assert!(all(&["-"], b"").is_empty());
    }

    #[test]
    fn blanks_around_a_url_are_part_of_it() {
        assert_eq!(all(&["-"], b" a\t\n\rb\n"), [" a\t", "\rb"]);
    }

    #[test]
    fn an_endless_line_is_cut_and_harms_no_other() {
        let lines = [&vec![b'x'; 100_000], b"\nnext\n".as_slice()].concat();
        let urls = all(&["-"], &lines);
        assert_eq!((urls[0].len(), urls[1].as_str()), (MAX_LINE_BYTES, "next"));
    }

    #[test]
    fn what_is_there_is_not_kept_waiting_for_more() {
        let pipe = b"1\n2\n".chain(&b"3\n"[..]);
        let mut source = Source::new(vec!["-".into()], pipe);
        assert_eq!(source.next_chunk(9).unwrap(), [b"1", b"2"]);
        assert_eq!(source.next_chunk(9).unwrap(), [b"3"]);
    }
}
