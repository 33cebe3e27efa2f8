//! What is told of each job, and at the end: ids and rows on stdout, what is wrong on stderr, and a bar on a terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use postrider_producer::Added;
use serde::Serialize;

use super::foresee::Foreseen;
use crate::exit::{Failure, unless_closed};

/// Tells, and counts.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    bar: ProgressBar,
    /// What goes to stdout with the next flush: the rows of one chunk.
    rows: Vec<u8>,
    good: u64,
    bad: u64,
    /// What is wrong with the job that was typed.
    fault: Option<String>,
}

/// A job that was added, as `--json` shows it. Fields in the order of the JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddedRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    id: &'a str,
    event_id: &'a str,
    queue: &'a str,
    entry: String,
}

/// A job that was judged, as `--json` shows it.
#[derive(Serialize)]
struct ForeseenRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

impl Report {
    /// Of the job that was typed.
    pub(super) fn of_one(json: bool) -> Self {
        Self { json, bar: ProgressBar::hidden(), rows: Vec::new(), good: 0, bad: 0, fault: None }
    }

    /// Of lines from stdin, with a progress bar where stderr is a terminal.
    pub(super) fn of_many(json: bool) -> Self {
        Self { bar: progress_bar(), ..Self::of_one(json) }
    }

    /// A job was added.
    pub(super) fn added(&mut self, line: Option<u64>, added: &Added, queue: &str) {
        self.good += 1;
        let Added { id, event_id, entry } = added;
        if self.json {
            self.row(&AddedRow { line, id, event_id, queue, entry: entry.to_string() });
        } else {
            self.rows.extend_from_slice(id.as_bytes());
            self.rows.push(b'\n');
        }
    }

    /// A job was judged.
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
        self.bar.set_message(self.counts());
        Ok(())
    }

    /// What was told so far.
    pub(super) fn counts(&self) -> String {
        match self.bad {
            0 => format!("{} added", jobs(self.good)),
            bad => format!("{} added, {bad} not", jobs(self.good)),
        }
    }

    /// The failure that ends it all before the last line.
    pub(super) fn failure(&self, why: &str) -> Failure {
        let sentence = self.fault.clone().unwrap_or_else(|| format!("{why}; {}", self.counts()));
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
            self.rows = format!("{} sound; nothing was added\n", jobs(self.good)).into();
            self.flush(0)?;
        }
        let counts = format!("{} of {} would be dead", self.bad, jobs(self.good + self.bad));
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

fn jobs(count: u64) -> String {
    if count == 1 { "1 job".into() } else { format!("{count} jobs") }
}

/// By bytes where stdin is a file, whose length is known; else a spinner with figures.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length_of_stdin() {
        Some(length) => (ProgressBar::new(length), "{bar:30} {percent:>3} %  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a literal"))
}

fn length_of_stdin() -> Option<u64> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let about = stdin.metadata().ok()?;
    about.is_file().then_some(about.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_many_counts_them() {
        let mut report = Report::of_many(false);
        report.bad(Some(1), "is wrong");
        report.good = 2;
        let end = report.end_of_adding().unwrap_err();
        assert_eq!((end.code(), end.to_string()), (1, "postrider: 2 jobs added, 1 not\n".into()));
        assert!(Report::of_many(false).end_of_adding().is_ok());
    }

    #[test]
    fn the_end_of_one_is_its_fault() {
        let mut report = Report::of_one(true);
        report.foreseen(None, &Foreseen::Blocked("the port"));
        assert_eq!(
            String::from_utf8_lossy(&report.rows),
            "{\"verdict\":\"blocked\",\"fault\":\"the port\"}\n"
        );
        let end = report.end_of_foresight().unwrap_err().to_string();
        assert_eq!(end, "postrider: would be dead: blocked: not allowed: the port\n");
    }
}
