//! One queue in good health, and what each thing that is wrong with it leads to.

use super::super::finding::Severity;
use super::super::queue::{EpochFacts, GroupFacts};
use super::super::workers::{Silent, WorkerFacts};
use super::*;

const NOW: i64 = 1_764_324_000_000;

fn healthy() -> QueueFacts {
    QueueFacts {
        name: "q".into(),
        now: NOW,
        length: 3,
        group: Some(GroupFacts { pending: 2, last: "5-0".into() }),
        workers: WorkerFacts { living: 2, silent: Vec::new() },
        epoch: EpochFacts { began: NOW - 1000, ..EpochFacts::default() },
        ..QueueFacts::default()
    }
}

fn silent(pending: u64) -> Silent {
    Silent { name: b"w".to_vec(), pending, beat: String::new() }
}

/// The worst of what is found, of one code, in a queue that was healthy but for one thing.
#[track_caller]
fn check(code: Code, expected: Severity, spoil: impl FnOnce(&mut QueueFacts)) -> Finding {
    let mut facts = healthy();
    spoil(&mut facts);
    let findings = judge_queue(&facts);
    let of_code = findings.iter().filter(|finding| finding.code == code);
    let worst = of_code.max_by_key(|finding| finding.severity).expect("something is said of it").clone();
    assert_eq!(worst.severity, expected, "{worst:?}");
    assert_eq!(worst.queue.as_deref(), Some("q"));
    assert!(worst.remedy.is_some() || worst.severity <= Severity::Note, "{worst:?}");
    worst
}

#[test]
fn a_healthy_queue_gives_no_cause_for_action() {
    let findings = judge_queue(&healthy());
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok), "{findings:#?}");
}

#[test]
fn jobs_without_a_worker_are_an_error_and_a_queue_of_nothing_a_note() {
    check(Code::Workers, Severity::Error, |facts| facts.workers.living = 0);
    check(Code::Workers, Severity::Note, |facts| (facts.workers.living, facts.length) = (0, 0));
}

#[test]
fn jobs_of_lost_workers_are_a_matter_of_who_is_left() {
    check(Code::Workers, Severity::Note, |facts| facts.workers.silent = vec![silent(2)]);
    let alone = check(Code::Consumers, Severity::Note, |facts| facts.workers.silent = vec![silent(0)]);
    assert_eq!(alone.cure, Some(Cure::Consumers));
}

#[test]
fn every_leftover_is_counted_named_and_mended() {
    for (fault, code, severity, cure) in [
        (Fault::NoJob, Code::Waiting, Severity::Warning, Cure::Waiting),
        (Fault::NoId, Code::Waiting, Severity::Warning, Cure::Waiting),
        (Fault::NeverDue, Code::Waiting, Severity::Warning, Cure::Waiting),
        (Fault::Unlisted, Code::Waiting, Severity::Warning, Cure::Waiting),
        (Fault::Unreadable, Code::Waiting, Severity::Warning, Cure::Waiting),
        (Fault::Skipped, Code::Stream, Severity::Error, Cure::Stream),
        (Fault::Gone, Code::Stream, Severity::Note, Cure::Stream),
    ] {
        let found = check(code, severity, |facts| {
            for id in ["a", "b", "c", "d\n"] {
                facts.leftovers.note(fault, id.as_bytes());
            }
        });
        assert_eq!(found.cure, Some(cure));
        assert!(
            found.sentence.starts_with("4 ") && found.sentence.ends_with("(a, b, c, …)"),
            "{}",
            found.sentence
        );
    }
}

#[test]
fn what_keeps_jobs_from_being_sent_is_told() {
    check(Code::Paused, Severity::Warning, |facts| facts.is_paused = true);
    check(Code::Group, Severity::Warning, |facts| facts.group = None);
    let old = check(Code::Backlog, Severity::Warning, |facts| facts.oldest_ready_millis = 600_000);
    assert!(old.sentence.contains("10 min"), "{}", old.sentence);
    check(Code::KeyType, Severity::Error, |facts| {
        facts.odd_keys = vec![("q".into(), "string".into(), "stream")];
    });
    check(Code::Dead, Severity::Note, |facts| facts.dead = 1);
}

#[test]
fn a_loss_is_news_for_a_day() {
    let lost = |ago: i64| EpochFacts { began: NOW - 5000, lost: NOW - ago, how: "emptied".into() };
    let news = check(Code::Loss, Severity::Warning, |facts| facts.epoch = lost(1000));
    assert!(news.sentence.contains("came back empty at 2025-11-28T"), "{}", news.sentence);
    check(Code::Loss, Severity::Note, |facts| facts.epoch = lost(2 * LOSS_IS_NEWS_MILLIS));
}
