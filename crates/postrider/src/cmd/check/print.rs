//! How verdicts are shown: a table for people, JSON for programs, each row as soon as it is there. URLs are echoed as they were
//! given, harmless on a terminal.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

use super::judge::{DNS, Verdict};
use crate::exit::{Failure, unless_closed};
use crate::terminal::{harmless, harmless_json};

/// A longer URL pushes its own reason aside, not those of all others.
const MAX_URL_WIDTH: usize = 60;

/// Rows to be shown.
pub(super) struct Rows {
    json: bool,
    /// Of the URLs' column, once the table has its head. It only grows: rows don't wait for those that come later.
    width: Option<usize>,
}

/// One line of JSON; fields in the order of the contract.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    verdict: &'static str,
    /// `null` where it is allowed.
    reason: Option<&'static str>,
}

impl Rows {
    pub(super) fn new(json: bool) -> Self {
        Self { json, width: None }
    }

    /// Makes room for rows that come next.
    pub(super) fn expect(&mut self, urls: &[Vec<u8>]) -> Result<(), Failure> {
        write(&self.room_for(urls))
    }

    /// Shows one.
    pub(super) fn add(&self, url: &[u8], verdict: Verdict) -> Result<(), Failure> {
        write(&self.row(url, verdict))
    }

    /// The head, where it isn't there yet.
    fn room_for(&mut self, urls: &[Vec<u8>]) -> String {
        let widths = urls.iter().map(|url| harmless(&String::from_utf8_lossy(url)).chars().count());
        let width = widths.max().unwrap_or(0).clamp("URL".len(), MAX_URL_WIDTH);
        let has_head = self.json || self.width.is_some();
        self.width = self.width.max(Some(width));
        if has_head { String::new() } else { line("VERDICT", "URL", "REASON", width) }
    }

    fn row(&self, url: &[u8], verdict: Verdict) -> String {
        let url = String::from_utf8_lossy(url);
        if self.json {
            json_line(&url, verdict)
        } else {
            line(verdict.as_str(), &harmless(&url), in_words(verdict), self.width.unwrap_or(0))
        }
    }
}

fn json_line(url: &str, verdict: Verdict) -> String {
    let line = Line { url, verdict: verdict.as_str(), reason: verdict.reason() };
    harmless_json(&serde_json::to_string(&line).expect("a line is three texts")) + "\n"
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict.reason() {
        Some(DNS) => "dns: the name does not resolve",
        reason => reason.unwrap_or("-"),
    }
}

/// Columns two blanks apart; all verdicts are as long as the head of theirs.
fn line(verdict: &str, url: &str, reason: &str, width: usize) -> String {
    format!("{verdict}  {url:width$}  {reason}\n")
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(unless_closed(written).context("failed to print")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &mut Rows, given: &[(&str, Verdict)]) -> String {
        let urls: Vec<Vec<u8>> = given.iter().map(|(url, _)| url.as_bytes().to_vec()).collect();
        let head = rows.room_for(&urls);
        given.iter().fold(head, |table, (url, verdict)| table + &rows.row(url.as_bytes(), *verdict))
    }

    #[test]
    fn a_table_has_straight_columns_however_long_a_url_is() {
        let long = format!("http://{}.example/", "x".repeat(80));
        let given = [
            ("http://a.example/", Verdict::Allowed),
            (&*long, Verdict::Blocked(DNS)),
            ("http://a.example:22/", Verdict::Blocked("the port")),
        ];
        let blanks = |count: usize| " ".repeat(count);
        let expected = format!(
            "VERDICT  URL{}  REASON\n\
             allowed  http://a.example/{}  -\n\
             blocked  {long}  dns: the name does not resolve\n\
             blocked  http://a.example:22/{}  the port\n",
            blanks(57),
            blanks(43),
            blanks(40),
        );
        assert_eq!(table(&mut Rows::new(false), &given), expected);
    }

    #[test]
    fn a_table_that_goes_on_has_one_head_and_keeps_its_width() {
        let mut rows = Rows::new(false);
        assert!(table(&mut rows, &[("http://aaaa.example/", Verdict::Allowed)]).starts_with("VERDICT"));
        let more = table(&mut rows, &[("http://a/", Verdict::Invalid("must be x"))]);
        assert_eq!(more, format!("invalid  http://a/{}  must be x\n", " ".repeat(11)));
    }

    #[test]
    fn json_holds_the_url_as_it_was_given_and_always_a_reason() {
        assert_eq!(
            json_line("http://a\u{1b}\"\u{9b}\u{7f}/", Verdict::Invalid("must be x")),
            "{\"url\":\"http://a\\u001b\\\"\\u009b\\u007f/\",\"verdict\":\"invalid\",\"reason\":\"must be x\"}\n"
        );
        assert!(json_line("http://a.example/", Verdict::Allowed).ends_with("\"reason\":null}\n"));
        assert!(table(&mut Rows::new(true), &[("x", Verdict::Allowed)]).starts_with('{'));
    }
}
