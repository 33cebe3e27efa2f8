//! `postrider completions` and `postrider man`: made of the same definition that reads the command line.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::tell;
use crate::args::{Args, ManArgs};
use crate::exit::Failure;

const PROGRAM: &str = "postrider";

/// Prints what lets a shell complete the command line.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::definition(), PROGRAM, &mut script);
    tell::print(&String::from_utf8_lossy(&script))
}

/// Prints a page, or writes all.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Args::definition();
    // Gives each command its whole name and the settings that it takes.
    program.build();
    match &args.dir {
        Some(dir) => Ok(write_all(&program, dir)?),
        None => print_one(&program, &args.command),
    }
}

fn print_one(program: &Command, words: &[String]) -> Result<(), Failure> {
    let mut command = program;
    for word in words {
        let found = command.find_subcommand(word);
        command = found.ok_or_else(|| {
            Failure::Unfit(format!(
                "there is no command {:?}; `postrider --help` lists them",
                words.join(" ")
            ))
        })?;
    }
    tell::print(&String::from_utf8_lossy(&page(command)?))
}

fn write_all(program: &Command, dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("failed to make the folder {}", dir.display()))?;
    let written = write_below(program, dir)?;
    tell::note(&format!("{written} pages are in {}", dir.display()));
    Ok(())
}

/// The page of a command, and of all below it; gives how many.
fn write_below(command: &Command, dir: &Path) -> anyhow::Result<usize> {
    let path = dir.join(format!("{}.1", name(command)));
    fs::write(&path, page(command)?).with_context(|| format!("failed to write {}", path.display()))?;
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    let below = shown.map(|below| write_below(below, dir)).sum::<anyhow::Result<usize>>()?;
    Ok(1 + below)
}

/// As its page is called.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or(PROGRAM).to_owned()
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = Man::new(command.clone()).title(name(command));
    man.render(&mut page).map_err(|error| anyhow!(error)).context("failed to make the page")?;
    Ok(page)
}
