//! Completions and manual pages hold every command, and shells and `man` can read them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_postrider")).args(arguments).env_clear().output().unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that help lists below these words.
fn commands(words: &[&str]) -> Vec<String> {
    let help = stdout(&[words, &["--help"]].concat());
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // What is wrapped stands further in.
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The same, and those below them: `hooks`, `hooks list`, …
fn all_commands() -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for command in commands(&[]) {
        let below = commands(&[&command]);
        all.extend(below.into_iter().map(|below| vec![command.clone(), below]));
        all.push(vec![command]);
    }
    assert!(all.len() > 35, "{all:?}");
    all
}

#[test]
fn completions_hold_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&["completions", shell]);
        for words in all_commands() {
            let last = words.last().unwrap();
            assert!(script.contains(last.as_str()), "{shell}: {words:?}");
        }
        assert!(script.contains("dry-run"), "{shell}");
    }
}

#[test]
fn bash_completes_what_it_was_given() {
    let ask = "COMP_WORDS=(postrider dead re); COMP_CWORD=2; _postrider postrider re dead; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut bash = bash.spawn().unwrap();
    let script = stdout(&["completions", "bash"]) + "\n" + ask + "\n";
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "replay\n", "{output:?}");
}

#[test]
fn every_command_has_a_manual_page_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    let output = run(&["man", "--dir", dir.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let written: BTreeSet<String> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut expected = BTreeSet::from(["postrider.1".to_owned()]);
    for words in all_commands() {
        let file = format!("postrider-{}.1", words.join("-"));
        let page = fs::read_to_string(dir.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(page.contains(".TH") && page.contains("Examples:"), "{file}: {page}");
        expected.insert(file);
    }
    assert_eq!(written, expected);
}

#[test]
fn one_page_is_printed_and_an_unknown_command_is_told() {
    assert!(stdout(&["man"]).contains(".SH SUBCOMMANDS"));
    assert!(stdout(&["man", "hooks", "create"]).contains("\\-\\-url"));
    let output = run(&["man", "wurker"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no command \"wurker\""), "{output:?}");
}

#[test]
fn the_document_names_every_command() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");
    let document = fs::read_to_string(path).unwrap();
    for words in all_commands() {
        if words.len() == 1 && !commands(&[&words[0]]).is_empty() {
            continue;
        }
        assert!(document.contains(&format!("`postrider {}`", words.join(" "))), "{words:?}");
    }
}
