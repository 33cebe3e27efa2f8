//! `postrider check`: verdicts, reasons, exit codes. Needs neither Redis nor the internet.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn check(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.arg("check").args(arguments).env_clear();
    command
}

fn run(arguments: &[&str]) -> Output {
    check(arguments).output().unwrap()
}

fn with_stdin(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut command = check(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn it_ends_well_only_if_all_are_allowed() {
    let (good, bad) = ("https://hooks.example/in", "http://127.0.0.1/in");
    for (urls, code) in [(&[good][..], 0), (&[good, good], 0), (&[good, bad], 1), (&["nonsense"], 1)] {
        let output = run(urls);
        assert_eq!(output.status.code(), Some(code), "{urls:?}");
        assert_eq!(text(&output.stdout).lines().count(), urls.len() + 1);
    }
    assert_eq!(text(&run(&[good, bad]).stderr), "postrider: 1 of 2 not allowed\n");
}

#[test]
fn wrong_usage_and_wrong_settings_end_with_2() {
    for arguments in
        [&[][..], &["--resolf", "http://a.example/"], &["--ssrf-allow", "*", "http://a.example/"]]
    {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn each_url_has_a_line_of_json_with_the_same_three_keys() {
    let output =
        run(&["--json", "https://hooks.example/in?key=k", "http://10.1.2.3/", "gopher://a.example/"]);
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(
        lines[0],
        json!({"url": "https://hooks.example/in?key=k", "verdict": "allowed", "reason": null})
    );
    assert_eq!(lines[1], json!({"url": "http://10.1.2.3/", "verdict": "blocked", "reason": "the address"}));
    assert_eq!((&lines[2]["url"], &lines[2]["verdict"]), (&json!("gopher://a.example/"), &json!("invalid")));
    assert!(lines[2]["reason"].as_str().unwrap().starts_with("must be"), "{}", lines[2]);
    for line in text(&output.stdout).lines() {
        assert!(
            line.starts_with("{\"url\":") && line.contains(",\"verdict\":") && line.contains(",\"reason\":")
        );
    }
}

#[test]
fn the_settings_decide() {
    for (settings, url, verdict) in [
        (&["--ssrf-allow", "10.0.0.0/8"][..], "http://10.1.2.3:22/", "allowed"),
        (&["--ssrf-deny", "hooks.example"], "https://hooks.example/", "blocked"),
        (&["--ssrf-policy", "list"], "https://93.184.216.34/", "blocked"),
        (&["--ssrf-https-only"], "http://hooks.example/", "blocked"),
        (&["--ssrf-nat64"], "http://[64:ff9b::5db8:d822]/", "allowed"),
    ] {
        let output = run(&[settings, &["--json", url]].concat());
        assert_eq!(lines(&output)[0]["verdict"], verdict, "{settings:?} {url}");
    }
    let set = check(&["http://127.0.0.1:9000/"]).env("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8").output().unwrap();
    assert_eq!(set.status.code(), Some(0), "{}", text(&set.stderr));
}

#[test]
fn names_are_resolved_where_that_is_asked_for() {
    let named = ["--json", "--resolve", "--ssrf-allow", "localhost", "http://localhost/"];
    let output = run(&named);
    assert_eq!(output.status.code(), Some(1), "its addresses need entries of their own");
    assert_eq!(lines(&output)[0]["reason"], "an address that the name resolves to");
    let output = run(&[&named[..], &["--ssrf-allow", "127.0.0.0/8,::1/128"]].concat());
    assert_eq!((output.status.code(), &lines(&output)[0]["reason"]), (Some(0), &json!(null)));
}

#[test]
fn behind_a_proxy_names_are_not_resolved_here() {
    let proxied = ["--json", "--resolve", "--proxy-url", "http://127.0.0.1:1", "--ssrf-allow", "localhost"];
    let output = run(&[&proxied[..], &["http://localhost/"]].concat());
    assert_eq!((output.status.code(), &lines(&output)[0]["verdict"]), (Some(0), &json!("allowed")));
    assert!(text(&output.stderr).starts_with("postrider: proxy.url is set, so DNS is not asked"));
    let literal = run(&[&proxied[..], &["http://10.0.0.1/"]].concat());
    assert_eq!(literal.status.code(), Some(1), "what the URL itself shows is checked all the same");
}

#[test]
fn lines_of_stdin_are_urls() {
    let output =
        with_stdin(&["--json", "-", "http://c.example/"], b"http://a.example/\r\n\nhttp://b\xff.example/\n");
    let urls: Vec<Value> = lines(&output).iter().map(|line| line["url"].clone()).collect();
    assert_eq!(urls, ["http://a.example/", "http://b\u{fffd}.example/", "http://c.example/"]);
    assert_eq!(lines(&output)[1]["verdict"], "invalid");
    assert_eq!(with_stdin(&["-"], b"").status.code(), Some(0), "of none, none is refused");
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    for (arguments, head) in [(&["--json", "-"][..], ""), (&["-"], "VERDICT")] {
        let mut child = check(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = BufReader::new(stdout).lines().map(Result::unwrap);
        for (url, before) in [("http://a.example/", head), ("http://b.example/", "")] {
            writeln!(stdin, "{url}").unwrap();
            if !before.is_empty() {
                assert!(lines.next().unwrap().starts_with(before));
            }
            let line = lines.next().unwrap();
            assert!(line.contains(url), "{line}");
        }
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn nothing_of_a_url_moves_the_cursor_or_hides_in_the_table() {
    let output = with_stdin(&["-"], "http://a\u{1b}[2J\u{202e}.example/\n".as_bytes());
    let table = text(&output.stdout);
    assert!(table.contains("http://a\\u{1b}[2J\\u{202e}.example/"), "{table}");
    assert!(!table.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn nothing_that_is_echoed_moves_the_cursor() {
    let hostile = "a\u{1b}[2J\u{9b}\u{7f}b";
    for arguments in [["--ssrf-allow", hostile], ["--config", hostile], ["--json", hostile]] {
        let output = run(&[&arguments[..], &["http://a.example/"]].concat());
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(told.contains("[2J") && !told.chars().any(|c| c.is_control() && c != '\n'), "{told:?}");
    }
    let output = run(&["--json", hostile]);
    assert_eq!(lines(&output)[0]["url"], hostile);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let many = "http://a.example/\n".repeat(20_000);
    let mut command = check(&["--json", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // Whether it reads all of it is its own affair.
    let _ = child.stdin.take().unwrap().write_all(many.as_bytes());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
