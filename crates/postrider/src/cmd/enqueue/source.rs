//! Where jobs and events come from: one that was typed, or lines of stdin. Owns the bounds of what is in memory.

use std::io::{self, BufRead, BufReader, Read};

use postrider_core::entry_json::fields_of;
use postrider_core::fault::Fault;
use postrider_core::job::{EntryKind, Field, entry_size};
use postrider_producer::{MAX_BATCH_BYTES, MAX_BATCH_ENTRIES};

/// Read ahead of what is worked on; with a file on stdin, about as many lines as fit one batch.
const READ_AHEAD: usize = 1 << 20;

/// A byte of a job may be written as `\u00xx`.
const MAX_ESCAPED_BYTES: usize = 6;

/// What a line has beside names and values: quotation marks, colons, commas, blanks.
const LINE_OVERHEAD: usize = 64 << 10;

/// One job or event, or what is wrong with the line that should have been one.
#[derive(Debug)]
pub(super) struct Item {
    /// Its line, from 1; `None` for the one that was typed.
    pub(super) line: Option<u64>,
    pub(super) fields: Result<Vec<Field>, Fault>,
}

/// Gives jobs or events, chunk by chunk.
pub(super) enum Source {
    One(Option<Vec<Field>>),
    Lines(Lines<io::Stdin>),
}

impl Source {
    /// The one that was typed.
    pub(super) fn one(fields: Vec<Field>) -> Self {
        Self::One(Some(fields))
    }

    /// The lines of stdin; `defaults` are the fields that hold where a line doesn't give them.
    pub(super) fn stdin(kind: EntryKind, defaults: Vec<Field>, max_job_bytes: usize) -> Self {
        Self::Lines(Lines::new(kind, io::stdin(), defaults, max_job_bytes))
    }

    /// As many as make a batch, or as many as are there without waiting; none at the end.
    pub(super) fn next_chunk(&mut self) -> io::Result<Vec<Item>> {
        match self {
            Self::One(fields) => {
                Ok(fields.take().into_iter().map(|fields| Item { line: None, fields: Ok(fields) }).collect())
            }
            Self::Lines(lines) => lines.next_chunk(),
        }
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::Lines(lines) => lines.bytes_read,
        }
    }
}

/// Jobs or events from JSON lines.
pub(super) struct Lines<R> {
    kind: EntryKind,
    reader: BufReader<R>,
    defaults: Vec<Field>,
    max_line_bytes: usize,
    number: u64,
    bytes_read: u64,
}

impl<R: Read> Lines<R> {
    fn new(kind: EntryKind, reader: R, defaults: Vec<Field>, max_job_bytes: usize) -> Self {
        let max_line_bytes = max_job_bytes.saturating_mul(MAX_ESCAPED_BYTES).saturating_add(LINE_OVERHEAD);
        let reader = BufReader::with_capacity(READ_AHEAD, reader);
        Self { kind, reader, defaults, max_line_bytes, number: 0, bytes_read: 0 }
    }

    fn next_chunk(&mut self) -> io::Result<Vec<Item>> {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < MAX_BATCH_ENTRIES && bytes < MAX_BATCH_BYTES {
            // What is there goes out before this waits for more.
            if !chunk.is_empty() && !self.has_line_at_hand() {
                break;
            }
            let Some(line) = self.next_line()? else { break };
            let Some(item) = self.item(&line) else { continue };
            bytes += item.fields.as_ref().map_or(0, |fields| entry_size(fields));
            chunk.push(item);
        }
        Ok(chunk)
    }

    /// `None` for a blank line.
    fn item(&self, line: &Line) -> Option<Item> {
        let fields = match line {
            Line::TooLong => Err(self.too_long()),
            Line::Whole(line) if line.trim_ascii().is_empty() => return None,
            Line::Whole(line) => fields_of(self.kind, line, &self.defaults),
        };
        Some(Item { line: Some(self.number), fields })
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let limit = self.max_line_bytes as u64 + 1;
        self.bytes_read += self.reader.by_ref().take(limit).read_until(b'\n', &mut line)? as u64;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if line.ends_with(b"\n") || line.len() <= self.max_line_bytes {
            return Ok(Some(Line::Whole(line)));
        }
        self.bytes_read += self.reader.skip_until(b'\n')? as u64;
        Ok(Some(Line::TooLong))
    }

    fn has_line_at_hand(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }

    fn too_long(&self) -> Fault {
        Fault::of_entry(format!("the line has more than {} bytes, which is too many", self.max_line_bytes))
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its parts one a read, as a pipe does.
    struct Pipe(Vec<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let part = self.0.remove(0);
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    fn lines<R: Read>(reader: R, defaults: Vec<Field>, max_job_bytes: usize) -> Lines<R> {
        Lines::new(EntryKind::Job, reader, defaults, max_job_bytes)
    }

    fn numbers(chunk: &[Item]) -> Vec<u64> {
        chunk.iter().filter_map(|item| item.line).collect()
    }

    fn chunks<R: Read>(mut lines: Lines<R>) -> Vec<Vec<Item>> {
        let next = || Some(lines.next_chunk().unwrap()).filter(|chunk| !chunk.is_empty());
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn blank_lines_are_counted_but_are_no_jobs() {
        let chunks = chunks(lines(&b"\n{}\r\n \t\n{}"[..], Vec::new(), 100));
        assert_eq!(chunks.iter().map(|chunk| numbers(chunk)).collect::<Vec<_>>(), [[2], [4]]);
    }

    #[test]
    fn what_is_there_is_not_kept_waiting_for_more() {
        let chunks = chunks(lines(Pipe(vec![b"{}\n{}\n{", b"}\n"]), Vec::new(), 100));
        assert_eq!(chunks.iter().map(|chunk| numbers(chunk)).collect::<Vec<_>>(), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn a_chunk_is_bounded_by_count_and_by_bytes() {
        let many = "{}\n".repeat(1001);
        let sizes: Vec<usize> =
            chunks(lines(many.as_bytes(), Vec::new(), 100)).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 1]);
        let big = vec![(b"content".to_vec(), vec![b'x'; MAX_BATCH_BYTES / 2])];
        let sizes: Vec<usize> = chunks(lines(&b"{}\n{}\n{}\n"[..], big, 100)).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1]);
    }

    #[test]
    fn a_line_without_end_is_refused_and_harms_no_other() {
        let long = [b"{}\n".to_vec(), vec![b'x'; LINE_OVERHEAD + 7], b"\n{}\n".to_vec()].concat();
        let items: Vec<Item> = chunks(lines(&long[..], Vec::new(), 1)).into_iter().flatten().collect();
        assert_eq!(items.iter().map(|item| item.fields.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        assert!(
            items[1]
                .fields
                .as_ref()
                .unwrap_err()
                .sentence()
                .starts_with("the line has more than 65542 bytes")
        );
    }
}
