//! What is told of each job or event, and at the end: ids and rows on stdout, what is wrong on stderr, and a bar on a terminal.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, anyhow};
use indicatif::ProgressBar;
use postrider_core::entry_id::EntryId;
use postrider_core::job::EntryKind;
use postrider_producer::{Added, AddedEvent, QueueName};
use serde::Serialize;

use super::foresee::Foreseen;
use crate::exit::{Failure, unless_closed};
use crate::progress;

/// Tells, and counts.
#[derive(Debug)]
pub(super) struct Report {
    kind: EntryKind,
    json: bool,
    bar: ProgressBar,
    began: Instant,
    /// What goes to stdout with the next flush: the rows of one chunk.
    rows: Vec<u8>,
    good: u64,
    bad: u64,
    /// What is wrong with the one that was typed.
    fault: Option<String>,
}

/// A job or an event that was added.
#[derive(Debug)]
pub(super) struct Row {
    id: Box<str>,
    /// Of an event, each job has its own.
    event_id: Option<Box<str>>,
    entry: EntryId,
    stream: QueueName,
}

impl From<Added> for Row {
    fn from(Added { id, event_id, entry, queue }: Added) -> Self {
        Self { id, event_id: Some(event_id), entry, stream: queue }
    }
}

impl From<AddedEvent> for Row {
    fn from(AddedEvent { id, entry, stream }: AddedEvent) -> Self {
        Self { id, event_id: None, entry, stream }
    }
}

/// A row as `--json` shows it. Fields in the order of the JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddedRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    entry: String,
}

/// One that was judged, as `--json` shows it.
#[derive(Serialize)]
struct ForeseenRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

impl Report {
    /// Of the one that was typed.
    pub(super) fn of_one(kind: EntryKind, json: bool) -> Self {
        Self {
            kind,
            json,
            bar: progress::hidden(),
            began: Instant::now(),
            rows: Vec::new(),
            good: 0,
            bad: 0,
            fault: None,
        }
    }

    /// Of lines from stdin, with a progress bar where stderr is a terminal.
    pub(super) fn of_many(kind: EntryKind, json: bool) -> Self {
        Self { bar: progress::of_stdin(), ..Self::of_one(kind, json) }
    }

    /// One was added.
    pub(super) fn added(&mut self, line: Option<u64>, added: &Row) {
        self.good += 1;
        let Row { id, event_id, entry, stream } = added;
        if self.json {
            let stream = stream.as_str();
            let (queue, stream) = match self.kind {
                EntryKind::Job => (Some(stream), None),
                EntryKind::Event => (None, Some(stream)),
            };
            let (event_id, entry) = (event_id.as_deref(), entry.to_string());
            self.row(&AddedRow { line, id, event_id, queue, stream, entry });
        } else {
            self.rows.extend_from_slice(id.as_bytes());
            self.rows.push(b'\n');
        }
    }

    /// One was judged.
    pub(super) fn foreseen(&mut self, line: Option<u64>, foreseen: &Foreseen) {
        let (verdict, fault) = match foreseen {
            Foreseen::Sound => ("sound", None),
            Foreseen::Invalid(fault) => ("invalid", Some(fault.sentence())),
            Foreseen::Blocked(part) => ("blocked", Some(*part)),
        };
        match (foreseen, fault) {
            (Foreseen::Blocked(_), Some(part)) => {
                self.bad(line, &format!("would be dead: blocked: not allowed: {part}"));
            }
            (_, Some(fault)) => self.bad(line, &format!("would be dead: invalid: {fault}")),
            (_, None) => self.good += 1,
        }
        if self.json {
            self.row(&ForeseenRow { line, verdict, fault });
        }
    }

    /// A job is not as it should be.
    pub(super) fn bad(&mut self, line: Option<u64>, sentence: &str) {
        self.bad += 1;
        match line {
            // Where even stderr is gone, the exit code must do.
            Some(line) => self.bar.suspend(|| {
                let _ = writeln!(io::stderr().lock(), "postrider: line {line}: {sentence}");
            }),
            None => self.fault = Some(sentence.to_owned()),
        }
    }

    /// Shows what was told of the last chunk, and how far the reading has come.
    pub(super) fn flush(&mut self, bytes_read: u64) -> anyhow::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let print = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&rows).and_then(|()| stdout.flush())
        };
        unless_closed(self.bar.suspend(print))
            .with_context(|| format!("failed to print the ids; {}", self.counts()))?;
        self.bar.set_position(bytes_read);
        let rate = progress::a_second(self.good + self.bad, self.began.elapsed());
        self.bar.set_message(format!("{}, {rate}", self.counts()));
        Ok(())
    }

    /// What was told so far.
    pub(super) fn counts(&self) -> String {
        match self.bad {
            0 => format!("{} added", self.entries(self.good)),
            bad => format!("{} added, {bad} not", self.entries(self.good)),
        }
    }

    /// As many jobs, or events.
    fn entries(&self, count: u64) -> String {
        let ending = if count == 1 { "" } else { "s" };
        format!("{count} {}{ending}", self.noun())
    }

    fn noun(&self) -> &'static str {
        match self.kind {
            EntryKind::Job => "job",
            EntryKind::Event => "event",
        }
    }

    /// The failure that ends it all before the last line, as Redis refused a whole batch.
    pub(super) fn refused(&self) -> Failure {
        let why = || {
            let (noun, counts) = (self.noun(), self.counts());
            format!("Redis refused all {noun}s of the last batch, so later lines weren't tried; {counts}")
        };
        let sentence = self.fault.clone().unwrap_or_else(why);
        Failure::Failed(anyhow!(sentence))
    }

    /// The end, when all was read.
    pub(super) fn end_of_adding(self) -> Result<(), Failure> {
        let counts = self.counts();
        let is_watched = !self.bar.is_hidden();
        self.bar.finish_and_clear();
        if is_watched && self.bad == 0 {
            let _ = writeln!(io::stderr().lock(), "{counts}");
        }
        self.end(&counts)
    }

    /// The end, when all was judged.
    pub(super) fn end_of_foresight(mut self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        if self.bad == 0 && !self.json {
            self.rows = format!("{} sound; nothing was added\n", self.entries(self.good)).into();
            self.flush(0)?;
        }
        let counts = format!("{} of {} would be dead", self.bad, self.entries(self.good + self.bad));
        self.end(&counts)
    }

    fn end(self, counts: &str) -> Result<(), Failure> {
        match (self.bad, self.fault) {
            (0, _) => Ok(()),
            (_, Some(fault)) => Err(Failure::Failed(anyhow!(fault))),
            (_, None) => Err(Failure::Failed(anyhow!(counts.to_owned()))),
        }
    }

    fn row(&mut self, row: &impl Serialize) {
        serde_json::to_writer(&mut self.rows, row).expect("a row is texts and a number, and memory takes it");
        self.rows.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_many_counts_them() {
        let mut report = Report::of_many(EntryKind::Job, false);
        report.bad(Some(1), "is wrong");
        report.good = 2;
        let end = report.end_of_adding().unwrap_err();
        assert_eq!((end.code(), end.to_string()), (1, "postrider: 2 jobs added, 1 not\n".into()));
        assert!(Report::of_many(EntryKind::Event, false).end_of_adding().is_ok());
    }

    #[test]
    fn the_end_of_one_is_its_fault() {
        let mut report = Report::of_one(EntryKind::Job, true);
        report.foreseen(None, &Foreseen::Blocked("the port"));
        assert_eq!(
            String::from_utf8_lossy(&report.rows),
            "{\"verdict\":\"blocked\",\"fault\":\"the port\"}\n"
        );
        let end = report.end_of_foresight().unwrap_err().to_string();
        assert_eq!(end, "postrider: would be dead: blocked: not allowed: the port\n");
    }
}
