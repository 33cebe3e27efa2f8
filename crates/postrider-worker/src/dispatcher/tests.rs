use proptest::prelude::*;

use super::strangers::{MAX_WAIT_OF_STRANGERS, PATIENT_AFTER, STRANGER_PATIENT_AFTER};
use super::*;
use crate::destination::{Change, SentAway};

pub(super) fn bounds() -> Bounds {
    Bounds { slots: 8, max_patient: 32, max_in_flight: 3, rate: None, max_bytes: 100_000 }
}

pub(super) fn id(number: u64) -> LeaseId {
    LeaseId { queue: 0, entry: EntryId { millis: number, sequence: 0 } }
}

pub(super) fn ticket(number: u64, destination: &str, suspect: bool) -> Ticket<u64> {
    Ticket {
        id: id(number),
        destination: destination.into(),
        bytes: 100,
        suspect,
        patience: Duration::from_secs(60),
        job: number,
    }
}

fn answers() -> [Answer; 5] {
    let why = || "it fails".into();
    [Answer::Works, Answer::None, Answer::Failed(why()), Answer::Overloaded(why()), Answer::Silence(why())]
}

#[derive(Clone, Debug)]
enum Step {
    Read(Vec<(u8, bool)>),
    Finish(usize),
    Settle(usize),
    Wait(u16),
    Sweep,
    GiveBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec((0_u8..4, proptest::bool::weighted(0.1)), 0..8).prop_map(Step::Read),
        4 => any::<usize>().prop_map(Step::Finish),
        4 => any::<usize>().prop_map(Step::Settle),
        2 => (0_u16..1000).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
        1 => Just(Step::GiveBack),
    ]
}

/// A request that is under way.
#[derive(Clone)]
struct Under {
    entry: LeaseId,
    destination: Arc<str>,
    started: Instant,
    is_stranger: bool,
    is_patient: bool,
}

/// What a caller sees of a dispatcher, and what must hold of it.
struct Watcher {
    dispatcher: Dispatcher<u64>,
    now: Instant,
    next: u64,
    running: Vec<Under>,
    suspects_running: HashSet<LeaseId>,
    unsettled: Vec<LeaseId>,
    started_ever: HashSet<LeaseId>,
}

impl Watcher {
    fn new() -> Self {
        Self {
            dispatcher: Dispatcher::new(bounds()),
            now: Instant::now(),
            next: 0,
            running: Vec::new(),
            suspects_running: HashSet::new(),
            unsettled: Vec::new(),
            started_ever: HashSet::new(),
        }
    }

    fn moved(&mut self, moves: Vec<Placement<u64>>) {
        for placement in moves {
            let ticket = match placement {
                Placement::Start(ticket) => ticket,
                Placement::Kept | Placement::KeptUntil => continue,
                Placement::Defer(ticket, wait) => {
                    assert!(wait <= Duration::from_secs(60));
                    self.unsettled.push(ticket.id);
                    continue;
                }
            };
            assert!(self.started_ever.insert(ticket.id), "an entry was started twice");
            let (entry, destination) = (ticket.id, ticket.destination.clone());
            let is_stranger = self.dispatcher.running[&entry].is_stranger;
            self.running.push(Under {
                entry,
                destination,
                started: self.now,
                is_stranger,
                is_patient: false,
            });
            let there = self.running.iter().filter(|run| run.destination == ticket.destination).count();
            assert!(there <= bounds().max_in_flight, "more requests than the destination takes");
            if ticket.suspect {
                self.suspects_running.insert(ticket.id);
            }
        }
        let in_slots = self.running.iter().filter(|run| !run.is_patient).count();
        assert!(in_slots <= bounds().slots, "more requests than slots");
        assert!(self.suspects_running.len() <= 1, "two suspects at a time");
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Read(jobs) => self.read(jobs),
            Step::Finish(nth) if !self.running.is_empty() => {
                let entry = self.running.remove(nth % self.running.len()).entry;
                self.suspects_running.remove(&entry);
                self.unsettled.push(entry);
                let answer = answers()[nth % answers().len()].clone();
                let finished = self.dispatcher.finish(entry, self.now, answer, 0.5);
                self.moved(finished.moves);
            }
            Step::Settle(nth) if !self.unsettled.is_empty() => {
                let entry = self.unsettled.remove(nth % self.unsettled.len());
                self.dispatcher.settled(entry);
                assert!(!self.dispatcher.holds(entry));
            }
            Step::Wait(ms) => self.now += Duration::from_millis(ms.into()),
            Step::Sweep => {
                for run in &mut self.running {
                    let after = if run.is_stranger { STRANGER_PATIENT_AFTER } else { PATIENT_AFTER };
                    run.is_patient |= self.now - run.started >= after;
                }
                let moves = self.dispatcher.sweep(self.now);
                self.moved(moves);
            }
            Step::GiveBack => {
                let back = self.dispatcher.give_back_unstarted(0);
                self.unsettled.extend(back.iter().map(|ticket| ticket.id));
            }
            Step::Finish(_) | Step::Settle(_) => {}
        }
    }

    fn read(&mut self, jobs: Vec<(u8, bool)>) {
        let room = self.dispatcher.reserve(0, self.now);
        let jobs: Vec<_> = jobs.into_iter().take(room.count).collect();
        self.dispatcher.release(0, room, jobs.len());
        for (destination, suspect) in jobs {
            self.next += 1;
            let ticket = ticket(self.next, &format!("d{destination}"), suspect);
            let placement = self.dispatcher.admit(ticket, self.now);
            self.moved(vec![placement]);
        }
    }

    /// Everything that was read is somewhere, and nothing is left once all has ended.
    fn drain(mut self) {
        while let Some(Under { entry, .. }) = self.running.first().cloned() {
            self.take(Step::Finish(0));
            assert!(self.dispatcher.holds(entry));
        }
        self.take(Step::GiveBack);
        while !self.unsettled.is_empty() {
            self.take(Step::Settle(0));
        }
        assert_eq!(
            (self.dispatcher.in_flight(0), self.dispatcher.unsettled(0), self.dispatcher.bytes),
            (0, 0, 0)
        );
        assert!((1..=self.next).all(|number| !self.dispatcher.holds(id(number))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn events_in_any_order_never_exceed_the_slots_and_lose_no_job(steps in proptest::collection::vec(step(), 0..120)) {
        let mut watcher = Watcher::new();
        for step in steps {
            watcher.take(step);
        }
        watcher.drain();
    }
}

#[test]
fn one_destination_gets_no_more_than_its_share() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let placements: Vec<_> = (0..5).map(|number| dispatcher.admit(ticket(number, "a", false), now)).collect();
    assert!(placements[..3].iter().all(|placement| matches!(placement, Placement::Start(_))));
    assert!(placements[3..].iter().all(|placement| matches!(placement, Placement::Kept)));
    assert!(matches!(dispatcher.admit(ticket(9, "b", false), now), Placement::Start(_)));
}

#[test]
fn jobs_for_a_slow_destination_are_sent_away_and_hold_no_slot() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    for number in 0..4 {
        let _ = dispatcher.admit(ticket(number, "a", false), now);
    }
    let later = now + Duration::from_secs(2);
    assert!(matches!(&dispatcher.sweep(later)[..], [Placement::Defer(_, _)]));
    assert!(matches!(dispatcher.admit(ticket(9, "a", false), later), Placement::Defer(_, _)));
    assert_eq!(dispatcher.in_flight(0), 3);
}

#[test]
fn requests_that_wait_for_long_leave_their_slots_to_others() {
    let mut dispatcher = Dispatcher::new(Bounds { max_in_flight: 8, ..bounds() });
    let now = Instant::now();
    for number in 0..8 {
        assert!(matches!(dispatcher.admit(ticket(number, "slow", false), now), Placement::Start(_)));
    }
    assert!(matches!(dispatcher.admit(ticket(8, "quick", false), now), Placement::Kept));
    let moves = dispatcher.sweep(now + PATIENT_AFTER);
    assert!(matches!(&moves[..], [Placement::Start(next)] if next.job == 8), "{moves:?}");
    assert_eq!((dispatcher.in_flight(0), dispatcher.reserve(0, now).count), (9, 7));
}

#[test]
fn strangers_leave_slots_to_those_that_answer_however_many_they_are() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let _ = dispatcher.admit(ticket(0, "friend", false), now);
    dispatcher.finish(id(0), now, Answer::Works, 0.0);
    let placements: Vec<_> =
        (1..=8).map(|number| dispatcher.admit(ticket(number, &format!("s{number}"), false), now)).collect();
    let started = placements.iter().filter(|placement| matches!(placement, Placement::Start(_))).count();
    assert_eq!(started, 6, "three slots in four");
    assert!(matches!(placements[7], Placement::Kept));
    assert_eq!(
        dispatcher.reserve(0, now),
        Room { count: 2, reserved: 2, waits: true },
        "others may be behind them"
    );
    dispatcher.release(0, Room { count: 2, reserved: 2, waits: true }, 2);
    assert!(matches!(dispatcher.admit(ticket(9, "friend", false), now), Placement::Start(_)));
    let next = dispatcher.finish(id(1), now, Answer::Works, 0.0).moves;
    assert!(matches!(&next[..], [Placement::Start(next)] if next.job == 7), "{next:?}");
    let gone = dispatcher.sweep(now + MAX_WAIT_OF_STRANGERS * 2);
    assert!(matches!(&gone[..], [Placement::Defer(gone, _)] if gone.job == 8), "{gone:?}");
    let later = now + STRANGER_PATIENT_AFTER;
    dispatcher.sweep(later);
    assert!(matches!(dispatcher.admit(ticket(10, "s10", false), later), Placement::Start(_)));
}

#[test]
fn strangers_get_all_slots_where_nobody_else_has_answered() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    for number in 0..8 {
        let placement = dispatcher.admit(ticket(number, &format!("s{number}"), false), now);
        assert!(matches!(placement, Placement::Start(_)));
    }
}

#[test]
fn requests_that_wait_for_long_are_bounded_too() {
    let mut dispatcher = Dispatcher::new(Bounds { max_in_flight: 8, ..bounds() });
    let mut now = Instant::now();
    for number in 0..100 {
        let _ = dispatcher.admit(ticket(number, &format!("d{number}"), false), now);
        now += PATIENT_AFTER;
        dispatcher.sweep(now);
    }
    assert_eq!(dispatcher.in_flight(0), 8 + 32);
}

#[test]
fn a_destination_with_a_rate_gets_its_jobs_one_by_one() {
    let mut dispatcher = Dispatcher::new(Bounds { rate: Some(10.0), ..bounds() });
    let now = Instant::now();
    let at = |millis| now + Duration::from_millis(millis);
    assert!(matches!(dispatcher.admit(ticket(1, "a", false), now), Placement::Start(_)));
    assert!(matches!(dispatcher.admit(ticket(2, "a", false), now), Placement::KeptUntil));
    assert!(matches!(dispatcher.admit(ticket(3, "a", false), now), Placement::Kept));
    assert!(matches!(dispatcher.admit(ticket(4, "a", false), now), Placement::Defer(_, _)));
    assert_eq!(dispatcher.next_opening(), Some(at(100)));
    assert!(dispatcher.open_lines(at(99)).is_empty());
    for (millis, job) in [(100, 2), (200, 3)] {
        let moves = dispatcher.open_lines(at(millis));
        assert!(matches!(&moves[..], [Placement::Start(next)] if next.job == job), "{moves:?}");
    }
    assert_eq!(dispatcher.next_opening(), None);
}

#[test]
fn a_hook_gets_one_request_until_its_limits_are_known() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let placements: Vec<_> =
        (0..5).map(|number| dispatcher.admit(ticket(number, "u\nh", false), now)).collect();
    assert!(matches!(&placements[..2], [Placement::Start(_), Placement::Kept]));
    let own = Limits { max_in_flight: 2, rate: None };
    let moves = dispatcher.learn_limits(&"u\nh".into(), Some(own), now);
    assert!(matches!(&moves[..], [Placement::Start(next)] if next.job == 1), "{moves:?}");
    assert_eq!(dispatcher.learn_limits(&"u\nh".into(), None, now).len(), 1, "the limit of all is three");
}

#[test]
fn a_queue_whose_results_cannot_be_written_holds_up_no_other() {
    let mut dispatcher: Dispatcher<u64> = Dispatcher::of_queues(bounds(), Order::Strict, &[1, 1]);
    let now = Instant::now();
    for queue in [0, 1] {
        let room = dispatcher.reserve(queue, now);
        dispatcher.release(queue, room, 1);
    }
    assert_eq!(dispatcher.reserve(1, now).count, 0, "it is the other's turn");
    for number in 0..bounds().max_unsettled() as u64 {
        dispatcher.hold_finished(id(number));
    }
    assert_eq!(dispatcher.reserve(0, now).count, 0);
    assert_eq!(dispatcher.reserve(1, now).count, 8);
}

#[test]
fn large_jobs_of_one_destination_leave_memory_to_others() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let large = |number| Ticket { bytes: 20_000, ..ticket(number, "a", false) };
    assert!(matches!(dispatcher.admit(large(1), now), Placement::Start(_)));
    assert!(matches!(dispatcher.admit(large(2), now), Placement::Kept), "a quarter of the memory is 25,000");
    assert!(matches!(dispatcher.admit(ticket(3, "b", false), now), Placement::Start(_)));
}

#[test]
fn a_destination_that_fails_is_news_once_and_when_it_works_again() {
    let mut dispatcher = Dispatcher::new(bounds());
    let mut now = Instant::now();
    let mut news = Vec::new();
    for number in 0..40 {
        now += Duration::from_secs(60);
        assert!(matches!(dispatcher.admit(ticket(number, "u\nh", false), now), Placement::Start(_)));
        let entry = id(number);
        let answer = if number < 30 { Answer::Failed("it fails".into()) } else { Answer::Works };
        news.extend(dispatcher.finish(entry, now, answer, 0.0).news);
    }
    let told: Vec<_> = news.iter().map(|news| (&*news.destination, news.change)).collect();
    assert_eq!(told, [("u/h", Change::Tripped), ("u/h", Change::Flows)]);
}

#[test]
fn those_that_are_held_back_are_shown_first() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    for (number, destination) in [(1, "busy"), (2, "idle"), (3, "overloaded")] {
        let _ = dispatcher.admit(ticket(number, destination, false), now);
    }
    dispatcher.finish(id(2), now, Answer::Works, 0.0);
    dispatcher.finish(id(3), now, Answer::Overloaded("503".into()), 0.0);
    let names: Vec<_> = dispatcher.survey(0, 9, now).into_iter().map(|view| view.name).collect();
    assert_eq!(names, ["overloaded", "busy"]);
    assert_eq!((dispatcher.reset(Some("overloaded")), dispatcher.reset(None)), (1, 3));
    assert_eq!(dispatcher.survey(0, 1, now)[0].name, "busy");
}

#[test]
fn a_large_entry_makes_the_next_reads_small() {
    let mut dispatcher: Dispatcher<u64> = Dispatcher::new(bounds());
    let now = Instant::now();
    dispatcher.note_size(60_000);
    assert_eq!(dispatcher.reserve(0, now).count, 1);
    dispatcher.release(0, Room { count: 1, reserved: 1, waits: true }, 1);
    for _ in 0..100 {
        dispatcher.note_size(100);
    }
    dispatcher.release(0, Room::default(), 1);
    assert_eq!(dispatcher.reserve(0, now).count, bounds().slots);
}

#[test]
fn unstarted_jobs_are_given_back_and_running_ones_are_not() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    for number in 0..5 {
        let _ = dispatcher.admit(ticket(number, "a", false), now);
    }
    let back: Vec<u64> = dispatcher.give_back_unstarted(0).into_iter().map(|ticket| ticket.job).collect();
    assert_eq!((back, dispatcher.in_flight(0)), (vec![3, 4], 3));
}

#[test]
fn suspects_run_one_at_a_time_beside_ordinary_jobs() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    assert!(matches!(dispatcher.admit(ticket(1, "a", true), now), Placement::Start(_)));
    assert!(matches!(dispatcher.admit(ticket(2, "b", true), now), Placement::Kept));
    assert!(matches!(dispatcher.admit(ticket(3, "b", false), now), Placement::Start(_)));
    let moves = dispatcher.finish(id(1), now, Answer::Works, 0.0).moves;
    assert!(matches!(&moves[..], [Placement::Start(next)] if next.job == 2), "{moves:?}");
}

#[test]
fn many_suspects_leave_the_slots_to_others() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let placements: Vec<_> = (0..8).map(|number| dispatcher.admit(ticket(number, "a", true), now)).collect();
    let deferred = placements.iter().filter(|placement| matches!(placement, Placement::Defer(_, _))).count();
    assert_eq!((dispatcher.in_flight(0), deferred), (1, 8 - 1 - MAX_SUSPECTS));
    assert_eq!(dispatcher.reserve(0, now).count, bounds().slots - 1, "ordinary jobs are read beside them");
}

#[test]
fn a_suspect_that_was_sent_away_is_not_recalled_and_an_ordinary_job_is() {
    let mut dispatcher = Dispatcher::new(bounds());
    for (number, suspect) in [(1, true), (2, false)] {
        let ticket = ticket(number, "a", suspect);
        let job = SentAway {
            job_id: number.to_string().into(),
            id: ticket.id,
            back_at: Instant::now() + SUSPECT_WAIT,
        };
        dispatcher.remember(&ticket, job, Instant::now());
    }
    let recalled: Vec<_> =
        dispatcher.take_recalled(0, Instant::now()).into_iter().map(|job| job.id.entry.millis).collect();
    assert_eq!(recalled, [2]);
}
