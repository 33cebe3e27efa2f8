//! A child process of the demo. Owns its end: dropped, it is killed and waited for. Ctrl-C in a terminal doesn't
//! reach it, so that it is ended in order.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::Instant;

/// As much of a log as is shown when a child fails: its end tells why.
const MAX_SHOWN_LINES: usize = 12;

/// Pause between two looks at a child: short beside what is waited for.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// A running child, or one that has ended.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    child: Child,
    log: PathBuf,
}

impl ChildProcess {
    /// Starts it with both outputs appended to the file `log`, and nothing on its input.
    pub(crate) fn spawn(command: &mut Command, log: PathBuf) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(&log)?;
        let command = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.process_group(0).spawn()?;
        Ok(Self { child, log })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output is.
    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log)
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    /// How it ended, in words; `None` while it runs.
    pub(crate) fn end(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let lines = self.log();
        let shown: Vec<&str> = lines.lines().rev().take(MAX_SHOWN_LINES).collect();
        let shown = shown.into_iter().rev().collect::<Vec<_>>().join("\n  ");
        Some(format!("{}; the end of {}:\n  {shown}", how(status), self.log.display()))
    }

    /// SIGTERM: asks it to end in order.
    pub(crate) fn ask_to_end(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // By way of the shell: to send it from here would take unsafe code. Where it fails, it is killed.
            let _ = Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &self.id().to_string()]).status();
        }
    }

    /// Waits until it has ended; kills it at the deadline.
    pub(crate) async fn wait_or_kill(&mut self, deadline: Instant) {
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        self.kill();
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> ChildProcess {
        ChildProcess::spawn(Command::new("sh").args(["-c", script]), folder.join("log")).unwrap()
    }

    #[tokio::test]
    async fn the_end_of_a_child_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("echo no such key >&2; exit 2", folder.path());
        child.child.wait().unwrap();
        let end = child.end().unwrap();
        assert!(end.starts_with("it ended with exit code 2") && end.ends_with("\n  no such key"), "{end}");
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_when_asked_is_killed_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("trap '' TERM; while :; do sleep 0.01; done", folder.path());
        child.ask_to_end();
        child.wait_or_kill(Instant::now() + Duration::from_millis(50)).await;
        assert!(child.end().unwrap().starts_with("it was ended by signal"));
    }
}
