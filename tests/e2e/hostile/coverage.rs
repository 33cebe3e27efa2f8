//! The cases that are not simply played: which test covers each, or why none does. A case that is forgotten fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use postrider_sink::Behaviour;
use postrider_sink::behaviour::case;

use super::is_played_here;

/// How a case is dealt with.
enum Covered {
    /// By this test, end to end or of the sender.
    By(&'static str),
    /// Not by any, for this reason.
    #[allow(dead_code, reason = "no case is left out now; the place for one that must be is here")]
    Not(&'static str),
}
use Covered::{By, Not};

const ELSEWHERE: &[(&str, Covered)] = &[
    ("connect-02", By("a_receiver_whose_packets_vanish_is_tried_again_later_and_disturbs_nobody")),
    (
        "connect-08",
        By("a_name_that_does_not_exist_or_has_no_address_is_retried_until_the_attempts_are_used_up"),
    ),
    ("connect-09", By("a_resolver_that_fails_is_told_like_a_missing_name_and_may_work_the_next_time")),
    (
        "connect-10",
        By("an_ipv6_address_that_drops_everything_costs_a_quarter_of_a_second_before_ipv4_is_tried"),
    ),
    ("tls-01", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-02", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-03", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-04", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-05", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-06", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("tls-07", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-01", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-02", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-03", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-04", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-05", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-06", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-07", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-08", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("http2-09", By("every_receiver_with_tls_or_http2_leads_to_its_outcome_and_disturbs_nobody")),
    ("status-48", By("receivers_that_are_asked_again_lead_to_their_outcomes")),
    ("status-49", By("receivers_that_are_asked_again_lead_to_their_outcomes")),
    ("status-50", By("receivers_that_are_asked_again_lead_to_their_outcomes")),
    ("status-51", By("a_destination_that_fails_thousands_of_jobs_slows_no_other")),
    ("fairness-01", By("a_thousand_hanging_hosts_of_one_address_slow_no_other")),
    ("fairness-02", By("a_request_that_hangs_longer_than_the_dead_are_missed_is_made_once")),
    ("fairness-03", By("jobs_of_a_killed_worker_are_sent_again_by_the_other_within_seven_seconds")),
    ("fairness-04", By("a_stop_while_a_hundred_requests_hang_loses_nothing_and_sends_nothing_twice")),
];

/// Each `retry.base` that some case asks for.
pub(super) fn retry_bases() -> BTreeSet<u64> {
    case::all().iter().filter_map(|case| case.job.retry_base_ms).collect()
}

#[test]
fn every_case_is_played_or_named_here() {
    let named: BTreeMap<&str, &Covered> = ELSEWHERE.iter().map(|(id, covered)| (*id, covered)).collect();
    assert_eq!(named.len(), ELSEWHERE.len(), "no case is named twice");
    let forgotten: Vec<&str> = case::all()
        .iter()
        .filter(|case| is_played_here(case) == named.contains_key(case.id.as_str()))
        .map(|case| case.id.as_str())
        .collect();
    assert!(forgotten.is_empty(), "neither played nor named, or both: {forgotten:?}");
    let ids: BTreeSet<&str> = case::all().iter().map(|case| case.id.as_str()).collect();
    assert!(named.keys().all(|id| ids.contains(id)), "a case is named that isn't there");
}

#[test]
fn every_case_that_is_played_here_can_be() {
    for case in case::all().iter().filter(|case| is_played_here(case)) {
        assert!(Behaviour::of(case).is_some(), "{} has no script", case.id);
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in [tests.join("e2e"), tests.join("../crates/postrider-sender/tests")] {
        read_all(&folder, &mut sources);
    }
    for (id, covered) in ELSEWHERE {
        match covered {
            By(test) => assert!(sources.contains(&format!("fn {test}()")), "{id}: there is no test {test}"),
            Not(reason) => assert!(!reason.is_empty(), "{id}: a reason is missing"),
        }
    }
}

/// At most five cases may be left out.
#[test]
fn hardly_any_case_is_left_out() {
    assert!(ELSEWHERE.iter().filter(|(_, covered)| matches!(covered, Not(_))).count() <= 5);
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder of tests is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(path).expect("a source file is text"));
        }
    }
}
