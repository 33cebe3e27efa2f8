//! Misskey's cases by number, and which test holds each.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How a case is dealt with.
enum Held {
    /// By this test.
    By(&'static str),
    /// Not at all, since there is nothing here that it could be about.
    Not(&'static str),
}
use Held::{By, Not};

const SYSTEM: &str = "system webhooks are of Misskey's administration; a job or an event of any type can be handed over for them";

/// UW: `UserWebhookService`, SW: `SystemWebhookService`, WT: `WebhookTestService`, AR: `AbuseReportNotificationService`,
/// CM: `CheckModeratorsActivityProcessorService`, E: the end-to-end tests of reports and sign-ups. Cases of system webhooks
/// are asked of user hooks where that makes sense.
const NUMBERED: [(&str, Held); 57] = [
    ("UW1", By("uw1_all_hooks_are_listed")),
    ("UW2", By("uw2_list_filters_by_switch")),
    ("UW3", By("uw3_list_filters_by_event")),
    ("UW4", By("uw4_list_filters_by_event_and_switch")),
    ("UW5", By("uw5_list_filters_by_ids")),
    ("UW6", By("uw6_list_filters_by_ids_and_switch")),
    ("UW7", By("uw7_an_active_hook_that_asked_gets_exactly_one_job")),
    ("UW8", By("uw8_an_inactive_hook_gets_none")),
    ("UW9", By("uw9_hooks_that_did_not_ask_get_none")),
    ("UW10", By("uw10_an_event_of_another_user_makes_none")),
    ("UW11", By("uw11_of_four_hooks_only_the_active_one_that_asked_gets_one")),
    ("SW1", By("uw1_all_hooks_are_listed")),
    ("SW2", By("uw2_list_filters_by_switch")),
    ("SW3", By("uw3_list_filters_by_event")),
    ("SW4", By("uw4_list_filters_by_event_and_switch")),
    ("SW5", By("uw5_list_filters_by_ids")),
    ("SW6", By("uw6_list_filters_by_ids_and_switch")),
    ("SW7", By("a_new_hook_is_stored_as_misskey_would_and_shown_with_its_secret")),
    ("SW8", By("an_update_changes_what_is_named_and_keeps_the_rest_and_its_order")),
    ("SW9", By("a_deleted_hook_is_gone_with_its_latest_attempt")),
    ("SW10", By("uw7_an_active_hook_that_asked_gets_exactly_one_job")),
    ("SW11", By("uw8_an_inactive_hook_gets_none")),
    ("SW12", By("uw9_hooks_that_did_not_ask_get_none")),
    ("SW13", By("uw11_of_four_hooks_only_the_active_one_that_asked_gets_one")),
    (
        "SW14",
        Not(
            "an event has no list of hooks to leave out: who must not get it is switched off, or gets jobs of their own",
        ),
    ),
    ("SW15", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW16", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW17", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW18", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW19", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW20", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("SW21", By("sw15_to_sw21_a_change_of_a_hook_holds_for_events_a_second_later")),
    ("WT1", By("wt1_a_note_is_dummy_note_1")),
    ("WT2", By("wt2_a_reply_is_dummy_reply_1")),
    ("WT3", By("wt3_a_renote_is_dummy_renote_1")),
    ("WT4", By("wt4_a_mention_is_dummy_mention_1")),
    ("WT5", By("wt5_who_is_followed_is_dummy_user_1")),
    ("WT6", By("wt6_a_follower_is_dummy_user_2")),
    ("WT7", By("wt7_who_is_unfollowed_is_dummy_user_3")),
    ("WT8", By("wt8_a_hook_of_someone_else_is_unknown")),
    ("WT9", Not(SYSTEM)),
    ("WT10", Not(SYSTEM)),
    ("WT11", Not(SYSTEM)),
    ("AR1", Not("who is to be told of a report is Misskey's to decide, before anything is handed over")),
    ("CM1", Not(SYSTEM)),
    ("CM2", Not(SYSTEM)),
    ("E1", By("e1_the_request_names_hook_type_and_payload")),
    ("E2", By("e2_two_events_are_two_requests_each_with_its_own_payload")),
    ("E3", By("e3_a_hook_that_asks_for_nothing_gets_nothing")),
    ("E4", By("e4_a_hook_that_asks_for_the_second_event_gets_that_alone")),
    ("E5", By("e5_a_hook_that_asks_for_the_first_event_gets_that_alone")),
    ("E6", By("e6_a_hook_that_asks_for_nothing_gets_none_of_two_events")),
    ("E7", By("e7_an_inactive_hook_gets_none_of_two_events")),
    ("E8", Not("recipients of notifications are Misskey's: it hands nothing over for an inactive one")),
    ("E9", By("e9_the_body_is_the_user_field_by_field")),
    ("E10", By("e10_what_happens_succeeds_where_no_hook_asked_for_it")),
    ("E11", By("e11_what_happens_succeeds_where_the_hook_is_inactive")),
];

/// What Misskey's tests leave out.
const LEFT_OUT: [(&str, &str); 24] = [
    ("2xx are successes, 202 and 204 too", "two_hundreds_are_delivered"),
    ("400 and 404 are dead at once", "other_four_hundreds_are_dead_at_once"),
    ("410 is dead", "a_registered_hook_gives_url_and_secret_and_gone_switches_it_off"),
    ("410 switches the hook off", "a_hook_that_answers_410_is_set_inactive"),
    ("429 and 5xx are retried", "unavailable_answers_wait_for_a_retry"),
    (
        "refused connections and names without an answer are retried",
        "silence_in_all_its_forms_waits_for_a_retry_with_status_zero",
    ),
    ("a timeout is retried", "an_answer_that_takes_longer_than_the_timeout_is_a_failure"),
    ("four attempts, then dead", "after_four_attempts_a_job_is_dead"),
    ("the wait is the base and at most a fifth more", "the_first_wait_is_the_base_and_at_most_a_fifth_more"),
    ("the waits grow by the formula", "waits_grow_as_misskeys_do"),
    ("the formula itself", "the_default_schedule_is_misskeys_formula"),
    ("event id, time and body stay the same", "a_retry_is_never_early_and_keeps_event_id_time_and_body"),
    ("the headers are exact", "the_request_is_misskeys_header_by_header"),
    ("an empty secret is sent", "a_hook_without_a_secret_sends_the_header_empty"),
    (
        "switched off between attempts",
        "a_hook_switched_off_between_attempts_gets_nothing_more_from_a_second_on",
    ),
    ("deleted between attempts", "a_job_whose_hook_was_deleted_meanwhile_ends_dead"),
    ("edited between attempts", "a_job_that_waits_is_sent_to_its_hooks_new_url"),
    ("no redirect is followed", "a_redirect_is_a_failure_and_never_followed"),
    ("the secret never goes to another host", "a_redirect_to_another_host_never_takes_the_secret_there"),
    ("blocked addresses, v4, v6 and mapped", "blocked_addresses_are_dead_and_never_connected_to"),
    ("what the allow-list opens", "a_name_is_looked_up_whole_unless_the_operator_opened_it"),
    (
        "a worker killed in the middle of a request",
        "a_worker_killed_in_the_middle_of_a_request_leaves_the_event_to_another",
    ),
    ("no answer is status 0", "silence_is_latest_status_zero"),
    ("a test send is one attempt", "a_test_writes_nothing_and_asks_once"),
];

#[test]
fn every_case_has_its_line() {
    let counts = [("UW", 11), ("SW", 21), ("WT", 11), ("AR", 1), ("CM", 2), ("E", 11)];
    let expected: BTreeSet<String> = counts
        .iter()
        .flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number}")))
        .collect();
    let listed: BTreeSet<String> = NUMBERED.iter().map(|(number, _)| (*number).to_owned()).collect();
    assert_eq!(listed, expected);
    assert_eq!(NUMBERED.len(), expected.len(), "a case is listed twice");
}

#[test]
fn every_test_that_is_named_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace");
    let mut sources = String::new();
    for folder in ["tests/e2e", "crates"] {
        read_all(&root.join(folder), &mut sources);
    }
    let named = NUMBERED.iter().map(|(number, held)| match held {
        By(test) => (*number, Some(*test)),
        Not(reason) => {
            assert!(!reason.is_empty(), "{number}: a reason is missing");
            (*number, None)
        }
    });
    for (case, test) in named.chain(LEFT_OUT.iter().map(|(case, test)| (*case, Some(*test)))) {
        let Some(test) = test else { continue };
        assert!(sources.contains(&format!("fn {test}(")), "{case}: there is no test {test}");
    }
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).expect("a source file is text"));
        }
    }
}
