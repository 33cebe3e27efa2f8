//! A child process whose output goes to a file. Owns its end: it is killed and waited for when it is dropped.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::until;

/// How much of a log is shown when something goes wrong: its end tells why.
const MAX_SHOWN_LOG: usize = 4000;

/// The signals that tests send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to end.
    Term,
    /// Stops it where it is.
    Stop,
    /// Lets a stopped one go on.
    Continue,
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with both outputs appended to the file `log` and nothing on its input.
    ///
    /// # Errors
    /// The program can't be started, or the log can't be written.
    pub fn spawn(command: &mut Command, log: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has ended already: its id may be another's by now.
    pub fn signal(&mut self, signal: Signal) {
        assert!(self.exited().is_none(), "a process that has ended gets no signal\n{}", self.log_end());
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        };
        // By way of the shell: sending signals directly takes unsafe code, and `kill` is not a program everywhere.
        let script = ["-c", "kill -s \"$0\" \"$1\"", name];
        let sent = Command::new("sh").args(script).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal {name} could not be sent");
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it hasn't ended after `timeout`.
    pub async fn wait_exit(&mut self, timeout: Duration) -> ExitStatus {
        let id = self.id();
        until(&format!("process {id} ends"), timeout, || {
            std::future::ready(self.exited().ok_or_else(|| format!("it runs\n{}", self.log_end())))
        })
        .await
    }

    /// Everything that it has printed.
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    /// The last part of what it has printed.
    pub fn log_end(&self) -> String {
        let log = self.log();
        let start = log.char_indices().rev().nth(MAX_SHOWN_LOG).map_or(0, |(at, _)| at);
        format!("--- end of {}:\n{}", self.log.display(), &log[start..])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::PATIENCE;

    fn shell(script: &str, folder: &Path) -> Process {
        Process::spawn(Command::new("sh").args(["-c", script]), &folder.join("log")).expect("sh starts")
    }

    #[tokio::test]
    async fn output_and_exit_code_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo out; echo err >&2; exit 7", folder.path());
        assert_eq!(process.wait_exit(PATIENCE).await.code(), Some(7));
        assert_eq!(process.log(), "out\nerr\n");
    }

    #[tokio::test]
    async fn a_stopped_process_does_nothing_until_it_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let mut process =
            shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", folder.path());
        until("the trap is set", PATIENCE, || {
            std::future::ready(Some(()).filter(|()| process.log() == "ready\n").ok_or(""))
        })
        .await;
        process.signal(Signal::Stop);
        process.signal(Signal::Term);
        assert!(process.exited().is_none());
        process.signal(Signal::Continue);
        assert_eq!(process.wait_exit(PATIENCE).await.code(), Some(3));
    }

    #[test]
    fn dropping_it_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("exec sleep 1000", folder.path());
        let id = process.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}/cmdline")).exists());
    }
}
