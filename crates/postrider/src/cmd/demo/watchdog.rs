//! Sees to it that nothing outlives the demo even where the demo itself is killed: a shell that waits for the end of
//! its input, which comes with the end of this process, however it ends.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A line that comes only in an orderly end; `$@` are the processes to kill where it doesn't.
const SCRIPT: &str = r#"read -r word; [ "$word" = done ] || kill -s KILL "$@" 2>/dev/null"#;

/// The watching shell. Dropped, it ends and kills nothing: whoever drops it has ended the others.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Watchdog {
    /// Watches over these processes.
    pub(crate) fn over(processes: &[u32]) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "watchdog"]).args(processes.iter().map(u32::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = command.process_group(0).spawn()?;
        let input = shell.stdin.take();
        Ok(Self { shell, input })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut input) = self.input.take() {
            // It fails only where the shell is gone.
            let _ = input.write_all(b"done\n");
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("1000").spawn().unwrap()
    }

    #[test]
    fn the_end_of_the_demo_without_a_word_kills_what_it_left() {
        let mut left = sleeper();
        let mut watchdog = Watchdog::over(&[left.id()]).unwrap();
        watchdog.input = None;
        assert!(!left.wait().unwrap().success());
    }

    #[test]
    fn an_orderly_end_kills_nothing() {
        let mut other = sleeper();
        drop(Watchdog::over(&[other.id()]).unwrap());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
