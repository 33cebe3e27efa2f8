//! `postrider sink --behave`: the real program, as somebody at a terminal uses it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn sink(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.arg("sink").args(arguments).env_clear();
    command
}

fn run(arguments: &[&str]) -> (Output, String, String) {
    let output = sink(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

/// A sink that plays; ended with the test, whatever becomes of it.
struct Playing(Child);

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_plays_what_was_named_and_prints_a_line_for_all_that_comes() {
    let mut command = sink(&["--listen", "127.0.0.1:0", "--behave", "mid-headers-fin"]);
    let mut playing = Playing(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(playing.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.next().unwrap().rsplit("http://").next().unwrap().trim_end_matches('/').to_owned();
    assert_eq!(
        lines.next().unwrap(),
        "postrider: it plays fin-mid-headers: FIN in the middle of the headers"
    );
    assert_eq!(lines.next().unwrap(), "postrider: a job sent here should be retried");

    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        "POST /\u{1b}[2J HTTP/1.1\r\nHost: x\r\nX-Misskey-Hook-Secret: canary\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("\r\n\r\n"), "{answer}");
    drop(stream);

    let stdout = BufReader::new(playing.0.stdout.take().unwrap());
    let printed: Vec<String> = stdout.lines().take(3).map(Result::unwrap).collect();
    assert!(printed[0].contains("#1 connected from 127.0.0.1:"), "{printed:?}");
    assert!(printed[1].ends_with("#1 POST /\\u{1b}[2J 0 B"), "{printed:?}");
    assert!(printed[2].contains("#1 over after "), "{printed:?}");
    assert!(!printed.concat().contains("canary"), "{printed:?}");
}

#[test]
fn it_ends_well_when_it_is_asked_to() {
    let mut command = sink(&["--listen", "127.0.0.1:0", "--behave", "body-drip"]);
    let mut playing = Playing(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    BufReader::new(playing.0.stderr.take().unwrap()).read_line(&mut String::new()).unwrap();
    let pid = playing.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}

#[test]
fn names_are_listed_by_group() {
    let (output, stdout, _) = run(&["--behave", "list"]);
    assert_eq!(output.status.code(), Some(0));
    for word in ["connect", "retry_after", "body-drip", "rst-mid-headers"] {
        assert!(stdout.split_whitespace().any(|found| found == word), "{word}: {stdout}");
    }
    let (_, help, _) = run(&["--help"]);
    assert!(help.contains("--behave list"), "{help}");
}

#[test]
fn an_unknown_name_is_wrong_usage_and_is_told_which_there_are() {
    let (output, _, stderr) = run(&["--behave", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("no-such") && stderr.contains("body-drip"), "{stderr}");
}

#[test]
fn ordinary_answers_and_a_behaviour_are_not_asked_for_at_once() {
    for other in [["--status", "200"], ["--fail-first", "1"], ["--delay", "1s"], ["--secret", "s"]] {
        let (output, _, stderr) = run(&[&["--behave", "body-drip"][..], &other].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains(other[0]), "{stderr}");
    }
}
