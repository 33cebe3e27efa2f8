use proptest::prelude::*;

use super::*;

fn bounds() -> Bounds {
    Bounds { slots: 8, max_in_flight: 3, max_bytes: 100_000 }
}

fn ticket(number: u64, destination: &str, suspect: bool) -> Ticket<u64> {
    Ticket {
        entry: EntryId { millis: number, sequence: 0 },
        destination: destination.into(),
        bytes: 100,
        suspect,
        job: number,
    }
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

/// What a caller sees of a dispatcher, and what must hold of it.
struct Watcher {
    dispatcher: Dispatcher<u64>,
    now: Instant,
    next: u64,
    running: Vec<(EntryId, Arc<str>)>,
    suspects_running: HashSet<EntryId>,
    unsettled: Vec<EntryId>,
    started_ever: HashSet<EntryId>,
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
                Placement::Kept => continue,
                Placement::Defer(ticket, wait) => {
                    assert!(wait <= Duration::from_secs(60));
                    self.unsettled.push(ticket.entry);
                    continue;
                }
            };
            assert!(self.started_ever.insert(ticket.entry), "an entry was started twice");
            self.running.push((ticket.entry, ticket.destination.clone()));
            let there =
                self.running.iter().filter(|(_, destination)| *destination == ticket.destination).count();
            assert!(there <= bounds().max_in_flight, "more requests than the destination takes");
            if ticket.suspect {
                self.suspects_running.insert(ticket.entry);
            }
        }
        assert!(self.running.len() <= bounds().slots, "more requests than slots");
        assert!(self.suspects_running.len() <= 1, "two suspects at a time");
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Read(jobs) => self.read(jobs),
            Step::Finish(nth) if !self.running.is_empty() => {
                let (entry, _) = self.running.remove(nth % self.running.len());
                self.suspects_running.remove(&entry);
                self.unsettled.push(entry);
                let next = self.dispatcher.finish(entry, self.now, Pace::Learn);
                self.moved(next);
            }
            Step::Settle(nth) if !self.unsettled.is_empty() => {
                let entry = self.unsettled.remove(nth % self.unsettled.len());
                self.dispatcher.settled(entry);
                assert!(!self.dispatcher.holds(entry));
            }
            Step::Wait(ms) => self.now += Duration::from_millis(ms.into()),
            Step::Sweep => {
                let moves = self.dispatcher.sweep(self.now);
                self.moved(moves);
            }
            Step::GiveBack => {
                let back = self.dispatcher.give_back_unstarted();
                self.unsettled.extend(back.iter().map(|ticket| ticket.entry));
            }
            Step::Finish(_) | Step::Settle(_) => {}
        }
    }

    fn read(&mut self, jobs: Vec<(u8, bool)>) {
        let room = self.dispatcher.reserve();
        self.dispatcher.release(room);
        for (destination, suspect) in jobs.into_iter().take(room) {
            self.next += 1;
            let ticket = ticket(self.next, &format!("d{destination}"), suspect);
            let placement = self.dispatcher.admit(ticket, self.now);
            self.moved(vec![placement]);
        }
    }

    /// Everything that was read is somewhere, and nothing is left once all has ended.
    fn drain(mut self) {
        while let Some((entry, _)) = self.running.first().cloned() {
            self.take(Step::Finish(0));
            assert!(self.dispatcher.holds(entry));
        }
        self.take(Step::GiveBack);
        while !self.unsettled.is_empty() {
            self.take(Step::Settle(0));
        }
        assert_eq!(
            (self.dispatcher.in_flight(), self.dispatcher.unsettled(), self.dispatcher.bytes),
            (0, 0, 0)
        );
        assert!(
            (1..=self.next).all(|number| !self.dispatcher.holds(EntryId { millis: number, sequence: 0 }))
        );
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
    assert_eq!(dispatcher.in_flight(), 3);
}

#[test]
fn a_large_entry_makes_the_next_reads_small() {
    let mut dispatcher: Dispatcher<u64> = Dispatcher::new(bounds());
    dispatcher.note_size(60_000);
    assert_eq!(dispatcher.reserve(), 1);
    dispatcher.release(1);
    for _ in 0..100 {
        dispatcher.note_size(100);
    }
    dispatcher.release(0);
    assert_eq!(dispatcher.reserve(), bounds().slots);
}

#[test]
fn unstarted_jobs_are_given_back_and_running_ones_are_not() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    for number in 0..5 {
        let _ = dispatcher.admit(ticket(number, "a", false), now);
    }
    let back: Vec<u64> = dispatcher.give_back_unstarted().into_iter().map(|ticket| ticket.job).collect();
    assert_eq!((back, dispatcher.in_flight()), (vec![3, 4], 3));
}

#[test]
fn suspects_run_one_at_a_time_beside_ordinary_jobs() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    assert!(matches!(dispatcher.admit(ticket(1, "a", true), now), Placement::Start(_)));
    assert!(matches!(dispatcher.admit(ticket(2, "b", true), now), Placement::Kept));
    assert!(matches!(dispatcher.admit(ticket(3, "b", false), now), Placement::Start(_)));
    let moves = dispatcher.finish(EntryId { millis: 1, sequence: 0 }, now, Pace::Learn);
    assert!(matches!(&moves[..], [Placement::Start(next)] if next.job == 2), "{moves:?}");
}

#[test]
fn many_suspects_leave_the_slots_to_others() {
    let mut dispatcher = Dispatcher::new(bounds());
    let now = Instant::now();
    let placements: Vec<_> = (0..8).map(|number| dispatcher.admit(ticket(number, "a", true), now)).collect();
    let deferred = placements.iter().filter(|placement| matches!(placement, Placement::Defer(_, _))).count();
    assert_eq!((dispatcher.in_flight(), deferred), (1, 8 - 1 - MAX_SUSPECTS));
    assert_eq!(dispatcher.reserve(), bounds().slots - 1, "ordinary jobs are read beside them");
}

#[test]
fn a_suspect_that_was_sent_away_is_not_recalled_and_an_ordinary_job_is() {
    let mut dispatcher = Dispatcher::new(bounds());
    for (number, suspect) in [(1, true), (2, false)] {
        let ticket = ticket(number, "a", suspect);
        let job = SentAway { job_id: number.to_string().into(), entry: ticket.entry };
        dispatcher.remember(&ticket, job);
    }
    let recalled: Vec<_> = dispatcher.take_recalled().into_iter().map(|job| job.entry.millis).collect();
    assert_eq!(recalled, [2]);
}
