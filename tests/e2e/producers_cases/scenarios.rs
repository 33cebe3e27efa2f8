//! The cases that are told in words: which test covers each, or why none does.

use std::collections::BTreeMap;
use std::path::Path;

use postrider_tests::cases::bad_producers;

/// How a scenario is dealt with.
enum Covered {
    /// By this test of `tests/e2e`.
    By(&'static str),
    /// Not by any, for this reason.
    Not(&'static str),
}
use Covered::{By, Not};

const SCENARIOS: [(&str, Covered); 15] = [
    ("hook-18", By("a_job_whose_hook_was_deleted_meanwhile_ends_dead")),
    ("hook-19", By("a_job_that_waits_is_sent_to_its_hooks_new_url")),
    ("hook-20", Not("rotating secrets belongs to the registry, which comes later")),
    ("size-04", By("an_entry_at_the_protocol_limit_ends_dead_or_is_refused")),
    ("size-05", By("a_hundred_large_entries_are_delivered_in_bounded_memory")),
    ("stream-02", By("an_entry_id_in_the_future_is_delivered_and_later_ones_follow")),
    ("stream-03", By("an_entry_deleted_while_it_was_leased_leaves_no_trace")),
    ("stream-04", By("a_queue_key_that_is_a_string_is_told_and_overcome")),
    ("stream-05", By("jobs_in_flight_end_by_their_answers_although_their_consumer_was_deleted")),
    ("stream-06", Not("takes minutes: memory and cost over a million jobs are measured by `make bench`")),
    ("stream-07", By("a_slow_hook_with_many_jobs_does_not_delay_another")),
    ("stream-08", By("a_job_that_was_lost_with_its_worker_too_often_is_poison")),
    (
        "stream-09",
        Not("nothing outside the code makes it panic; a test of the engine raises a panic inside it"),
    ),
    ("stream-10", By("a_good_entry_behind_a_thousand_bad_ones_is_not_delayed")),
    ("stream-11", By("a_producer_needs_no_right_but_xadd_on_the_queue")),
];

#[test]
fn every_case_is_run_or_named_here() {
    let named: BTreeMap<&str, &Covered> = SCENARIOS.iter().map(|(id, covered)| (*id, covered)).collect();
    for case in bad_producers() {
        let is_named = named.contains_key(case.id.as_str());
        assert_eq!(is_named, case.entries.is_empty(), "{} has entries, or is named, and not both", case.id);
    }
    assert_eq!(named.len(), SCENARIOS.len(), "no case is named twice");
}

#[test]
fn every_test_that_is_named_exists() {
    let mut sources = String::new();
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e"), &mut sources);
    for (id, covered) in &SCENARIOS {
        match covered {
            By(test) => {
                assert!(sources.contains(&format!("async fn {test}()")), "{id}: there is no test {test}");
            }
            Not(reason) => assert!(!reason.is_empty(), "{id}: a reason is missing"),
        }
    }
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder of this test is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            read_all(&path, sources);
        } else {
            sources.push_str(&std::fs::read_to_string(path).expect("a source file is text"));
        }
    }
}
