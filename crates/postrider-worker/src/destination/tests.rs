use postrider_core::entry_id::EntryId;

use super::away::MAX_SENT_AWAY;
use super::*;
use crate::dispatcher::LeaseId;

const PATIENCE: Duration = Duration::from_secs(3600);

const ALL: Limits = Limits { max_in_flight: 4, rate: None };

fn id(number: u64) -> LeaseId {
    LeaseId { queue: 0, entry: EntryId { millis: number, sequence: 0 } }
}

fn idle() -> Destination<u32> {
    Destination::new("https://x.example")
}

fn end(answer: Answer, started: Instant) -> End {
    End { answer, started, bytes: 0, roll: 0.0 }
}

fn failed() -> Answer {
    Answer::Failed("it fails".into())
}

fn make(destination: &mut Destination<u32>, answer: Answer, took: Duration, now: Instant) -> Option<Change> {
    destination.start(0, ALL, now);
    destination.finish(end(answer, now), ALL, now + took)
}

fn tripped(now: Instant) -> Destination<u32> {
    let mut destination = idle();
    let begun = now - Duration::from_secs(5);
    destination.start(0, ALL, begun);
    let first = destination.finish(end(failed(), begun), ALL, begun);
    let later = (1..20).filter_map(|_| make(&mut destination, failed(), Duration::ZERO, now));
    assert_eq!(first.into_iter().chain(later).count(), 1);
    destination
}

#[test]
fn openings_come_one_after_another_up_to_a_limit() {
    let now = Instant::now();
    let mut destination = idle();
    make(&mut destination, Answer::Works, Duration::from_secs(64), now);
    let waits: Vec<_> = (0..4).map(|_| destination.next_opening(ALL, PATIENCE, now).as_secs()).collect();
    assert_eq!(waits, [2, 4, 6, 8]);
    let last = (0..1000).map(|_| destination.next_opening(ALL, PATIENCE, now)).last().unwrap();
    assert_eq!(last, MAX_DEFERRAL);
}

#[test]
fn a_line_that_stands_still_is_dissolved() {
    let now = Instant::now();
    let mut destination = idle();
    destination.line_up(1, now);
    destination.line_up(2, now + MAX_TIME_IN_LINE);
    let later = now + MAX_TIME_IN_LINE + Duration::from_millis(1);
    assert_eq!(destination.take_overdue(ALL, later), [1]);
    assert_eq!(destination.next_in_line(), Some(2));
}

#[test]
fn a_line_is_dissolved_from_where_on_silence_would_make_it_too_long() {
    let now = Instant::now();
    let mut destination = idle();
    destination.start(0, ALL, now);
    (0..8).for_each(|number| destination.line_up(number, now));
    destination.learn_from_running(now, now + Duration::from_millis(80));
    assert_eq!(destination.take_overdue(ALL, now), [0; 0]);
    destination.learn_from_running(now, now + Duration::from_millis(160));
    assert_eq!(destination.take_overdue(ALL, now), [5, 6, 7], "one in 40 ms has its turn");
}

#[test]
fn one_that_nothing_says_answers_gets_a_few_requests_until_it_does() {
    let now = Instant::now();
    let wide = Limits { max_in_flight: 64, rate: None };
    let mut destination = idle();
    (0..MAX_UNPROVEN).for_each(|_| destination.start(0, wide, now));
    assert_eq!(destination.permit(wide, false, now), Permit::Granted);
    destination.learn_from_running(now, now + UNPROVEN_AFTER);
    assert_eq!(destination.permit(wide, false, now), Permit::InLine);
    destination.finish(end(Answer::Works, now), wide, now + Duration::from_secs(1));
    assert_eq!(destination.permit(wide, false, now), Permit::Granted);
    (0..MAX_UNPROVEN).for_each(|_| destination.start(0, wide, now));
    destination.learn_from_running(now + Duration::from_secs(2), now + Duration::from_millis(2500));
    assert_eq!(destination.permit(wide, false, now), Permit::Granted, "who has answered may be slow");
}

#[test]
fn jobs_that_were_sent_away_are_recalled_in_order_when_there_is_room() {
    let now = Instant::now();
    let mut destination = idle();
    for number in 0..5 {
        let job_id = format!("j{number}").into();
        destination.remember(SentAway { job_id, id: id(number), back_at: now + PATIENCE }, now);
    }
    (0..4).for_each(|_| destination.start(0, ALL, now));
    assert!(destination.take_recalled(0, ALL, now).is_empty());
    let later = now + Duration::from_secs(80);
    for _ in 0..3 {
        destination.finish(end(Answer::Works, now), ALL, later);
    }
    let recalled = destination.take_recalled(0, ALL, later);
    assert_eq!(recalled.iter().map(|job| &*job.job_id).collect::<Vec<_>>(), ["j0", "j1", "j2"]);
    assert_eq!(destination.take_sent_away(0).len(), 2);
}

#[test]
fn those_that_came_back_by_themselves_make_room_for_others() {
    let now = Instant::now();
    let mut destination = idle();
    let away =
        |number: u64, back_at| SentAway { job_id: format!("j{number}").into(), id: id(number), back_at };
    let later = now + Duration::from_secs(1);
    (0..1_500).for_each(|number| destination.remember(away(number, later), now));
    assert_eq!(destination.remembered(), MAX_SENT_AWAY);
    destination.remember(away(2_000, later + PATIENCE), later);
    let remembered: Vec<_> =
        destination.take_sent_away(0).into_iter().map(|job| job.id.entry.millis).collect();
    assert_eq!(remembered, [2_000]);
}

#[test]
fn a_quick_destination_has_a_short_wait() {
    let now = Instant::now();
    let mut destination = idle();
    make(&mut destination, Answer::Works, Duration::from_millis(8), now);
    let alone = Limits { max_in_flight: 1, rate: None };
    assert!(destination.expected_wait(alone, now) <= Duration::from_millis(1));
    assert!(destination.is_idle(ALL, now));
}

#[test]
fn a_tripped_destination_gets_one_request_after_its_wait_and_all_after_an_answer() {
    let now = Instant::now();
    let mut destination = tripped(now);
    assert_eq!(destination.permit(ALL, false, now), Permit::Tripped);
    let later = now + Duration::from_secs(1);
    assert_eq!(destination.permit(ALL, false, later), Permit::Granted);
    destination.start(0, ALL, later);
    assert_eq!(destination.permit(ALL, false, later), Permit::Tripped, "one probe at a time");
    assert_eq!(destination.finish(end(Answer::Works, later), ALL, later), Some(Change::Flows));
    destination.start(0, ALL, later);
    assert_eq!(
        destination.permit(ALL, false, later),
        Permit::InLine,
        "after an outage it begins with one at a time"
    );
    destination.finish(end(Answer::Works, later), ALL, later);
    destination.start(0, ALL, later);
    assert_eq!(destination.permit(ALL, false, later), Permit::Granted);
}

#[test]
fn a_job_that_was_held_up_long_enough_is_sent_to_a_tripped_destination_too() {
    let now = Instant::now();
    let mut destination = tripped(now);
    assert_eq!(destination.permit(ALL, true, now), Permit::Granted);
    destination.start(0, ALL, now);
    assert_eq!(destination.permit(ALL, true, now), Permit::InLine, "but one at a time");
}

#[test]
fn a_breaker_holds_no_job_up_beyond_its_patience() {
    let now = Instant::now();
    let mut destination = tripped(now);
    let millis = Duration::from_millis;
    assert_eq!(destination.next_opening(ALL, millis(300), now), millis(300));
    let waits: Vec<_> =
        (0..3).map(|_| destination.next_opening(ALL, Duration::ZERO, now).as_millis()).collect();
    assert_eq!(waits, [50, 60, 70]);
}

#[test]
fn jobs_of_a_tripped_destination_come_back_after_its_wait_and_not_together() {
    let now = Instant::now();
    let mut destination = tripped(now);
    let waits: Vec<_> = (0..3).map(|_| destination.next_opening(ALL, PATIENCE, now).as_millis()).collect();
    assert_eq!(waits, [1000, 1010, 1020]);
    destination.remember(SentAway { job_id: "j".into(), id: id(1), back_at: now + PATIENCE }, now);
    assert!(destination.take_recalled(0, ALL, now).is_empty(), "nothing is called back to it");
}

#[test]
fn a_destination_that_lets_requests_wait_is_a_stranger_until_it_answers() {
    let now = Instant::now();
    let mut destination = idle();
    make(&mut destination, Answer::Works, Duration::ZERO, now);
    let (started, later) = (now + Duration::from_millis(1), now + SILENT_AFTER * 2);
    (0..2).for_each(|_| destination.start(0, ALL, started));
    assert!(!destination.is_stranger());
    destination.learn_from_running(started, later);
    assert!(destination.is_stranger());
    // Jobs that were taken over from a lost worker must not wait for those that hang here.
    assert_eq!(destination.permit(ALL, false, later), Permit::Granted);
    destination.finish(end(Answer::Works, started), ALL, later);
    assert!(!destination.is_stranger());
}

#[test]
fn a_destination_that_is_always_slow_is_not_silent() {
    let now = Instant::now();
    let mut destination = idle();
    for _ in 0..20 {
        make(&mut destination, Answer::Works, Duration::from_secs(3), now);
    }
    destination.start(0, ALL, now + Duration::from_secs(3));
    destination.learn_from_running(now + Duration::from_secs(3), now + Duration::from_secs(7));
    assert_eq!(destination.permit(ALL, false, now), Permit::Granted);
    assert!(!destination.is_stranger());
}

#[test]
fn an_overload_halves_what_a_destination_gets_and_a_failure_does_not() {
    let now = Instant::now();
    let limit_after = |answer: Answer| {
        let mut destination = idle();
        make(&mut destination, answer, Duration::ZERO, now);
        destination.view("x", ALL, now).limit
    };
    assert_eq!(limit_after(failed()), 4);
    assert_eq!(limit_after(Answer::Overloaded("503".into())), 2);
}

#[test]
fn the_smaller_limit_holds_and_a_hook_that_was_not_looked_up_gets_one_request() {
    let now = Instant::now();
    let mut destination: Destination<u32> = Destination::new("u\nh");
    destination.start(0, ALL, now);
    assert_eq!(destination.permit(ALL, false, now), Permit::InLine);
    assert!(destination.learn_limits(Some(Limits { max_in_flight: 2, rate: Some(1000.0) })));
    assert_eq!(destination.permit(ALL, false, now), Permit::Granted);
    destination.start(0, ALL, now);
    assert_eq!(destination.permit(ALL, false, now), Permit::InLine);
    assert!(!destination.learn_limits(Some(Limits { max_in_flight: 2, rate: Some(1000.0) })));
    assert!(destination.learn_limits(None));
    assert_eq!(destination.permit(ALL, false, now), Permit::Granted);
}

#[test]
fn a_rate_spaces_starts_and_openings() {
    let now = Instant::now();
    let limits = Limits { max_in_flight: 4, rate: Some(10.0) };
    let mut destination = idle();
    destination.start(0, limits, now);
    assert_eq!(destination.permit(limits, false, now), Permit::After(Duration::from_millis(100)));
    let waits: Vec<_> = (0..3).map(|_| destination.next_opening(limits, PATIENCE, now).as_millis()).collect();
    assert_eq!(waits, [100, 200, 300]);
}

#[test]
fn large_jobs_of_one_destination_leave_memory_to_others() {
    let mut destination = idle();
    assert!(destination.has_room_for(900, 800), "one always has");
    destination.start(500, ALL, Instant::now());
    assert!(destination.has_room_for(300, 800) && !destination.has_room_for(301, 800));
}

#[test]
fn a_reset_forgets_that_it_failed() {
    let now = Instant::now();
    let mut destination = tripped(now);
    assert!(!destination.is_idle(ALL, now) && destination.is_unused());
    destination.reset();
    assert_eq!(destination.permit(ALL, false, now), Permit::Granted);
    assert!(destination.is_idle(ALL, now));
}
