//! How the program ends: exit codes, and the one place that prints why.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::settings::problem::Problems;
use crate::terminal::harmless_lines;

/// Why a command didn't do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong: exit code 2, as for wrong usage.
    Settings(Problems),
    /// What a setting points to can't be used; the sentence begins with its key: exit code 2 too.
    Unfit(String),
    /// Redis can't be reached: exit code 3.
    RedisUnreachable(anyhow::Error),
    /// Anything else: exit code 1.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

impl fmt::Display for Failure {
    /// Whole lines, each beginning with the program's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(problems) => problems.fmt(f),
            Self::Unfit(sentence) => writeln!(f, "postrider: {sentence}"),
            Self::RedisUnreachable(error) => writeln!(
                f,
                "postrider: can't reach Redis: {error:#}; see that it runs, and that redis.url (--redis-url, POSTRIDER_REDIS_URL) \
                 leads there"
            ),
            Self::Failed(error) => writeln!(f, "postrider: {error:#}"),
        }
    }
}

impl Failure {
    /// The exit code that scripts rely on.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Settings(_) | Self::Unfit(_) => 2,
            Self::RedisUnreachable(_) => 3,
        }
    }
}

/// Tells on stderr what went wrong, and gives the exit code. Some errors echo what was typed or set, so it is made harmless.
pub(crate) fn code_of(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    // Where even stderr is gone, the code must do.
    let _ = write!(io::stderr().lock(), "{}", harmless_lines(&failure.to_string()));
    ExitCode::from(failure.code())
}

/// A reader who has seen enough (`postrider config | head`) is no failure.
pub(crate) fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_code_and_tells_its_chain_once() {
        let error = || anyhow::anyhow!("connection refused").context("failed to connect to 127.0.0.1:6379");
        let lines =
            [Failure::Failed(error()), Failure::RedisUnreachable(error())].map(|failure| failure.to_string());
        assert_eq!(lines[0], "postrider: failed to connect to 127.0.0.1:6379: connection refused\n");
        assert!(lines[1].starts_with("postrider: can't reach Redis: failed to connect"));
        let codes =
            [Failure::Failed(error()), Problems::default().into(), Failure::RedisUnreachable(error())];
        assert_eq!(codes.map(|failure| failure.code()), [1, 2, 3]);
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is() {
        assert!(unless_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
