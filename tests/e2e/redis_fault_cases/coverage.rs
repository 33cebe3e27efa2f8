//! Which test shows each case, or why none does. A case that is forgotten, or a test that is gone, fails here.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

const CASES: &str = include_str!("../../cases/redis_faults.json");

/// Each case, and the tests that show it, end to end or of the store.
const SHOWN_BY: &[(&str, &[&str])] = &[
    ("process-01", &["a_clean_restart_with_every_write_on_disk_loses_nothing"]),
    ("process-02", &["a_redis_that_comes_back_empty_is_served_within_two_seconds_and_the_loss_is_said"]),
    (
        "process-03",
        &[
            "a_redis_that_freezes_twelve_times_as_long_as_a_worker_may_be_silent_costs_nobody_its_jobs",
            "a_redis_that_freezes_for_ten_seconds_costs_no_living_worker_its_jobs",
        ],
    ),
    (
        "process-04",
        &["twenty_kills_of_redis_in_a_row_under_load_lose_nothing_and_each_is_overcome_within_two_seconds"],
    ),
    (
        "process-05",
        &[
            "a_worker_waits_for_a_redis_that_is_not_there_yet",
            "a_worker_that_waits_for_redis_lives_and_is_not_ready",
        ],
    ),
    (
        "process-06",
        &["an_append_only_file_that_was_cut_in_its_last_command_is_repaired_and_the_worker_goes_on"],
    ),
    ("process-07", &["a_full_disk_keeps_results_waiting_and_nothing_is_sent_again_because_of_it"]),
    (
        "process-08",
        &["a_frozen_worker_can_neither_schedule_nor_bury_what_has_passed_on_but_a_success_counts"],
    ),
    ("process-09", &["a_worker_killed_while_it_drains_loses_nothing"]),
    ("process-10", &["a_job_that_was_lost_with_its_worker_too_often_is_poison"]),
    (
        "memory-01",
        &[
            "a_worker_goes_on_settling_while_redis_is_out_of_memory",
            "full_memory_refuses_producers_and_is_told_by_doctor",
        ],
    ),
    (
        "memory-02",
        &[
            "an_evicting_redis_is_refused_by_the_name_of_the_setting",
            "what_is_amiss_gives_1_and_a_count_and_a_redis_out_of_reach_gives_3",
        ],
    ),
    ("memory-03", &["a_redis_that_evicts_only_what_may_be_lost_is_served_with_a_warning"]),
    (
        "memory-04",
        &["a_million_leases_are_taken_over_and_examined_without_a_command_over_a_tenth_of_a_second"],
    ),
    ("error-01", &["a_demoted_redis_makes_the_worker_unready_and_a_primary_ready_again"]),
    ("error-02", &["a_demoted_redis_makes_the_worker_unready_and_a_primary_ready_again"]),
    ("error-03", &["forgotten_scripts_a_destroyed_group_and_a_flushed_database_heal_within_a_second"]),
    ("error-04", &["forgotten_scripts_a_destroyed_group_and_a_flushed_database_heal_within_a_second"]),
    ("error-05", &["a_script_that_never_ends_is_waited_for_and_left_to_its_owner"]),
    ("error-06", &["a_missing_right_makes_the_worker_unready_naming_the_command"]),
    ("error-07", &["results_wait_while_too_few_replicas_are_there_and_nothing_is_sent_again"]),
    ("error-08", &["a_replica_that_answers_nothing_is_waited_for"]),
    ("error-09", &["a_redis_that_takes_no_more_clients_is_asked_again_with_pauses"]),
    ("error-10", &["forgotten_scripts_a_destroyed_group_and_a_flushed_database_heal_within_a_second"]),
    ("error-11", &["an_answer_that_was_never_heard_of_is_as_transient_as_any"]),
    (
        "network-01",
        &[
            "the_read_is_repeated_and_its_jobs_are_sent_once",
            "a_delivered_job_is_settled_once",
            "a_retried_job_waits_once",
            "a_dead_job_has_one_dead_letter",
            "a_due_job_is_promoted_once",
            "jobs_of_a_lost_worker_are_taken_over_once",
            "a_job_that_is_given_back_is_there_once",
            "a_heartbeat_is_repeated_and_nobody_takes_the_worker_for_dead",
            "an_event_is_fanned_out_once",
            "a_producer_that_adds_again_after_a_lost_reply_lets_the_receiver_drop_one_by_its_event_id",
        ],
    ),
    ("network-02", &["a_reply_of_a_megabyte_that_breaks_in_its_middle_is_fetched_again"]),
    (
        "network-03",
        &["a_way_that_takes_twice_as_long_as_a_worker_may_be_silent_costs_no_living_worker_its_jobs"],
    ),
    ("network-04", &["an_entry_that_takes_longer_to_transfer_than_any_time_limit_arrives_all_the_same"]),
    (
        "network-05",
        &[
            "connections_that_die_without_a_sign_are_replaced_within_thirty_seconds",
            "a_silent_network_is_noticed_and_connected_anew",
        ],
    ),
    ("network-06", &["a_lost_reply_of_the_read_hides_no_job"]),
    (
        "network-07",
        &["a_producer_that_adds_again_after_a_lost_reply_lets_the_receiver_drop_one_by_its_event_id"],
    ),
    (
        "ha-01",
        &[
            "results_wait_while_too_few_replicas_are_there_and_nothing_is_sent_again",
            "a_sentinel_that_names_a_replica_is_not_believed",
        ],
    ),
    ("ha-02", &["a_killed_primary_is_followed_by_its_replica_and_nothing_replicated_is_lost"]),
    (
        "ha-03",
        &[
            "a_slot_that_moves_and_a_primary_that_dies_under_load_lose_nothing",
            "a_slot_that_is_half_way_is_written_to_and_read_from_where_its_keys_are",
        ],
    ),
    ("ha-04", &["a_slot_that_moves_and_a_primary_that_dies_under_load_lose_nothing"]),
    (
        "data-01",
        &[
            "a_flush_under_load_is_overcome_and_said",
            "what_was_in_flight_during_a_flush_ends_without_an_error",
        ],
    ),
    ("data-02", &["a_flush_of_another_database_is_not_noticed"]),
    ("data-03", &["a_backup_that_is_put_back_loses_none_of_its_jobs_and_the_loss_is_said"]),
    ("data-04", &["an_id_without_a_job_is_removed_and_holds_up_nobody"]),
    ("data-05", &["a_job_due_since_ever_is_sent_and_one_that_is_never_due_is_named_and_mended"]),
    ("data-06", &["a_waiting_job_whose_id_was_removed_is_named_and_sent_once_it_is_mended"]),
    ("data-07", &["a_second_job_of_an_id_that_waits_ends_as_duplicate_where_it_must_wait_too"]),
    (
        "data-08",
        &[
            "jobs_in_flight_end_by_their_answers_although_their_consumer_was_deleted",
            "entries_of_a_consumer_that_was_deleted_are_named_and_sent_once_they_are_mended",
        ],
    ),
    ("data-09", &["jobs_that_a_group_was_set_beyond_are_named_and_sent_once_they_are_mended"]),
    ("clock-01", &["a_clock_of_redis_that_steps_an_hour_ahead_brings_waiting_jobs_once_and_kills_nobody"]),
    ("clock-02", &["a_workers_clock_that_steps_an_hour_back_changes_no_wait_and_no_time_limit"]),
    (
        "security-01",
        &[
            "a_certificate_that_is_not_trusted_is_refused_with_its_cause",
            "a_certificate_for_another_name_is_refused_with_its_cause",
        ],
    ),
    (
        "security-02",
        &["no_tls_where_it_is_wanted_is_a_clear_error", "tls_where_none_is_spoken_is_a_clear_error"],
    ),
    ("security-03", &["the_password_of_redis_is_found_nowhere_whatever_happens"]),
];

/// Cases that no test plays, each with the reason.
const NOT_RUN: &[(&str, &str)] = &[];

#[derive(Deserialize)]
struct File {
    count: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
}

fn case_ids() -> Vec<String> {
    let file: File = serde_json::from_str(CASES).expect("the case file is JSON");
    assert_eq!(file.cases.len(), file.count, "the case file counts its own cases");
    file.cases.into_iter().map(|case| case.id).collect()
}

#[test]
fn every_case_is_shown_by_a_test_or_left_out_for_a_reason() {
    let ids = case_ids();
    let listed = SHOWN_BY.iter().map(|(id, _)| *id).chain(NOT_RUN.iter().map(|(id, _)| *id));
    let mut listed: Vec<&str> = listed.collect();
    listed.sort_unstable();
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected, "each id exactly once");
    assert!(SHOWN_BY.iter().all(|(_, tests)| !tests.is_empty()));
    assert!(NOT_RUN.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn every_test_that_is_named_exists() {
    let mut sources = String::new();
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e"), &mut sources);
    let named: BTreeSet<&str> = SHOWN_BY.iter().flat_map(|(_, tests)| tests.iter().copied()).collect();
    let missing: Vec<_> =
        named.into_iter().filter(|test| !sources.contains(&format!("async fn {test}()"))).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

/// What a document names in code marks that could be a test: a sentence of many words.
fn tests_named_in(document: &str) -> BTreeSet<&str> {
    let marked = document.split('`').skip(1).step_by(2);
    let is_sentence = |text: &&str| {
        text.matches('_').count() >= 4 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    marked.filter(is_sentence).collect()
}

#[test]
fn every_test_that_the_fault_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = std::fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let mut sources = String::new();
    for folder in ["tests/e2e", "crates/postrider-store/tests", "crates/postrider-producer/tests"] {
        read_all(&root.join(folder), &mut sources);
    }
    let named = tests_named_in(&document);
    assert!(named.len() > 30, "the table names only {} tests", named.len());
    let missing: Vec<_> =
        named.into_iter().filter(|test| !sources.contains(&format!("fn {test}()"))).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
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
