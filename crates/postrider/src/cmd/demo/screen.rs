//! Where the account is shown: on a terminal with colours and a status line that refreshes, elsewhere as plain lines.
//! Owns stdout; what is said is the account's.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::account::{Line, Tone};

/// How often the status is told where it can't be refreshed.
const PLAIN_STATUS_EVERY: Duration = Duration::from_secs(2);

/// Stdout, and the time since the beginning.
#[derive(Debug)]
pub(crate) struct Screen {
    started: Instant,
    refreshed: Option<ProgressBar>,
    coloured: bool,
    told_status: Instant,
    nobody_reads: bool,
}

impl Screen {
    /// Looks at what stdout is.
    pub(crate) fn open() -> Self {
        let on_terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let started = Instant::now();
        Self {
            started,
            refreshed: on_terminal.then(status_line),
            coloured: on_terminal && !no_colour,
            told_status: started,
            nobody_reads: false,
        }
    }

    /// Since the demo began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the reader of stdout has gone.
    pub(crate) fn nobody_reads(&self) -> bool {
        self.nobody_reads
    }

    /// A line without a time.
    pub(crate) fn print(&mut self, line: &Line) {
        let painted = self.painted(line.tone, &line.text);
        self.write(&painted);
    }

    /// Plain lines without a time.
    pub(crate) fn print_text(&mut self, text: &str) {
        for line in text.lines() {
            self.write(line);
        }
    }

    /// A line of the story, with the time.
    pub(crate) fn tell(&mut self, line: &Line) {
        let painted = self.painted(line.tone, &line.text);
        let at = self.clock();
        self.write(&format!("{at}  {painted}"));
    }

    /// How things stand: refreshed in place, or told now and then.
    pub(crate) fn status(&mut self, text: &str) {
        let line = format!("{}  {text}", self.clock());
        match &self.refreshed {
            Some(bar) => bar.set_message(line),
            None if self.told_status.elapsed() >= PLAIN_STATUS_EVERY => {
                self.told_status = Instant::now();
                self.write(&line);
            }
            None => {}
        }
    }

    /// Takes the refreshed line away.
    pub(crate) fn end_status(&mut self) {
        if let Some(bar) = self.refreshed.take() {
            bar.finish_and_clear();
        }
    }

    fn clock(&self) -> String {
        format!("{:>6.1} s", self.elapsed().as_secs_f64())
    }

    fn painted(&self, tone: Tone, text: &str) -> String {
        match colour(tone) {
            Some(code) if self.coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    fn write(&mut self, line: &str) {
        let write = || writeln!(io::stdout().lock(), "{line}");
        let written = match &self.refreshed {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        self.nobody_reads |= written.is_err();
    }
}

fn status_line() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    bar.with_style(ProgressStyle::with_template("{msg}").expect("the template is a literal"))
}

/// The SGR code of a tone.
fn colour(tone: Tone) -> Option<u8> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some(32),
        Tone::Wait => Some(33),
        Tone::Bad => Some(31),
    }
}
