//! How findings are shown: by queue, in straight columns for people; one object a line for programs.

use std::io::{self, Write};

use anyhow::Context;
use postrider_store::doctor::Mended;
use postrider_store::doctor::finding::{Finding, Severity};
use serde::Serialize;

use crate::exit::{Failure, unless_closed};
use crate::terminal::Paint;

/// Prints everything to stdout.
pub(super) fn all(address: &str, findings: &[Finding], mended: &[Mended], json: bool) -> Result<(), Failure> {
    let text = if json {
        json_lines(findings, mended)
    } else {
        report(address, findings, mended, Paint::of(&io::stdout()))
    };
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(unless_closed(written).context("failed to print")?)
}

/// One line of JSON; fields in this order.
#[derive(Serialize)]
struct Line<'a> {
    severity: &'static str,
    code: &'static str,
    queue: Option<&'a str>,
    finding: &'a str,
    remedy: Option<&'a str>,
    fixable: bool,
}

fn json_lines(findings: &[Finding], mended: &[Mended]) -> String {
    let repairs: Vec<String> = mended.iter().map(in_words).collect();
    let repairs = mended.iter().zip(&repairs).map(|(mended, words)| Line {
        severity: Severity::Note.as_str(),
        code: "mended",
        queue: Some(&mended.queue),
        finding: words,
        remedy: None,
        fixable: false,
    });
    let findings = findings.iter().map(|finding| Line {
        severity: finding.severity.as_str(),
        code: finding.code.as_str(),
        queue: finding.queue.as_deref(),
        finding: &finding.sentence,
        remedy: finding.remedy.as_deref(),
        fixable: finding.cure.is_some(),
    });
    let line = |line: Line<'_>| serde_json::to_string(&line).expect("a line is made of texts") + "\n";
    repairs.chain(findings).map(line).collect()
}

/// What concerns the server first, then queue by queue in the order of the examination.
fn report(address: &str, findings: &[Finding], mended: &[Mended], paint: Paint) -> String {
    let mut text = String::new();
    let mut queues: Vec<Option<&str>> = vec![None];
    for finding in findings {
        let queue = finding.queue.as_deref();
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    for queue in queues {
        text += &heading(&format!("Redis at {address}"), queue);
        for finding in findings.iter().filter(|finding| finding.queue.as_deref() == queue) {
            text += &entry(finding, paint);
        }
        for mended in mended.iter().filter(|mended| Some(mended.queue.as_str()) == queue) {
            text += &format!("  {:5}  {:CODE$}  {}\n", "done", "mended", in_words(mended));
        }
    }
    text
}

fn heading(server: &str, queue: Option<&str>) -> String {
    match queue {
        None => format!("{server}\n"),
        Some(queue) => format!("\n{}\n", harmless(queue)),
    }
}

/// Width of the column of codes: that of the longest.
const CODE: usize = 12;

fn entry(finding: &Finding, paint: Paint) -> String {
    let (word, code) = (finding.severity.as_str(), finding.code.as_str());
    let (on, off) = colour(finding.severity, paint);
    let mut text = format!("  {on}{word:5}{off}  {code:CODE$}  {}\n", harmless(&finding.sentence));
    // What is as it should be needs no advice.
    if let Some(remedy) = finding.remedy.as_ref().filter(|_| finding.severity > Severity::Ok) {
        text += &format!("  {:5}  {:CODE$}  → {}\n", "", "", harmless(remedy));
    }
    text
}

fn colour(severity: Severity, paint: Paint) -> (&'static str, &'static str) {
    if paint == Paint::Plain {
        return ("", "");
    }
    let on = match severity {
        Severity::Ok => "\u{1b}[32m",
        Severity::Note => "\u{1b}[36m",
        Severity::Warning => "\u{1b}[33m",
        Severity::Error => "\u{1b}[1;31m",
    };
    (on, "\u{1b}[0m")
}

fn in_words(mended: &Mended) -> String {
    let counted = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [
        counted(mended.jobs_restored, "waiting job will be sent", "waiting jobs will be sent"),
        counted(mended.entries_returned, "skipped entry will be sent", "skipped entries will be sent"),
        counted(
            mended.jobs_buried,
            "unreadable job is a dead letter now",
            "unreadable jobs are dead letters now",
        ),
        counted(mended.ids_removed, "id without a job removed", "ids without a job removed"),
        counted(mended.leases_dropped, "lease without an entry dropped", "leases without an entry dropped"),
        counted(mended.consumers_removed, "consumer removed", "consumers removed"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Control characters can't act on the terminal.
fn harmless(text: &str) -> String {
    text.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use postrider_store::doctor::finding::Code;

    use super::*;

    fn finding(severity: Severity, queue: Option<&str>, sentence: &str, remedy: Option<&str>) -> Finding {
        Finding {
            severity,
            code: Code::Backlog,
            queue: queue.map(str::to_owned),
            sentence: sentence.to_owned(),
            remedy: remedy.map(str::to_owned),
            cure: None,
        }
    }

    #[test]
    fn a_report_goes_by_queue_and_gives_advice_only_where_something_is_amiss() {
        let findings = [
            finding(Severity::Ok, None, "fine", Some("unneeded")),
            finding(Severity::Error, Some("q"), "bad\u{1b}[31m", Some("mend it")),
        ];
        let mended = [Mended { queue: "q".into(), jobs_restored: 2, ids_removed: 1, ..Mended::default() }];
        let expected = "Redis at host:1\n  ok     backlog       fine\n\nq\n  error  backlog       bad?[31m\n                       \
                        → mend it\n  done   mended        2 waiting jobs will be sent, 1 id without a job removed\n";
        assert_eq!(report("host:1", &findings, &mended, Paint::Plain), expected);
    }

    #[test]
    fn only_severities_are_coloured() {
        let text = report("h", &[finding(Severity::Error, None, "bad", None)], &[], Paint::Coloured);
        assert_eq!(text, "Redis at h\n  \u{1b}[1;31merror\u{1b}[0m  backlog       bad\n");
    }

    #[test]
    fn json_has_one_shape_for_all_lines() {
        let mended = [Mended { queue: "q".into(), consumers_removed: 1, ..Mended::default() }];
        let expected = "{\"severity\":\"note\",\"code\":\"mended\",\"queue\":\"q\",\"finding\":\"1 consumer removed\",\"remedy\":null,\"fixable\":false}\n\
                        {\"severity\":\"warn\",\"code\":\"backlog\",\"queue\":null,\"finding\":\"x\",\"remedy\":\"y\",\"fixable\":false}\n";
        assert_eq!(json_lines(&[finding(Severity::Warning, None, "x", Some("y"))], &mended), expected);
    }

    #[test]
    fn every_code_fits_its_column() {
        assert!(Code::ALL.iter().all(|code| code.as_str().len() <= CODE));
    }
}
