//! Each guard of the protocol is there for something: without it, the model finds what it says.

use stateright::{Checker, HasDiscoveries, Model};

use crate::guard::Guard;
use crate::model::Protocol;
use crate::properties as p;
use crate::scenario::{Fault, Scenario};

/// Removes the guard, and shows how the property breaks then.
fn check(guard: Guard, scenario: Scenario, broken: &'static str) {
    let model = Protocol::new(scenario.without(guard));
    let checker = model.checker().finish_when(HasDiscoveries::AnyOf([broken].into())).spawn_bfs().join();
    let states = checker.unique_state_count();
    let Some(path) = checker.discovery(broken) else {
        panic!(
            "without {guard:?}, {broken:?} holds in all {states} states; others: {:?}",
            checker.discoveries().keys()
        )
    };
    println!("without {guard:?}, not so: {broken} (found in {states} states)");
    for (step, action) in path.into_actions().into_iter().enumerate() {
        println!("{:>4}. {action:?}", step + 1);
    }
}

/// One job, and so many faults of these kinds.
fn one_job(faults: u8, kinds: &[Fault]) -> Scenario {
    Scenario::of(&[0], faults).with(kinds)
}

/// Two jobs of different ids.
fn two_jobs(faults: u8, kinds: &[Fault]) -> Scenario {
    Scenario { max_attempts: 1, ..Scenario::of(&[0, 1], faults).with(kinds) }
}

/// Two jobs of one id.
fn twins(faults: u8, kinds: &[Fault]) -> Scenario {
    Scenario::of(&[0, 0], faults).with(kinds)
}

#[test]
fn leaving_the_old_home_first_loses_jobs() {
    check(Guard::NewHomeFirst, one_job(0, &[]), p::NOTHING_LOST);
}

#[test]
fn a_promotion_in_two_steps_loses_jobs() {
    check(Guard::PromotionIsOneStep, one_job(0, &[]), p::NOTHING_LOST);
}

#[test]
fn a_promoted_job_that_waits_on_is_in_two_states() {
    check(Guard::PromotionEndsTheWait, one_job(0, &[]), p::ONE_STATE);
    check(Guard::PromotionEndsTheWait, one_job(0, &[]), p::REQUESTS_BOUNDED);
}

#[test]
fn a_zombie_schedules_what_is_anothers_if_nobody_asks() {
    check(Guard::RetryIsTheOwners, one_job(1, &[Fault::Pause]), p::OWNERS_MOVE);
}

#[test]
fn a_zombie_buries_what_is_anothers_if_nobody_asks() {
    check(Guard::BurialIsTheOwners, one_job(1, &[Fault::Pause]), p::OWNERS_MOVE);
}

#[test]
fn a_zombie_gives_back_what_is_anothers_if_nobody_asks() {
    check(Guard::GiveBackIsTheOwners, one_job(1, &[Fault::Pause]), p::OWNERS_MOVE);
}

#[test]
fn what_a_zombie_delivered_is_sent_again_if_its_success_is_refused() {
    check(Guard::SuccessIsAnyones, one_job(1, &[Fault::Pause]), p::TOLD_IS_OVER);
}

#[test]
fn what_a_zombie_delivered_is_sent_again_if_its_wait_goes_on() {
    check(Guard::SuccessEndsTheWait, one_job(1, &[Fault::Pause]), p::TOLD_IS_OVER);
}

#[test]
fn a_success_that_ends_any_wait_of_its_id_loses_another_job() {
    check(Guard::SuccessKnowsItsEntry, twins(1, &[Fault::Pause]), p::NOTHING_LOST);
}

#[test]
fn a_waiting_job_that_is_written_over_is_lost() {
    check(Guard::OneWaitsPerId, twins(0, &[]), p::NOTHING_LOST);
}

#[test]
fn a_settlement_repeated_blindly_schedules_twice() {
    check(Guard::SettlingTwiceIsOnce, one_job(1, &[Fault::LostReply]), p::ONE_STATE);
}

#[test]
fn a_worker_that_is_back_is_robbed_if_its_beat_is_not_compared() {
    check(Guard::TakeOverComparesBeats, one_job(1, &[Fault::CutOff]), p::LIVING_KEEP);
}

#[test]
fn a_worker_that_is_presumed_dead_too_soon_is_robbed() {
    check(Guard::DeathTakesSilence, one_job(0, &[]), p::LIVING_KEEP);
}

#[test]
fn whoever_is_back_first_after_an_outage_robs_the_other_if_it_forgets_that_it_was_away_itself() {
    check(Guard::OutageKillsNobody, one_job(2, &[Fault::CutOff]), p::LIVING_KEEP);
}

#[test]
fn who_was_found_dead_before_an_outage_is_robbed_after_it_if_that_is_not_forgotten() {
    check(Guard::GapEndsVerdicts, one_job(2, &[Fault::CutOff]), p::LIVING_KEEP);
}

#[test]
fn a_consumer_without_any_beat_keeps_its_jobs_for_ever_if_only_beats_are_watched() {
    check(Guard::WithoutABeatIsDeadToo, one_job(1, &[Fault::Pause]), p::ENDS_WHEN_ACCEPTED);
}

#[test]
fn jobs_vanish_with_a_consumer_that_is_removed_after_one_batch() {
    check(Guard::RemovalNeedsEmptyHands, two_jobs(1, &[Fault::Crash]), p::ENDS_WHEN_ACCEPTED);
}

#[test]
fn a_lost_reply_hides_a_job_for_ever_if_the_consumer_signs_off_with_it() {
    let faults = [Fault::LostReply, Fault::Drain];
    check(Guard::SignOffNeedsEmptyHands, one_job(2, &faults), p::ENDS_WHEN_ACCEPTED);
}

#[test]
fn a_worker_without_a_fence_starts_what_is_anothers() {
    check(Guard::FenceStopsStarts, one_job(1, &[Fault::CutOff]), p::OWNERS_START);
    check(Guard::FenceStopsStarts, one_job(1, &[Fault::Pause]), p::FENCED_START_NOTHING);
}

#[test]
fn a_worker_without_a_fence_leases_before_its_first_beat() {
    check(Guard::FenceStopsLeases, one_job(0, &[]), p::FENCED_LEASE_NOTHING);
}

#[test]
fn what_was_leased_before_a_gap_may_be_anothers_after_it() {
    check(Guard::GapEndsLeases, one_job(1, &[Fault::Pause]), p::OWNERS_START);
    check(Guard::GapEndsLeases, one_job(1, &[Fault::CutOff]), p::OWNERS_START);
}

#[test]
fn a_job_that_kills_its_workers_goes_on_for_ever_if_losses_are_not_counted() {
    check(Guard::LossIsCounted, one_job(2, &[Fault::Crash]), p::LIMIT_HOLDS);
}

#[test]
fn a_loss_that_is_counted_twice_makes_poison_of_a_good_job() {
    let world = one_job(3, &[Fault::Crash, Fault::LostReply]);
    check(Guard::LossIsCountedOnce, Scenario { max_crashes: 3, ..world }, p::NO_EARLY_POISON);
}

#[test]
fn a_zombie_that_counts_a_loss_robs_the_living() {
    let faults = [Fault::Crash, Fault::Pause];
    check(Guard::LossIsCountedByTheOwner, one_job(2, &faults), p::LIVING_KEEP);
}

#[test]
fn one_loss_is_no_poison() {
    check(Guard::PoisonTakesSeveral, one_job(1, &[Fault::Crash]), p::NO_EARLY_POISON);
}

#[test]
fn a_group_made_at_the_end_leaves_what_was_there() {
    check(Guard::GroupBeginsAtZero, one_job(1, &[Fault::GroupLost]), p::ENDS_WHEN_ACCEPTED);
}

#[test]
fn a_job_whose_reply_was_lost_waits_for_ever_if_nobody_looks() {
    check(Guard::LostRepliesAreFound, one_job(1, &[Fault::LostReply]), p::ENDS_WHEN_ACCEPTED);
}

#[test]
fn what_is_held_and_found_again_is_started_twice() {
    check(Guard::HeldIsNotAdmittedAgain, one_job(0, &[]), p::STARTED_ONCE);
}
