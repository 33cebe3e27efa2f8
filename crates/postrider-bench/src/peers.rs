//! The peers' programs in `bench/peers`: built where node and the registries can be had, else left out and said so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contender::{Contender, RIVALS};
use crate::subject;

/// What is measured, and where its programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The release build of `postrider`.
    pub(crate) postrider: PathBuf,
    node: Option<PathBuf>,
    rust: Option<PathBuf>,
}

impl Programs {
    /// Builds everything that can be built.
    pub(crate) fn build(with_peers: bool) -> anyhow::Result<Self> {
        let postrider = subject::build()?;
        if !with_peers {
            return Ok(Self { postrider, node: None, rust: None });
        }
        let script =
            |part| prepared(part).map_err(|why| println!("left out: {}: {why}", left_out(part))).ok();
        Ok(Self { postrider, node: script("node"), rust: script("rust") })
    }

    /// The rivals that take part.
    pub(crate) fn rivals(&self) -> Vec<Contender> {
        RIVALS.into_iter().filter(|rival| self.program_of(*rival).is_some()).collect()
    }

    /// A rival's program with the arguments that choose it; `None` where it isn't there.
    pub(crate) fn command(&self, rival: Contender, role: &str) -> Option<Command> {
        let program = self.program_of(rival)?;
        let arguments = |command: &mut Command| {
            command.arg(role).args(["--kind", rival.kind().unwrap_or_default()]);
        };
        let mut command = if rival.is_node() {
            let mut command = Command::new("node");
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        arguments(&mut command);
        Some(command)
    }

    fn program_of(&self, rival: Contender) -> Option<&Path> {
        rival.kind()?;
        if rival.is_node() { self.node.as_deref() } else { self.rust.as_deref() }
    }
}

/// Runs `scripts/bench-peers.sh`, whose last line is the program's path, or else says why there is none.
fn prepared(part: &str) -> Result<PathBuf, String> {
    let script = subject::workspace().join("scripts/bench-peers.sh");
    let output = Command::new(script).arg(part).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(OsString::from(last_line(&output.stdout)).into())
    } else {
        Err(last_line(&output.stderr))
    }
}

fn last_line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim_end().lines().last().unwrap_or("no word of why").to_owned()
}

fn left_out(part: &str) -> &'static str {
    if part == "node" { "BullMQ" } else { "omniqueue and apalis" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_it() {
        assert_eq!(last_line(b"building\nno npm\n"), "no npm");
        assert_eq!(last_line(b""), "no word of why");
    }

    #[test]
    fn only_those_that_are_there_take_part() {
        let programs = Programs { postrider: "p".into(), node: None, rust: Some("peers".into()) };
        assert_eq!(programs.rivals(), [Contender::Omniqueue, Contender::Apalis]);
        assert!(programs.command(Contender::BullMqAsMisskey, "work").is_none());
    }
}
