//! Progress bars for what takes long: on stderr, and only where that is a terminal. `indicatif` draws them: with rate and time left
//! as its estimates have it, some 60 KB of the program.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const COUNTED: &str = "{wide_bar} {human_pos} of {human_len}  {rate}  {eta} left";
const READ: &str = "{bar:30} {percent:>3} %  {msg}  {eta} left";
const UNKNOWN: &str = "{spinner} {msg}  {elapsed}";

/// How often a bar without an end turns.
const TURN: Duration = Duration::from_millis(120);

/// None.
pub(crate) fn hidden() -> ProgressBar {
    ProgressBar::hidden()
}

/// Of so many.
pub(crate) fn of_count(expected: u64) -> ProgressBar {
    shown(ProgressBar::new(expected), COUNTED)
}

/// By bytes where stdin is a file, whose length is known; else with figures only, which are its message.
pub(crate) fn of_stdin() -> ProgressBar {
    match length_of_stdin() {
        Some(length) => shown(ProgressBar::new(length), READ),
        None => of_unknown(),
    }
}

/// Of nobody knows how many.
pub(crate) fn of_unknown() -> ProgressBar {
    let bar = shown(ProgressBar::new_spinner(), UNKNOWN);
    if !bar.is_hidden() {
        bar.enable_steady_tick(TURN);
    }
    bar
}

/// So many a second, for a message.
pub(crate) fn a_second(count: u64, elapsed: Duration) -> String {
    format!("{:.0}/s", count as f64 / elapsed.as_secs_f64().max(0.001))
}

fn shown(bar: ProgressBar, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return hidden();
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template).expect("the template is a literal");
    bar.with_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
        // A bar that can't be drawn is no fault.
        let _ = write!(text, "{:.0}/s", state.per_sec());
    }))
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
    fn each_template_can_be_read() {
        for template in [COUNTED, READ, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        assert_eq!(a_second(500, Duration::from_secs(2)), "250/s");
    }
}
