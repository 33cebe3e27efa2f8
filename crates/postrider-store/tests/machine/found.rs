//! Sequences that were wrong once, each the shortest of its kind.

use crate::explore::Laboratory;
use crate::steps::{Fate, Fault, JOBS, SeenBeat, Shape, Step};

/// The places of `{q}:retry` and `{q}:held` among the satellites that can break.
const RETRY: usize = 0;
const HELD: usize = 3;

const HOLD: Fate = Fate::Held { hook: 0, age: 1, expires: false };

fn check(steps: &[Step]) {
    if let Err(wrong) = Laboratory::start().run(steps) {
        panic!("{wrong}");
    }
}

fn produce() -> Step {
    Step::Produce { queue: JOBS, shape: Shape::Plain, id: None }
}

fn read() -> Step {
    Step::Read { queue: JOBS, worker: 0, count: 1 }
}

fn settle(fate: Fate) -> Step {
    settle_as(0, fate)
}

fn settle_as(worker: usize, fate: Fate) -> Step {
    Step::Settle { queue: JOBS, worker, batch: vec![(0, fate, false)], most: 1000, is_repeat: false }
}

/// Each call of `release.lua` added the oldest held job to the stream, and failed when it came to the waiting set.
#[test]
fn a_held_job_is_not_added_to_the_stream_again_and_again_while_the_waiting_set_is_no_set() {
    let held = settle(HOLD);
    let release = || Step::Release { hook: 0, most: 1 };
    let broken = Step::Fault(Fault::Break { satellite: RETRY });
    check(&[produce(), read(), held, broken, release(), release(), Step::Fault(Fault::Mend), release()]);
}

/// `release.lua` took it off its hook's list, and at the end of time nothing falls due.
#[test]
fn a_held_job_whose_record_can_not_be_read_is_buried_when_its_hook_is_released() {
    let held = settle(HOLD);
    let release = Step::Release { hook: 0, most: 1 };
    let damaged = Step::Fault(Fault::DamageRecord { pick: 0 });
    check(&[produce(), read(), held, damaged, release, Step::Promote { queue: JOBS }]);
}

/// `settle.lua` took the job's record away and left its id, at a time that never comes.
#[test]
fn a_late_success_ends_the_wait_of_a_held_job_wholly_or_not_at_all() {
    let lost = Step::TakeOver { queue: JOBS, worker: 1, lost: 0, beat: SeenBeat::Latest, most: 1 };
    let broken = Step::Fault(Fault::Break { satellite: RETRY });
    let late = || settle(Fate::Done);
    let held = settle_as(1, HOLD);
    check(&[produce(), read(), lost, held, broken, late(), Step::Fault(Fault::Mend), late()]);
}

/// `settle.lua` had put it on the list of its hook, and the hook on none.
#[test]
fn a_job_that_could_not_be_held_is_left_on_no_list() {
    let broken = Step::Fault(Fault::Break { satellite: HELD });
    check(&[produce(), read(), broken, settle(HOLD), settle(Fate::Done)]);
}
